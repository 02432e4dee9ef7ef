"""What the evaluation reached for that is not there for it: training shards and the network.

A try is a finding whether it was refused or not, and whether the script went on or not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.read_backs import Boundary, ReadBack
from auditor.replay.full.run_trace import Held, RunTrace
from auditor.replay.runs.observations import SocketUse

SHOWN: Final = 3
AROUND_S: Final = 2.5
"""What is held open is looked at every 2 s: what is first seen to have moved so soon may have moved in training."""

PAGE: Final = 4096


def late_training(trace: RunTrace, began: ReadBack) -> Iterator[FullFinding]:
    """Training shards that were opened, or read on through what was open, after the evaluation began."""
    late = [file for file in trace.training_reads() if file.number > began.number]
    if late:
        paths = list(dict.fromkeys(file.path for file in late))
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        refused = f" (refused: {os.strerror(late[0].refused)})" if late[0].refused else ""
        yield FullFinding(
            kind="training-shards-in-evaluation",
            weight=Weight.VIOLATION,
            message=f"training shards were opened {late[0].seconds - began.seconds:.1f} s after the artifact was "
            f"opened again: {', '.join(paths[:SHOWN])}{more}{refused}",
        )
    for held in _read_on(trace, began):
        means = "a memory map" if held.mapped else "a descriptor"
        certain = held.seconds >= began.seconds + AROUND_S
        yield FullFinding(
            kind="training-shards-kept-open",
            weight=Weight.VIOLATION if certain else Weight.REVIEW,
            message=f"{held.path} was read {'in evaluation' if certain else 'in evaluation or just before it'} "
            f"through {means} that was kept open from before",
        )


def held_shards(trace: RunTrace, began: ReadBack) -> Iterator[FullFinding]:
    """Training shards that were still open in evaluation, though nothing was seen to be read through them.

    Arrays that stand for a file keep a map of it as long as they live. A descriptor is for reading, and pread(2) moves
    no position.
    """
    for mapped, weight, means in (
        (False, Weight.REVIEW, "a descriptor"),
        (True, Weight.NOTE, "a memory map"),
    ):
        held = list(
            dict.fromkeys(
                one.path for one in trace.held if one.mapped is mapped and one.seconds >= began.seconds
            )
        )
        if held:
            more = f" and {len(held) - SHOWN} more" if len(held) > SHOWN else ""
            yield FullFinding(
                kind="training-shards-held",
                weight=weight,
                message=f"{means} of {', '.join(held[:SHOWN])}{more} was kept open in evaluation; nothing was seen "
                "to be read through it",
            )


def network(trace: RunTrace, edge: Boundary) -> Iterator[FullFinding]:
    """Tries to reach other machines."""
    asked = [
        use
        for use in trace.seen.sockets
        if trace.names_itself and is_lookup(use) and use not in trace.seen.outside
    ]
    tries = sorted([*trace.seen.outside, *asked], key=lambda use: use.number)
    start = edge.at
    for when, weight, chosen in (
        (
            "in evaluation",
            Weight.VIOLATION,
            [u for u in tries if start is not None and u.number > start.number],
        ),
        (
            "before the evaluation",
            Weight.REVIEW,
            [u for u in tries if start is None or u.number < start.number],
        ),
    ):
        if chosen:
            where = list(
                dict.fromkeys("a name was looked up" if is_lookup(use) else use.address for use in chosen)
            )
            yield FullFinding(
                kind="network",
                weight=weight,
                message=f"the network was tried {when}, {chosen[0].seconds:.1f} s after the launch: "
                f"{', '.join(where[:SHOWN])}",
            )


def is_lookup(use: SocketUse) -> bool:
    """Whether a name server was to be asked; without a list of them that is this machine."""
    return use.call == "connect" and use.address.endswith(":53")


def _read_on(trace: RunTrace, began: ReadBack) -> list[Held]:
    """Kept descriptors whose position moved, and kept maps of which more came into memory, in evaluation: of each
    the last move, which is the surest."""
    reached: dict[tuple[int, str, bool], int] = {}
    found: dict[tuple[int, str, bool], Held] = {}
    for held in sorted(trace.held, key=lambda one: one.seconds):
        key = held.process, held.path, held.mapped
        least = PAGE if held.mapped else 0
        if held.seconds >= began.seconds and held.reached - reached.get(key, held.reached) > least:
            found[key] = held
        reached[key] = held.reached
    return list(found.values())
