"""Processes that hand each other bytes: whatever their speed, and however many bytes."""

from __future__ import annotations

import os
import random
import time

import numpy as np
import pytest

from auditor.replay.inside.exchange import SLOT, Bytes, Exchange

TURNS = 60


def given(rank: int, turn: int, count: int) -> Bytes:
    """What a process hands over at a turn, known to all without being told."""
    return np.random.default_rng((rank, turn)).integers(0, 256, count).astype(np.uint8)


def length(turn: int) -> int:
    """Bytes of a turn: none, a few, or more than goes at once."""
    return (0, 8, 4000, 2 * SLOT + 5)[turn % 4 if turn < 8 else 1]


def take_part(exchange: Exchange, rank: int, ranks: int) -> bool:
    """Be one of them, at a pace of its own; tell whether all came as it was given."""
    exchange.enter(rank)
    chance = random.Random(rank)
    for turn in range(TURNS):
        time.sleep(chance.choice((0.0, 0.0, 0.001)))
        found = exchange.all(given(rank, turn, length(turn)))
        wanted = [given(other, turn, length(turn)) for other in range(ranks)]
        if not all(map(np.array_equal, found, wanted)):
            return False
    return True


@pytest.mark.parametrize("ranks", [2, 5])
def test_everyone_gets_what_each_has_given(ranks: int) -> None:
    exchange = Exchange(ranks)
    children = []
    for rank in range(ranks):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if take_part(exchange, rank, ranks) else 2
            finally:
                os._exit(code)
        children.append(child)
    exchange.close()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * ranks
