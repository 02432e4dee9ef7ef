"""Tables by token id, and arithmetic by element on what is looked up in them.

The values themselves are those of `auditor.static.domain.by_token_kind`; here is which texts make and use them.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.program.operators import ELEMENTWISE, ORDERINGS
from auditor.solver.expressions import Expr
from auditor.static.domain.by_token_kind import (
    INDEX,
    UNARY,
    ByKind,
    elementwise,
)
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, Slice, SymbolicBool, SymbolicInt, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.trace.region import Region
from auditor.trace.token_bytes import KINDS


class TokenTables:
    """Follows tables by token id through stores, lookups and arithmetic."""

    def __init__(self, machine: Machine) -> None:
        self.heap = machine.heap
        self.views = machine.views

    def by_kind_of(self, value: Value | None) -> object:
        """A value as `elementwise` takes it: by kind, a constant, or None for anything else."""
        if isinstance(value, Data):
            return value.by_kind
        if isinstance(value, Const):
            return value.value if isinstance(value.value, (bool, int, float)) else None
        if isinstance(value, Obj):
            found = value.kinds
            return found.by_kind if isinstance(found, Data) else None
        return None

    def store_by_kind(self, target: Obj, index: Value, value: Value) -> bool:
        """Write a table for one model piece, or a whole table into another; False for any other write."""
        known = self.by_kind_of(target)
        if not isinstance(known, ByKind) or not known.known:
            return False
        new: ByKind | None = None
        chosen = self.chosen_kinds(index)
        if isinstance(index, Const) and isinstance(index.value, int) and not isinstance(index.value, bool):
            position = INDEX.get(index.value)
            if position is None:
                return True  # a single id that no model piece has
            new = known.with_value(position, value.value if isinstance(value, Const) else None)
        elif isinstance(index, Slice) and (index.lower is None or self.views.number(index.lower) == Expr(0)):
            given = self.by_kind_of(value)
            new = given if isinstance(given, ByKind) and given.is_table else None
        if new is None and chosen is not None and isinstance(value, Const):
            new = known
            for position in chosen:
                new = new.with_value(position, value.value)
        if new is None:
            self.forget_kinds(target)
            return False
        self.heap.put(target, Obj.kinds, Data(by_kind=new))
        if isinstance(value, Const):
            self.note_stored(target, value)
        return True

    def note_stored(self, target: Obj, value: Const) -> None:
        """Keep the constants that are written into an array: zeros and ones make a mask."""
        known = target.constants
        written = value.value if isinstance(value.value, (int, float)) else None
        self.heap.put(target, Obj.constants, (known or frozenset()) | {written})

    def chosen_kinds(self, index: Value) -> list[int] | None:
        """Positions in `KINDS` of the ids that a slice with constant bounds selects."""
        if not isinstance(index, Slice) or index.step is not None:
            return None
        bounds: list[int | None] = []
        for part in (index.lower, index.upper):
            value = part.value if isinstance(part, Const) else None
            if part is not None and (not isinstance(value, int) or value < 0):
                return None
            bounds.append(value if isinstance(value, int) else None)
        chosen = slice(*bounds)
        return [INDEX[kind.number] for kind in KINDS if in_slice(kind.number, chosen)]

    def forget_kinds(self, target: Obj) -> None:
        """The array was written in a way that is not followed by kind."""
        if target.kinds is not None:
            self.heap.trail.drop(target, Obj.kinds)

    def looked_up(self, owner: Value, index: Value) -> Value | ByKind | None:
        """A table read by an index: a constant for a model piece, by kind for tokens; None for anything else."""
        known = self.by_kind_of(owner)
        if not isinstance(known, ByKind) or not (known.is_table or not known.axes):
            return None
        if isinstance(index, Const) and isinstance(index.value, int) and known.known:
            position = INDEX.get(index.value) if known.is_table else 0
            return None if position is None else known_value(known.values[position])
        if isinstance(index, Slice) and (index.lower is None or self.views.number(index.lower) == Expr(0)):
            return known
        if isinstance(index, Const) and isinstance(index.value, str) and not known.known:
            return known  # one of the tables in a file
        if isinstance(index, (Slice, Const, TupleValue, SymbolicInt, SymbolicBool)):
            return None
        record = self.views.data(index)
        if "mask" in record.marks:
            return None
        return known.at(tokens_of(record))

    # arithmetic
    def combined(self, operator: ast.operator, left: Value, right: Value) -> ByKind | None:
        """Arithmetic by element where one side is known by kind."""
        a, b = self.by_kind_of(left), self.by_kind_of(right)
        given = [part for part in (a, b) if isinstance(part, ByKind)]
        if not given:
            return None
        function = ELEMENTWISE.get(type(operator))
        for by_kind, other in ((a, right), (b, left)):
            # an array by position, not by token id: some of the tokens, each for what it counts
            by_tokens = isinstance(by_kind, ByKind) and by_kind.axes and not by_kind.is_table
            if isinstance(operator, (ast.Mult, ast.BitAnd)) and by_tokens and self.only_chooses(other):
                assert isinstance(by_kind, ByKind)
                return by_kind
        if function is not None and a is not None and b is not None:
            return elementwise(function, a, b)
        return given[0].lost()

    def only_chooses(self, value: Value) -> bool:
        """Whether a factor is one or nothing: the outcome of a comparison, or zeros with ones written into them."""
        record = self.views.data(value)
        if "mask" in record.marks:
            return record.by_kind is None
        stored = value.constants if isinstance(value, Obj) else None
        return isinstance(stored, frozenset) and stored <= {0, 1}

    def transformed(self, operator: ast.unaryop, value: Value) -> ByKind | None:
        function = UNARY.get(type(operator))
        return None if function is None else elementwise(function, self.by_kind_of(value))

    def compared(self, operator: ast.cmpop, left: Value, right: Value) -> ByKind | None:
        a, b = self.by_kind_of(left), self.by_kind_of(right)
        function = ORDERINGS.get(type(operator))
        if function is None or a is None or b is None:
            return None
        return elementwise(function, a, b)

    def conjoined(self, values: Sequence[Value], *, conjunction: bool) -> ByKind | None:
        """`a and b` or `a or b`, where all parts are known by kind."""
        parts = [self.by_kind_of(value) for value in values]
        if not all(isinstance(part, ByKind) for part in parts):
            return None
        return elementwise(every if conjunction else some, *parts)

    def picked(self, condition: Value, first: Value, second: Value) -> ByKind | None:
        """One of two values, chosen by element."""
        parts = [self.by_kind_of(value) for value in (condition, first, second)]
        if None in parts or not isinstance(parts[0], ByKind):
            return None
        return elementwise(either, *parts)

    def measured(self, value: Value) -> ByKind | None:
        """`len` of each piece of a table of texts."""
        found = self.by_kind_of(value)
        return elementwise(len, found) if isinstance(found, ByKind) and not found.is_table else None


def in_slice(number: int, chosen: slice) -> bool:
    return number >= (chosen.start or 0) and (chosen.stop is None or number < chosen.stop)


def every(*given: object) -> bool:
    return all(given)


def some(*given: object) -> bool:
    return any(given)


def either(test: object, first: object, second: object) -> object:
    return first if test else second


def known_value(value: object) -> Value:
    return Data() if value is None else Const(value)


def tokens_of(record: Data) -> frozenset[Region]:
    """The tokens that a lookup goes by, as the axis of a `ByKind`."""
    return frozenset(region for region in record.regions if region.source == "val")
