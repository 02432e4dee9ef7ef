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
        yield FullFinding(
            kind="training-shards-kept-open",
            weight=Weight.VIOLATION,
            message=f"{held.path} was read in evaluation through {means} that was kept open from before",
        )


def held_shards(trace: RunTrace, began: ReadBack) -> tuple[str, ...]:
    """Training shards that some process still had open in evaluation, read or not."""
    return tuple(dict.fromkeys(held.path for held in trace.held if held.seconds >= began.seconds))


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
    """Kept descriptors whose position moved, and kept maps of which more came into memory, in evaluation."""
    first: dict[tuple[int, str, bool], Held] = {}
    found: dict[tuple[int, str, bool], Held] = {}
    for held in trace.held:
        key = held.process, held.path, held.mapped
        if held.seconds < began.seconds:
            # The last look before the evaluation is what it starts from.
            first[key] = held
            continue
        before = first.setdefault(key, held)
        least = PAGE if held.mapped else 0
        if held.reached - before.reached > least:
            found.setdefault(key, held)
    return list(found.values())
