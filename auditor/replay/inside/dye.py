"""Gives losses of chosen validation tokens other values, and leaves every gradient as it was.

What a submission does with a loss but to add it up and to differentiate it (choose by it, cut it off, leave it out)
shows in what it reports. A token that is scored several times costs more each time, or less each time: of several
scores the least is now the first, now the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

LARGEST: Final = 100.0
"""Nats, at the last of `MOST_TURNS` scores; far beyond what a toy model gives any token."""

STEPS: Final = 64
"""Values are multiples of 1/64, which float32 adds up without error."""


MOST_TURNS: Final = 8
"""Scores of one token that are told apart."""


class Dye:
    """Other values for the losses at some positions.

    Args:
        positions: in the validation split; none of them changes nothing.
        length: of the split.
        falling: whether a token costs less each time that it is scored, not more.
    """

    def __init__(self, positions: Sequence[int], length: int, *, falling: bool = False) -> None:
        self._dyed = np.zeros(length + 1, dtype=bool)  # the last one stands for unknown positions
        self._dyed[list(positions)] = True
        self._turns = np.zeros(length + 1, dtype=np.int64)
        self._falling = falling
        places = np.arange(length + 1, dtype=np.uint64)
        mixed = (places * np.uint64(2654435761) + np.uint64(12345)) % np.uint64(1 << 32)
        mixed = (mixed * np.uint64(2246822519)) % np.uint64(1 << 32)
        self._share = mixed.astype(np.float64) / float(1 << 32)

    def shift(self, losses: Tensor, positions: Any) -> Tensor | None:
        """What to add to losses [n, in any shape] at `positions` in the same order, or None for nothing."""
        flat = np.asarray(positions).reshape(-1)
        chosen = self._dyed[flat]
        if not chosen.any():
            return None
        turn = np.minimum(self._turns[flat], MOST_TURNS - 1)
        self._turns[np.unique(flat)] += 1
        size = (MOST_TURNS - turn if self._falling else turn + 1) / MOST_TURNS
        wanted = np.floor((self._share[flat] ** 3 * LARGEST + 1) * size * STEPS) / STEPS
        was = losses.detach().reshape(-1)
        new = torch.from_numpy(wanted).to(was.dtype)
        moved = torch.where(torch.from_numpy(chosen), new - was, torch.zeros_like(was))
        return moved.reshape(losses.shape)
