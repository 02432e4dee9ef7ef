"""Which tokens are exchanged: places read off a small world by hand."""

from __future__ import annotations

import numpy as np

from auditor.replay.probes.flip_sites import early_in_the_longest_document
from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.toy.world import BOS, World, WorldSize, make_world


def scored(world: World, positions: list[int]) -> Scores:
    count = len(positions)
    base = {"position": np.array(positions, dtype=np.int64), "call": np.zeros(count, dtype=np.int64)}
    fields = {name: base.get(name, np.zeros(count)) for name in Scores.__dataclass_fields__}
    return Scores(**fields)


def test_the_place_is_the_first_scored_token_of_the_longest_document() -> None:
    world = make_world(WorldSize(vocabulary=64, validation=900), 3)
    starts = np.nonzero(world.validation == BOS)[0]
    ends = np.append(starts[1:], len(world.validation))
    longest = int(np.argmax(ends - starts))
    everything = [p for p in range(2, len(world.validation)) if world.validation[p] != BOS]
    place = early_in_the_longest_document(world, scored(world, everything))
    assert place is not None
    assert starts[longest] < place.position < ends[longest]
    assert place.position <= starts[longest] + 2
    half = [p for p in everything if p < starts[longest]]
    other = early_in_the_longest_document(world, scored(world, half))
    assert other is None or other.position < starts[longest]


def test_without_scores_there_is_no_place() -> None:
    world = make_world(WorldSize(vocabulary=64, validation=900), 3)
    assert early_in_the_longest_document(world, scored(world, [])) is None
