"""Tells the positions of rows of tokens in the validation stream from the tokens alone.

Works because the toy world repeats no stretch of `ANCHOR` tokens outside a few passages. A stretch that occurs
once anchors its row; the rest of the row is followed from there in both directions. A row too short for an anchor is
found where it opens a document or goes on where another ended, if that is one place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from auditor.replay.toy.world import ANCHOR, BOS, PASSAGE

Ints = NDArray[np.int64]

_FACTOR = np.uint64(1_000_003)
UNKNOWN = -1
LENGTHS: Final = (ANCHOR, 8, 12, 16, 24, 32, 48, 64)
"""Lengths of anchors for other streams than the toy world's, which repeat more."""


class Locator:
    """Finds tokens of one validation stream.

    Args:
        stream: the tokens of the validation split in order.
        anchor: tokens of a stretch that tells its position if it occurs once.
    """

    def __init__(self, stream: Ints, anchor: int = ANCHOR) -> None:
        self.stream, self._anchor = np.ascontiguousarray(stream, dtype=np.int64), anchor
        # The longest row that can lack an anchor: a passage with less than an anchor's length beside it.
        self._short = PASSAGE + anchor
        codes = _codes(self.stream[None], anchor)[0]
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        alone = np.ones(len(ordered), dtype=bool)
        alone[1:] &= ordered[1:] != ordered[:-1]
        alone[:-1] &= ordered[:-1] != ordered[1:]
        self._codes, self._starts = ordered[alone], order[alone].astype(np.int64)
        self._last: dict[int, tuple[Ints, Ints]] = {}
        self._tokens = np.unique(self.stream)
        self._goes_on = {int(start) for start in np.nonzero(self.stream == BOS)[0]}

    def holds(self, tokens: Ints) -> NDArray[np.bool_]:
        """Which tokens occur in the stream at all; what fills rows up does not."""
        return np.isin(tokens, self._tokens)

    def locate(self, rows: Ints) -> Ints:
        """Positions of the tokens of rows [B, T]; `UNKNOWN` where they are not of this stream.

        A row without an anchor is taken to repeat the row of the same number in the last call with as many rows,
        to go on where that ended, or to be a part of it, whichever its tokens fit first.
        """
        found = self._anchored(rows)
        self._continue(rows, found)
        self._place_short(rows, found)
        self._goes_on |= {int(end) + step for end in found.max(axis=1) if end >= 0 for step in (0, 1)}
        known = found[:, -1] >= 0
        last = self._last.setdefault(len(rows), (np.full(len(rows), UNKNOWN), np.full(len(rows), UNKNOWN)))
        for held, column in zip(last, (0, -1), strict=True):
            held[known] = found[known, column]
        return found

    def _continue(self, rows: Ints, found: Ints) -> None:
        last = self._last.get(len(rows))
        if last is None:
            return
        starts, ends = last
        length = rows.shape[1]
        for row in np.nonzero((found < 0).all(axis=1) & (ends >= 0))[0].tolist():
            end = int(ends[row])
            # The same row once more, or the next one (with the token before its targets at hand a row begins on
            # the last token of the row before), or a part of the last one.
            again = int(starts[row]) if end - int(starts[row]) + 1 == length else UNKNOWN
            for first in (again, end + 1, end, *range(end - 1, int(starts[row]) - 1, -1)):
                if first >= 0 and np.array_equal(self.stream[first : first + length], rows[row]):
                    found[row] = np.arange(first, first + length)
                    break

    def _place_short(self, rows: Ints, found: Ints) -> None:
        """Rows of a few tokens with padding around them, which the stream never holds."""
        for row in np.nonzero((found < 0).all(axis=1))[0].tolist():
            held = np.nonzero(self.holds(rows[row]))[0]
            if not 2 <= len(held) <= self._short or held[-1] - held[0] + 1 != len(held):
                continue
            tokens = rows[row, held]
            fits = [
                start
                for start in np.nonzero(self.stream[: len(self.stream) - len(held) + 1] == tokens[0])[
                    0
                ].tolist()
                if start in self._goes_on and np.array_equal(self.stream[start : start + len(held)], tokens)
            ]
            if len(fits) == 1:
                found[row, held] = np.arange(fits[0], fits[0] + len(held))

    def _anchored(self, rows: Ints) -> Ints:
        found = np.full(rows.shape, UNKNOWN, dtype=np.int64)
        length = rows.shape[1]
        if length < self._anchor or not len(self._codes):
            return found
        codes = _codes(rows, self._anchor)
        at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        anchored = self._codes[at] == codes
        if not anchored.any():
            return found
        starts = np.where(anchored, self._starts[at], UNKNOWN)
        for shift in range(self._anchor):
            part = found[:, shift : shift + starts.shape[1]]
            part[anchored] = starts[anchored] + shift
        self._extend(rows, found)
        return found

    def _extend(self, rows: Ints, found: Ints) -> None:
        """Follow the stream from known positions to both sides as long as the tokens agree."""
        length = rows.shape[1]
        for step, columns in ((1, range(1, length)), (-1, range(length - 2, -1, -1))):
            for column in columns:
                near = found[:, column - step]
                there = near + step
                fits = (found[:, column] < 0) & (near >= 0) & (there >= 0) & (there < len(self.stream))
                if fits.any():
                    fits &= self.stream[np.where(fits, there, 0)] == rows[:, column]
                    found[fits, column] = there[fits]


def repeated(stream: Ints, length: int) -> float:
    """Which share of the stretches of this length occur a second time in a stream."""
    codes = _codes(stream[None], length)[0]
    return 1.0 - len(np.unique(codes)) / max(len(codes), 1)


def without(stream: Ints, other: Ints, length: int) -> Ints:
    """A stream without the stretches of this length that occur in another one, until there are none."""
    known = np.unique(_codes(other[None], length)[0])
    while True:
        shared = np.isin(_codes(stream[None], length)[0], known)
        if not shared.any():
            return stream
        kept = np.ones(len(stream), dtype=bool)
        for shift in range(length):
            kept[shift : shift + len(shared)] &= ~shared
        stream = stream[kept]


def _codes(rows: Ints, anchor: int) -> NDArray[np.uint64]:
    """A number for each stretch of `anchor` tokens in rows [B, T] → [B, T - anchor + 1]."""
    count = rows.shape[1] - anchor + 1
    values = rows.astype(np.uint64) + np.uint64(1)
    out = np.zeros((rows.shape[0], max(count, 0)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for shift in range(anchor):
            out = out * _FACTOR + values[:, shift : shift + max(count, 0)]
    return out
