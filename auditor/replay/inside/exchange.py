"""What the processes of one run tell each other by: memory they share and a pipe each, made before they are forked.

A script adds up a gradient a parameter and a step, thousands of small tensors; through gloo's sockets each of them
costs a hundred times what the sum does.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

SLOT: Final = 1 << 20
"""Bytes that a process hands over at once; more goes in turns."""

HALVES: Final = 2
"""Slots of each process: one is written while others may still read the one of the turn before."""

_AT_ONCE: Final = 4096
_read, _write, _close = os.read, os.write, os.close


class Exchange:
    """Hands bytes of each process to all.

    Args:
        ranks: processes; each calls `enter` once it is forked.
    """

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self._slots = np.frombuffer(mmap.mmap(-1, HALVES * ranks * SLOT), dtype=np.uint8)
        self._slots = self._slots.reshape(HALVES, ranks, SLOT)
        self._pipes = [os.pipe() for _ in range(ranks)]
        self._rank = self._turn = 0
        self._arrived = [0] * ranks

    @property
    def descriptors(self) -> Iterator[int]:
        """What a process must keep open."""
        for ends in self._pipes:
            yield from ends

    def enter(self, rank: int) -> None:
        """Be one of the processes."""
        self._rank = rank

    def close(self) -> None:
        """Let go of the pipes, in a process that is none of them."""
        for end in self.descriptors:
            _close(end)

    def all(self, own: Bytes) -> list[Bytes]:
        """The bytes of every process, in their order; each must give as many."""
        whole = [np.empty_like(own) for _ in range(self.ranks)]
        for first in range(0, len(own), SLOT) or (0,):
            part = slice(first, first + SLOT)
            for out, given in zip(whole, self._turned(own[part]), strict=True):
                out[part] = given
        return whole

    def _turned(self, own: Bytes) -> Bytes:
        """One turn: hand over, wait until all have, and look at what they gave [ranks, n].

        Nobody is more than a turn ahead: what is looked at is written to again two turns on.
        """
        self._turn += 1
        slots = self._slots[self._turn % HALVES]
        slots[self._rank, : len(own)] = own
        told = bytes((self._rank,))
        for rank, (_, end) in enumerate(self._pipes):
            if rank != self._rank:
                _write(end, told)
        self._arrived[self._rank] = self._turn
        while min(self._arrived) < self._turn:
            for rank in _read(self._pipes[self._rank][0], _AT_ONCE):
                self._arrived[rank] += 1
        given: Bytes = slots[:, : len(own)]
        return given
