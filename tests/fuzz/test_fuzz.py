"""A short run of each fuzz target, the same every time; `make fuzz` runs them for long."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.__main__ import one_input
from tests.fuzz.targets import TARGETS

INPUTS = {"evaluate": 8, "unpack": 20, "parse": 10}
"""How many; these take a good part of a second each."""


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_seeds_are_read(name: str) -> None:
    for seed in TARGETS[name].seeds[:3]:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_inputs_near_the_seeds_break_nothing(name: str) -> None:
    for number in range(INPUTS.get(name, 60)):
        TARGETS[name](one_input(TARGETS[name], random.Random(f"test:{number}")))


def test_inputs_are_the_same_every_time_and_differ_from_each_other() -> None:
    target = TARGETS["log"]
    first = [one_input(target, random.Random(f"x:{number}")) for number in range(20)]
    again = [one_input(target, random.Random(f"x:{number}")) for number in range(20)]
    assert first == again and len(set(first)) > 15 and not set(first) & set(target.seeds)
