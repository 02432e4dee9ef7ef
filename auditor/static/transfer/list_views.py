"""Lists put together from others, and changed after they were.

Such a list is its parts, one behind the other (cell `#joined`): a snapshot of what it was made from and a tail that
takes what is added later. Which part an index falls into is told by their lengths, where these are known.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.solver.expressions import Condition, Expr
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import UNKNOWN, Data
from auditor.static.domain.values import Value
from auditor.static.interpreter.decisions import Machine

SHAPE = (
    "#items",
    "#elements",
    "#base",
    "#lower",
    "#step",
    "#most",
    "#permuted",
    "#by_score",
    "#aligned",
    "#entries",
    "#repeated",
    "#length",
    "#kept",
    "#joined",
)
"""Cells that say what a list holds and where."""

SHOWN_WHOLE = {"#lower": Expr(0), "#step": 1, "#elements": ()}
"""Cells of a list that shows another container, from its beginning and one by one."""


class Lists(Machine):
    """What becomes of lists that are changed."""

    def concatenated_lists(self, parts: Sequence[Value], node: ast.AST) -> Obj:
        """`a + b`: a new list, which later changes of its parts do not concern."""
        out = self.allocate("list", node)
        out.d["#joined"] = tuple(self.snapshot(p) if isinstance(p, Obj) else p for p in parts)
        return out

    def snapshot(self, target: Obj) -> Obj:
        """The list as it is now."""
        before = Obj(target.number, "list", target.place, target.loops, target.name)
        before.d = dict(target.d)
        return before

    def become(self, target: Obj, cell: str, value: object) -> None:
        """Let the list be only what one cell says."""
        for known in SHAPE:
            if known in target.d:
                self.trail.drop(target, known)
        self.put(target, cell, value)

    def show(self, out: Obj, base: Value) -> None:
        """Make a list show the elements of another container, in its order."""
        out.d.update({"#base": base, **SHOWN_WHOLE})

    def show_shuffled(self, out: Obj, base: Value) -> None:
        """Make a list show all elements of another container, in an order that is not known."""
        out.d.update(self.shuffled_cells(base))

    def shuffled_cells(self, base: Value) -> dict[str, object]:
        """What a list holds that shows another container's elements in an order that is not known."""
        length = self.length(base)
        known = {} if length is None else {"#length": length}
        return {"#base": base, **SHOWN_WHOLE, "#permuted": True, **known}

    def tail(self, target: Obj) -> Obj | None:
        """The part of a list of others that takes what is added; None for a list that keeps its own elements."""
        if "#base" not in target.d and "#joined" not in target.d:
            return None
        joined = target.d.get("#joined")
        if isinstance(joined, tuple) and isinstance(joined[-1], Obj) and joined[-1].d.get("#tail"):
            return joined[-1]
        self.last_object += 1
        new = Obj(self.last_object, "list", target.place, target.loops, target.name)
        new.d["#tail"] = True
        self.become(target, "#joined", (self.snapshot(target), new))
        return new

    def joined_element(self, parts: Sequence[object], index: Expr) -> Value:
        first, rest = parts[0], parts[1:]
        assert isinstance(first, Value)
        if not rest:
            return moved(self.element(first, index))
        length = self.length(first)
        if length is None:
            inner = self.symbol("opaque", index)
            others = self.joined_element(rest, inner)
            return self.join(moved(self.element(first, index)), others)
        within = Condition(">=", length - 1 - index)
        inside = self.decide(within)
        if inside:
            return moved(self.element(first, index))
        others = self.joined_element(rest, index - length)
        return others if inside is False else self.join(moved(self.element(first, index)), others, within)

    def joined_length(self, parts: Sequence[object]) -> Expr | None:
        total = Expr(0)
        for part in parts:
            length = self.length(part) if isinstance(part, Value) else None
            if length is None:
                return None
            total += length
        return total

    def inserted(self, target: Obj, value: Value, place: Expr | None) -> None:
        """`insert(i, x)`: one element more; where the others then stand is followed in lists of known items alone."""
        items = self.exact_items(target)
        settled = items is not None and not self.younger_entries(target)
        if items is not None and settled and place is not None and place.is_constant:
            changed = list(items)
            changed.insert(place.constant, value)
            self.become(target, "#items", tuple(changed))
            return
        self.append(target, value)
        self.shuffled(target)

    def shuffled(self, target: Obj) -> None:
        """The same elements in an order that is not known, or some of them."""
        if target.d.get("#permuted"):
            return
        cells = self.shuffled_cells(self.snapshot(target))
        self.become(target, "#elements", ())
        for cell, value in cells.items():
            self.put(target, cell, value)

    def taken(self, target: Obj, args: Sequence[Value]) -> Value | None:
        """`pop`: the element, and a list without it; None where neither is known exactly."""
        items = self.exact_items(target)
        place = self.number(args[0]) if args else Expr(-1)
        if items is None or self.younger_entries(target) or place is None or not place.is_constant:
            return None
        if not -len(items) <= place.constant < len(items):
            return UNKNOWN
        position = place.constant % len(items)
        self.become(target, "#items", (*items[:position], *items[position + 1 :]))
        return items[position]


def moved(value: Value) -> Value:
    """An element of a list put together from others: of files, not those of the split in their order."""
    if isinstance(value, Data) and value.regions:
        return replace(value, marks=value.marks | {"moved"})
    return value
