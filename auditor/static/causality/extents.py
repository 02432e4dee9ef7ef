"""Numbers that come from how long and how many the rows of a batch are, and what they are for other rows.

The proof runs a model on short rows. Where the model asks how long its rows are, or how many, the answer for those of
the evaluation may be another. So such a number carries its value for a few other sizes with it; a comparison that comes
out otherwise for one of them is noted, and the model is run for that size too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.static.causality.tensor import Tensor

Comparison = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """A size of a batch: tokens of a row, and rows."""

    length: int
    batch: int

    def __str__(self) -> str:
        return f"{self.batch:,} rows of {self.length:,} tokens"


OTHERS = (
    Rows(16, 2), Rows(1, 2), Rows(160, 2), Rows(320, 2), Rows(768, 2), Rows(1024, 2), Rows(2048, 2), Rows(4096, 1),
    Rows(32768, 1), Rows(64, 1), Rows(64, 8), Rows(64, 16), Rows(64, 64), Rows(64, 1024), Rows(2048, 64),
)  # fmt: skip
"""Sizes for which a comparison is asked again, beside those that are run anyway; of two that differ alike the first
is taken, so what shows least (a row of one token) comes late."""

MAX_RUN = 320
"""Tokens of a row up to which a size is run as it is; for a longer one, only the comparisons are answered as for it."""

MAX_ROWS_RUN = 16
"""The same for the rows of a batch."""


class Extent(int):
    """A number made of a row's length or a batch's size; `elsewhere` is what it is for each of `OTHERS`."""

    elsewhere: tuple[int, ...]

    @staticmethod
    def of(value: int, elsewhere: Sequence[int]) -> Extent:
        """The number `value`, and `elsewhere` for other rows."""
        made = Extent(value)
        made.elsewhere = tuple(elsewhere)
        return made

    def _with(self, other: object, apply: Callable[[int, int], int], *, swapped: bool = False) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        pairs = zip(self.elsewhere, elsewhere(other), strict=True)
        try:
            made = [apply(b, a) if swapped else apply(a, b) for a, b in pairs]
        except ZeroDivisionError:
            return NotImplemented
        here = (int(other), int(self)) if swapped else (int(self), int(other))
        return Extent.of(apply(*here), made)

    def __add__(self, other: object) -> Any:
        return self._with(other, operator.add)

    def __sub__(self, other: object) -> Any:
        return self._with(other, operator.sub)

    def __mul__(self, other: object) -> Any:
        return self._with(other, operator.mul) if isinstance(other, int) else NotImplemented

    def __floordiv__(self, other: object) -> Any:
        return self._with(other, operator.floordiv)

    def __mod__(self, other: object) -> Any:
        return self._with(other, operator.mod)

    def __radd__(self, other: object) -> Any:
        return self._with(other, operator.add, swapped=True)

    def __rsub__(self, other: object) -> Any:
        return self._with(other, operator.sub, swapped=True)

    def __rmul__(self, other: object) -> Any:
        return self._with(other, operator.mul, swapped=True)

    def __rfloordiv__(self, other: object) -> Any:
        return self._with(other, operator.floordiv, swapped=True)

    def __rmod__(self, other: object) -> Any:
        return self._with(other, operator.mod, swapped=True)

    def __neg__(self) -> Extent:
        return Extent.of(-int(self), [-value for value in self.elsewhere])


def elsewhere(number: Any) -> Sequence[Any]:
    """What a number is for each of `OTHERS`."""
    return number.elsewhere if isinstance(number, Extent) else (number,) * len(OTHERS)


class Sizes:
    """What a run's rows are, and for which others one of its comparisons comes out otherwise.

    Attributes:
        own: of the run.
        in_loop: whether the test of a loop is asked: its turns are those of the rows that are there.
        pretended: which of `OTHERS` the comparisons are answered for, or None for the run's own.
        differing: by place, for which of `OTHERS` a comparison came out otherwise.
    """

    def __init__(self, own: Rows, pretended: int | None = None) -> None:
        self.own = own
        self.pretended = pretended
        self.in_loop = False
        self.differing: dict[tuple[str, int], set[int]] = {}

    def of(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of a tensor: an axis along which the elements depend on other tokens is one of rows or batches."""
        return tuple(self._along(tensor, axis, size) for axis, size in enumerate(tensor.shape))

    def _along(self, tensor: Tensor, axis: int, size: int) -> int:
        if tensor.pos.shape[axis + 1] < 2:
            return size
        own = self.own
        if size == own.length:
            return Extent.of(size, [rows.length for rows in OTHERS])
        if size == own.batch:
            return Extent.of(size, [rows.batch for rows in OTHERS])
        if size == own.length * own.batch:
            return Extent.of(size, [rows.length * rows.batch for rows in OTHERS])
        return size

    def compared(self, where: tuple[str, int], apply: Comparison, left: Any, right: Any) -> Any:
        """A comparison with such a number: its answer for the rows in question; those of others are noted."""
        here = apply(left, right)
        if self.in_loop:
            return here
        there = [apply(a, b) for a, b in zip(elsewhere(left), elsewhere(right), strict=True)]
        found = {number for number, answer in enumerate(there) if answer != here}
        if found:
            self.differing.setdefault(where, set()).update(found)
        return here if self.pretended is None else there[self.pretended]

    def extreme(
        self, where: tuple[str, int], apply: Callable[[Sequence[Any]], Any], numbers: Sequence[Any]
    ) -> Any:
        """The smallest or greatest of numbers, some of them such; noted where it is another one for other rows."""
        here = apply(numbers)
        there = [apply(values) for values in zip(*map(elsewhere, numbers), strict=True)]
        place = [number == here for number in numbers].index(True)
        found = {i for i, value in enumerate(there) if elsewhere(numbers[place])[i] != value}
        if found:
            self.differing.setdefault(where, set()).update(found)
        return Extent.of(here, there) if isinstance(here, int) else here

    def to_run(self) -> list[int]:
        """Some of `OTHERS` so that every comparison comes out both ways."""
        chosen: list[int] = []
        for found in self.differing.values():
            # both sides of the lengths that are run: below, and above
            for side in (
                [number for number in sorted(found) if OTHERS[number].length < self.own.length],
                [number for number in sorted(found) if OTHERS[number].length >= self.own.length],
            ):
                if side and not set(side) & set(chosen):
                    chosen.append(side[0])
        return chosen
