"""Arrays put side by side, one a column: which of them a choice between them can still pick.

Hints of several experts are stacked, the one with the largest gain is picked, and experts whose gate is closed have a
gain of minus infinity. Columns are kept apart for that; for everything else they are one value.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.taint import choosing, joined
from auditor.static.domain.values import Columns, Const, Slice, TupleValue, Value
from auditor.static.interpreter.machine import Machine

MAX_COLUMNS = 8
LAST_AXES = (1, -1)


class SideBySide:
    """Keeps columns apart."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.views = machine.views

    def stacked(self, args: Sequence[Value], keywords: dict[str, Value]) -> Columns | None:
        """Arrays of one axis as columns; None for any other stack."""
        axis = keywords.get("axis", keywords.get("dim", args[1] if len(args) > 1 else None))
        items = self.machine.evaluate.exact_items(args[0])
        if not isinstance(axis, Const) or axis.value not in LAST_AXES or items is None:
            return None
        if not 1 < len(items) <= MAX_COLUMNS:
            return None
        if not all(self.constant_mask(i) is not None or self.is_column(self.views.data(i)) for i in items):
            return None
        return Columns(tuple(items))

    def is_column(self, record: Data) -> bool:
        return not record.losses and not record.regions and bool(record.looks)

    def by_column(
        self, name: str, owner: Columns, args: Sequence[Value], keywords: dict[str, Value]
    ) -> Value | None:
        """A call of a method or function of columns that keeps them apart; None for any other."""
        if name in ("copy", "clone", "astype", "to", "float", "long", "int", "contiguous"):
            return owner
        axis = keywords.get("axis", keywords.get("dim", args[0] if args else None))
        if name != "argmax" or not isinstance(axis, Const) or axis.value not in LAST_AXES:
            return None
        possible = [i for i, item in enumerate(owner.items) if not is_least(item)]
        if possible in ([], [0]):
            return Const(0)  # where all are the least, the first is taken
        return None

    def column_at(self, owner: Columns, index: Value, node: ast.AST) -> Value | None:
        """The column that a constant second index picks."""
        if not isinstance(index, TupleValue) or len(index.items) != 2:
            return None
        rows, column = index.items
        if not isinstance(column, Const) or not isinstance(column.value, int):
            return None
        if not -len(owner.items) <= column.value < len(owner.items):
            return None
        picked = owner.items[column.value]
        whole = isinstance(rows, Slice) and rows.lower is None and rows.upper is None
        return (
            picked
            if whole or isinstance(picked, Const)
            else self.machine.evaluate.subscript(picked, rows, node)
        )

    def store_columns(self, owner: Columns, index: Value, value: Value) -> Value:
        """Columns after a value was written where a mask is true."""
        masks = index.items if isinstance(index, Columns) else (index,) * len(owner.items)
        return Columns(
            tuple(self.written_where(i, m, value) for i, m in zip(owner.items, masks, strict=False))
        )

    def written_where(self, item: Value, mask: Value, value: Value) -> Value:
        known = self.constant_mask(mask)
        if known is not None:
            return value if known else item
        seen = self.views.data(mask)
        mixed = self.views.mix(item, value)
        return replace(mixed, looks=joined(mixed.looks, choosing(seen.looks)))

    def inverted(self, owner: Columns) -> Columns:
        return Columns(tuple(self.opposite(item) for item in owner.items))

    def opposite(self, item: Value) -> Value:
        known = self.constant_mask(item)
        return item if known is None else Const(not known)

    def constant_mask(self, value: Value) -> bool | None:
        """What a mask is everywhere: a constant, or a fresh array of zeros; None where it is not known."""
        if isinstance(value, Const):
            return bool(value.value)
        return False if isinstance(value, Obj) and self.untouched(value) else None

    def untouched(self, target: Obj) -> bool:
        """Whether an array is as it was made, of zeros."""
        return target.kind == "tensor" and bool(target.empty) and target.touched is None

    def closed(self, op: ast.cmpop, left: Value, right: Value) -> Const | None:
        """What a comparison of numbers with a threshold is that none of them reaches."""
        if not isinstance(right, Const) or not isinstance(right.value, (int, float)):
            return None
        most = self.views.data(left).most
        if most is None or isinstance(left, Const):
            return None
        if (isinstance(op, ast.GtE) and right.value > most) or (
            isinstance(op, ast.Gt) and right.value >= most
        ):
            return Const(False, right.settings)
        if (isinstance(op, ast.Lt) and right.value > most) or (
            isinstance(op, ast.LtE) and right.value >= most
        ):
            return Const(True, right.settings)
        return None


def is_least(value: Value) -> bool:
    return isinstance(value, Const) and value.value == float("-inf")
