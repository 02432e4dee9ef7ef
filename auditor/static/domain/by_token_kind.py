"""Values known for each kind of token: tables by token id, and what scripts compute from them by element.

A table of byte lengths is a function of the token's kind (`auditor.trace.token_bytes`), a lookup in it by the
target tokens a function of each target, and `lut[y] + (space[y] & ~boundary[x])` one of two tokens at a time.
Arithmetic on such values is done for every kind, so that what a script counts is compared with what it
should count whatever the spelling.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.solver.expressions import on_forget
from auditor.trace.token_bytes import KINDS

TABLE = "by token id"
"""The axis of a table that is indexed by token id."""

MAX_AXES = 2
SIZE = len(KINDS)
INDEX = {kind.number: position for position, kind in enumerate(KINDS)}

UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Invert: lambda value: not value if isinstance(value, bool) else ~value,
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


@dataclass(frozen=True, slots=True)
class ByKind:
    """A value for each kind of token.

    Attributes:
        axes: what is indexed: `TABLE`, or the tokens of each axis (a set of regions), at most two; none for an
            array that holds one value everywhere.
        values: one for each combination of kinds, the last axis running fastest; None where it is not known.
            The tuple is empty where nothing is known any more but that it came from such tables.
    """

    axes: tuple[object, ...]
    values: tuple[object, ...]

    @property
    def is_table(self) -> bool:
        return self.axes == (TABLE,)

    @property
    def known(self) -> bool:
        return bool(self.values)

    def lost(self) -> ByKind:
        """The same origin, computed on in a way that was not followed."""
        return ByKind(self.axes, ())

    def at(self, tokens: object) -> ByKind:
        """A table looked up by tokens."""
        return ByKind((tokens,), self.values if self.axes else self.values * SIZE)

    def moved(self, change: Callable[[Any], object]) -> ByKind:
        """The same for other tokens: each axis exchanged, a table's kept."""
        return ByKind(tuple(axis if axis == TABLE else change(axis) for axis in self.axes), self.values)

    def with_value(self, position: int, value: object) -> ByKind:
        """A table with another value for one kind."""
        values = self.values if self.axes else self.values * SIZE
        return table((*values[:position], value, *values[position + 1 :]))


def table(values: Sequence[object]) -> ByKind:
    """A table with these values for the kinds in order."""
    return ByKind((TABLE,), tuple(values))


def filled(value: object) -> ByKind:
    """One value everywhere, whatever the array is indexed by."""
    return ByKind((), (value,))


def _safe(function: Callable[..., Any], *values: Any) -> object:
    if any(value is None for value in values):
        return None
    try:
        result = function(*values)
    except (TypeError, ValueError, ArithmeticError, LookupError):
        return None
    return result if isinstance(result, (int, float, str, bytes)) else None


def elementwise(function: Callable[..., Any], *parts: object) -> ByKind | None:
    """A function applied by element to values by kind and constants; None if no value by kind is among them."""
    given = [part for part in parts if isinstance(part, ByKind)]
    if not given:
        return None
    axes: list[object] = []
    for part in given:
        axes.extend(axis for axis in part.axes if axis not in axes)
    if len(axes) > MAX_AXES or not all(part.known for part in given):
        return ByKind(tuple(axes[:MAX_AXES]), ())
    operands = [(part.values, _picks(part, axes)) if isinstance(part, ByKind) else part for part in parts]
    return ByKind(tuple(axes), _computed(function, operands, len(axes)))


_COMPUTED: dict[object, tuple[object, tuple[object, ...]]] = {}
on_forget(_COMPUTED.clear)


def _computed(function: Callable[..., Any], operands: Sequence[object], axes: int) -> tuple[object, ...]:
    """The values for all combinations of kinds, computed once for the same function and the same values.

    Values go by identity: True and 1 are equal and behave otherwise. They are kept so that it is not given away.
    """
    key = (
        function,
        axes,
        *(
            (id(operand[0]), operand[1]) if isinstance(operand, tuple) else (type(operand), operand)
            for operand in operands
        ),
    )
    known = _COMPUTED.get(key)
    if known is None:
        values = tuple(
            _safe(
                function,
                *(
                    operand[0][_offset(combination, operand[1])] if isinstance(operand, tuple) else operand
                    for operand in operands
                ),
            )
            for combination in itertools.product(range(SIZE), repeat=axes)
        )
        known = _COMPUTED[key] = (operands, values)
    return known[1]


def _picks(by_kind: ByKind, axes: Sequence[object]) -> tuple[int, ...]:
    return tuple(axes.index(axis) for axis in by_kind.axes)


def _offset(combination: tuple[int, ...], pick: tuple[int, ...]) -> int:
    offset = 0
    for axis in pick:
        offset = offset * SIZE + combination[axis]
    return offset


def joined_by_kind(a: ByKind | None, b: ByKind | None) -> ByKind | None:
    """What a value is that is one or the other."""
    if a is b or b is None:
        return a
    if a is None:
        return b
    if a == b:
        return a
    axes = _joined_axes(a.axes, b.axes)
    if axes is None or not (a.known and b.known):
        return a.lost() if a.axes else b.lost()
    values = zip(a.values, b.values, strict=True)
    return ByKind(axes, tuple(x if x == y and type(x) is type(y) else None for x, y in values))


def _joined_axes(a: tuple[object, ...], b: tuple[object, ...]) -> tuple[object, ...] | None:
    """The axes of one value or the other: the tokens of both, where both are looked up the same way."""
    if len(a) != len(b):
        return None
    axes: list[object] = []
    for x, y in zip(a, b, strict=True):
        if isinstance(x, frozenset) and isinstance(y, frozenset):
            axes.append(x | y)
        elif x == y:
            axes.append(x)
        else:
            return None
    return tuple(axes)


def by_pair(by_kind: ByKind, precedes: Callable[[Any, Any], bool | None]) -> tuple[float | None, ...]:
    """What is counted for each kind of token after each kind: rows by the token before, as `Counted` has it.

    Which token stands before the counted one is told by `precedes(first axis, second axis)`. Where it cannot
    tell, the other token may only gate by being a boundary, as in the canonical count: such tokens are so rare
    that it does not matter which one is asked. Empty where neither holds.
    """
    if not by_kind.known:
        return ()
    numbers = [float(v) if isinstance(v, (bool, int, float)) else None for v in by_kind.values]
    if not by_kind.axes:
        return tuple(numbers) * (SIZE * SIZE)
    if len(by_kind.axes) == 1:
        return tuple(numbers) * SIZE
    rows = [tuple(numbers[row * SIZE : (row + 1) * SIZE]) for row in range(SIZE)]
    columns = list(zip(*rows, strict=True))
    first_is_before = precedes(by_kind.axes[0], by_kind.axes[1])
    if first_is_before is None:
        first_is_before = len(set(rows)) < len(set(columns))
        if not _only_gates(rows if first_is_before else columns):
            return ()
    return tuple(itertools.chain.from_iterable(rows if first_is_before else columns))


def _only_gates(rows: Sequence[tuple[float | None, ...]]) -> bool:
    """Whether all kinds of text tokens before a token have the same effect on its count."""
    return len({row for row, kind in zip(rows, KINDS, strict=True) if not kind.boundary}) == 1
