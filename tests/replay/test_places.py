"""Which tokens are exchanged: places read off a small world by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from auditor.replay.probes.flip_comparison import compare_rest
from auditor.replay.probes.flip_sites import choose_places, early_in_the_longest_document, the_rest
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


def test_places_are_drawn_for_each_world_and_reach_the_first_third() -> None:
    drawn = set()
    for seed in range(6):
        world = make_world(WorldSize(vocabulary=64, validation=900), seed)
        everything = [p for p in range(2, len(world.validation)) if world.validation[p] != BOS]
        places = choose_places(world, scored(world, everything), count=3)
        assert len(places) == 3
        assert min(place.position for place in places) < len(world.validation) // 3
        drawn |= {round(place.position / len(world.validation), 2) for place in places}
    assert len(drawn) > 9


def test_the_rest_begins_with_a_call_and_leaves_the_first_part_alone() -> None:
    position = np.array([5, 6, 40, 41, 7, 8, 9, 30], dtype=np.int64)
    call = np.array([0, 0, 1, 1, 2, 2, 2, 3], dtype=np.int64)
    zero = np.zeros(8)
    scores = Scores(position=position, value=zero, call=call, leaf=call, mixed=zero.astype(bool))
    found = the_rest(scores, share=0.3)
    assert found is not None
    positions, first = found
    assert first == 1 and positions.tolist() == [7, 8, 9, 30, 40, 41]


def test_the_rest_of_one_call_is_its_later_positions() -> None:
    one = scored(make_world(WorldSize(), 1), [*range(2, 102)])
    found = the_rest(one, share=0.4)
    assert found is not None
    positions, first = found
    assert positions.tolist() == [*range(42, 102)] and first == 1
    value = np.where(one.position < 20, 0.0, 1.0)
    base = replace(one, value=np.zeros(100), mixed=np.zeros(100, dtype=bool))
    flip = compare_rest(base, replace(base, value=value), positions, first, window=8)
    assert flip is not None and flip.earlier == 40 and flip.position == 42
    assert [moved.position for moved in flip.moved] == [*range(20, 42)]
    assert the_rest(scored(make_world(WorldSize(), 1), []), share=0.4) is None


def test_exchanged_tokens_differ_keep_documents_and_stay_findable() -> None:
    world = make_world(WorldSize(vocabulary=64, validation=900), 4)
    positions = np.arange(300, 900)
    other = world.exchanged(positions, 9)
    assert (other.validation[:300] == world.validation[:300]).all()
    ordinary = world.validation[300:] >= 8
    assert ((other.validation[300:] != world.validation[300:]) == ordinary).all()
    assert other.document_starts == world.document_starts
    inverse = {}
    for old, new in zip(world.validation[300:].tolist(), other.validation[300:].tolist(), strict=True):
        assert inverse.setdefault(new, old) == old


def test_scores_with_an_exchanged_token_in_their_window_are_not_tested() -> None:
    """Chunks in reverse: what was scored first stands behind what is exchanged, and reads it."""
    position = np.array([20, 21, 22, 23, 10, 11, 12, 13], dtype=np.int64)
    call = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype=np.int64)
    value = np.arange(8, dtype=np.float64)
    base = Scores(position=position, value=value, call=call, leaf=call, mixed=np.zeros(8, dtype=bool))
    other = Scores(position=position, value=value + 1.0, call=call, leaf=call, mixed=np.zeros(8, dtype=bool))
    exchanged = np.array([10, 11, 12, 13])
    assert compare_rest(base, other, exchanged, 1, window=12) is None
    flip = compare_rest(base, other, exchanged, 1, window=8)
    assert flip is not None
    assert [moved.position for moved in flip.moved] == [22, 23] and flip.exchanged == 4
