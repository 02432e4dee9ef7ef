"""Masks over the positions of rows: which tokens of a batch they let through.

A mask is made by comparing positions with limits (`positions >= start`), or by writing ones into rows of a tensor of
zeros (`mask[i, start:stop] = 1`). Either way it lets a half-open interval of each row through; where that is not
known, some of the tokens, which ones could not be told.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.heap import Obj
from auditor.static.machine import Machine
from auditor.static.values import Const, Data, Slice, Tup, Value
from auditor.trace.linear import Atom, Expr, operation
from auditor.trace.region import Region

EMPTY_ALLOCATIONS = frozenset(["zeros", "zeros_like", "new_zeros", "full", "full_like", "new_full"])
"""What a mask is made of before ones are written into it; of `full` the filling is looked at."""

Limits = frozenset[tuple[Expr | None, Expr]]


class Masks(Machine):
    """Narrows tokens by masks."""

    def masked(self, record: Data, mask: Data, node: ast.AST) -> Data:
        """Tokens let through by a mask over the positions of each row."""
        regions = set()
        for region in record.regions:
            lower = limits_of(region, mask.above)
            upper = limits_of(region, mask.below)
            if region.start is None or region.stop is None or not (lower or upper):
                regions.add(region)
                continue
            start, stop = region.start, region.stop
            if upper:
                stop = operation("min", stop, *(region.start + n for n in upper))
            if lower:
                start = operation("max", *(region.start + n for n in lower))
            regions.add(replace(region, start=start, stop=stop))
        found = replace(record, regions=frozenset(regions))
        if record.losses and found.regions != record.regions:
            return self.refine(found, node)
        return found

    def thinned(self, record: Data, node: ast.AST) -> Data:
        """Tokens let through by a mask that was not followed: some of them."""
        partial = frozenset(replace(region, partial=True) for region in record.regions)
        found = replace(record, regions=partial, marks=record.marks - {"selective"})
        return self.refine(found, node) if found.losses else found

    def write_mask(self, target: Obj, index: Value, value: Const) -> None:
        """A constant is written into part of a tensor."""
        if target.d.get("#selective"):
            return
        if not value.value:
            empty = target.d.get("#empty") and "#let_through" not in target.d
            if not empty:
                self.put(target, "#selective", True)
            return
        row = self.row_interval(index) if target.d.get("#empty") else None
        known = target.d.get("#let_through")
        rows = known if isinstance(known, tuple) else ()
        if row is None:
            self.put(target, "#selective", True)
        elif row not in rows:
            self.put(target, "#let_through", (*rows, row))

    def row_interval(self, index: Value) -> tuple[Expr, Expr | None, Expr | None] | None:
        """Row, first and last position of `[row, first:last]`; None for any other index."""
        if not isinstance(index, Tup) or len(index.items) != 2:
            return None
        row, part = self.number(index.items[0]), index.items[1]
        if row is None or not isinstance(part, Slice) or part.step is not None:
            return None
        bounds: list[Expr | None] = []
        for bound in (part.lower, part.upper):
            number = None if bound is None else self.number(bound)
            if bound is not None and (number is None or (number.is_constant and number.constant < 0)):
                return None
            bounds.append(number)
        return row, bounds[0], bounds[1]

    def let_through(self, target: Obj, content: Data) -> Data:
        """The content of a tensor with what is known of it as a mask."""
        if target.d.get("#selective"):
            return replace(content, marks=content.marks | {"selective"})
        rows = target.d.get("#let_through")
        if not isinstance(rows, tuple):
            return content
        above = frozenset((row, lower) for row, lower, _ in rows if lower is not None)
        below = frozenset((row, upper) for row, _, upper in rows if upper is not None)
        if not above and not below:
            return content
        return replace(content, above=above, below=below, marks=content.marks | {"mask"})

    def starts_empty(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether an allocation is filled with zeros (or False)."""
        if tail not in EMPTY_ALLOCATIONS:
            return False
        if "full" not in tail:
            return True
        filling = keywords.get("fill_value", args[1] if len(args) > 1 else None)
        return isinstance(filling, Const) and not filling.value


def limits_of(region: Region, limits: Limits) -> list[Expr]:
    """The limits that a mask sets to the row a region stands in; the mask's row counter becomes that row."""
    out: dict[Expr, None] = {}
    for row, limit in sorted(limits, key=lambda item: hash(item[1])):
        if row is None or row == region.row:
            out[limit] = None
        elif region.row is not None:
            moved = _at_row(row, limit, region.row)
            if moved is not None:
                out[moved] = None
    return list(out)


def _at_row(row: Expr, limit: Expr, wanted: Expr) -> Expr | None:
    """The limit of another row of the same mask, where its rows are counted by one loop."""
    if len(row.terms) != 1 or row.terms[0][1] != 1 or row.terms[0][0].kind != "iter":
        return None
    entry = row.terms[0][0].args[0]
    target = wanted - row.constant

    def change(atom: Atom) -> Expr | None:
        return target if atom.kind == "iter" and atom.args[0] == entry else None

    return limit.replace(change)
