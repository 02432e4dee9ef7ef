"""Lists put together from others, and changed after they were.

Such a list is its parts, one behind the other (cell `#joined`): a snapshot of what it was made from and a tail that
takes what is added later. Which part an index falls into is told by their lengths, where these are known.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from auditor.solver.expressions import Condition, Expr
from auditor.solver.operations import operation
from auditor.static.domain.cells import Cell
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Value
from auditor.static.interpreter.machine import Machine

SHAPE = (
    Obj.items,
    Obj.elements,
    Obj.base,
    Obj.lower,
    Obj.step,
    Obj.most,
    Obj.permuted,
    Obj.by_score,
    Obj.aligned,
    Obj.entries,
    Obj.repeated,
    Obj.length,
    Obj.turn_facts,
    Obj.joined,
)
"""Cells that say what a list holds and where."""


class Lists:
    """What becomes of lists that are changed."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions

    def concatenated_lists(self, parts: Sequence[Value], node: ast.AST) -> Obj:
        """`a + b`: a new list, which later changes of its parts do not concern."""
        out = self.heap.allocate("list", node)
        out.joined = tuple(self.snapshot(p) if isinstance(p, Obj) else p for p in parts)
        return out

    def snapshot(self, target: Obj) -> Obj:
        """The list as it is now."""
        before = Obj(target.number, "list", target.place, target.loops, target.name)
        before.d = dict(target.d)
        return before

    def become(self, target: Obj, cell: Cell[tuple[Value, ...] | None], value: tuple[Value, ...]) -> None:
        """Let the list be only what one cell says."""
        self.formless(target)
        self.heap.put(target, cell, value)

    def formless(self, target: Obj) -> None:
        """Forget what the list holds and where."""
        for known in SHAPE:
            if known in target.d:
                self.heap.trail.drop(target, known)

    def show(self, out: Obj, base: Value) -> None:
        """Make a list show the elements of another container, in its order."""
        out.d.update(self.shown_whole(base))

    def show_shuffled(self, out: Obj, base: Value) -> None:
        """Make a list show all elements of another container, in an order that is not known."""
        out.d.update(self.shuffled_cells(base))

    def shown_whole(self, base: Value) -> dict[Any, object]:
        """Cells of a list that shows another container, from its beginning and one by one."""
        return {Obj.base: base, Obj.lower: Expr(0), Obj.step: 1, Obj.elements: ()}

    def shuffled_cells(self, base: Value) -> dict[Any, object]:
        """What a list holds that shows another container's elements in an order that is not known."""
        length = self.machine.evaluate.length(base)
        known = {} if length is None else {Obj.length: length}
        return {**self.shown_whole(base), Obj.permuted: True, **known}

    def tail(self, target: Obj) -> Obj | None:
        """The part of a list of others that takes what is added; None for a list that keeps its own elements."""
        if target.base is None and target.joined is None:
            return None
        joined = target.joined
        if isinstance(joined, tuple) and isinstance(joined[-1], Obj) and joined[-1].tail:
            return joined[-1]
        self.heap.last += 1
        new = Obj(self.heap.last, "list", target.place, target.loops, target.name)
        new.tail = True
        self.become(target, Obj.joined, (self.snapshot(target), new))
        return new

    def joined_element(self, parts: Sequence[object], index: Expr) -> Value:
        first, rest = parts[0], parts[1:]
        assert isinstance(first, Value)
        if not rest:
            return moved(self.machine.evaluate.element(first, index))
        length = self.machine.evaluate.length(first)
        if length is None:
            inner = self.symbols.fresh("opaque", index)
            others = self.joined_element(rest, inner)
            return self.decisions.join(moved(self.machine.evaluate.element(first, index)), others)
        within = Condition(">=", length - 1 - index)
        inside = self.decisions.entails(within)
        if inside:
            return moved(self.machine.evaluate.element(first, index))
        others = self.joined_element(rest, index - length)
        return (
            others
            if inside is False
            else self.decisions.join(moved(self.machine.evaluate.element(first, index)), others, within)
        )

    def joined_length(self, parts: Sequence[object]) -> Expr | None:
        total = Expr(0)
        for part in parts:
            length = self.machine.evaluate.length(part) if isinstance(part, Value) else None
            if length is None:
                return None
            total += length
        return total

    def inserted(self, target: Obj, value: Value, place: Expr | None) -> None:
        """`insert(i, x)`: one element more; where the others then stand is followed in lists of known items alone."""
        items = self.machine.evaluate.exact_items(target)
        settled = items is not None and not self.recorder.younger_entries(target)
        if items is not None and settled and place is not None and place.is_constant:
            changed = list(items)
            changed.insert(place.constant, value)
            self.become(target, Obj.items, tuple(changed))
            return
        self.machine.evaluate.append(target, value)
        self.shuffled(target)

    def shuffled(self, target: Obj) -> None:
        """The same elements in an order that is not known, or some of them."""
        if target.permuted:
            return
        self.show_instead(target, self.shuffled_cells(self.snapshot(target)))

    def show_instead(self, target: Obj, cells: dict[Any, object]) -> None:
        """Let a list be only what these cells say."""
        self.become(target, Obj.elements, ())
        for cell, value in cells.items():
            self.heap.trail.put(target, cell, value)

    def thinned(self, target: Obj) -> None:
        """The list without some of its elements: which ones, and how many are left, is not followed."""
        base = self.snapshot(target)
        length = self.machine.evaluate.length(base)
        left = self.symbols.fresh("opaque")
        known = left if length is None else operation("min", left, length)
        self.show_instead(target, {**self.shown_whole(base), Obj.length: known, Obj.shifted: True})

    def taken(self, target: Obj, args: Sequence[Value]) -> Value | None:
        """`pop`: the element, and a list without it; None where neither is known exactly."""
        items = self.machine.evaluate.exact_items(target)
        place = self.views.number(args[0]) if args else Expr(-1)
        if items is None or self.recorder.younger_entries(target) or place is None or not place.is_constant:
            return None
        if not -len(items) <= place.constant < len(items):
            return CLEAN
        position = place.constant % len(items)
        self.become(target, Obj.items, (*items[:position], *items[position + 1 :]))
        return items[position]


def moved(value: Value) -> Value:
    """An element of a list put together from others: of files, not those of the split in their order."""
    if isinstance(value, Data) and value.regions:
        return replace(value, marks=value.marks | {"moved"})
    return value
