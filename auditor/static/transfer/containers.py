"""Methods of lists and dictionaries."""

from __future__ import annotations

import ast

from auditor.solver.expressions import Expr
from auditor.static.domain.flow import Body
from auditor.static.domain.heap import NamesView, Obj, View
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.item_assignment import Stores
from auditor.static.transfer.list_views import Lists


class ContainerMethods:
    """Calls of methods of containers."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        list_views: Lists,
        item_assignment: Stores,
        callbacks: Callbacks,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.list_views = list_views
        self.item_assignment = item_assignment
        self.callbacks = callbacks

    def container_method(
        self, owner: Obj | View, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        target = owner.base if isinstance(owner, View) else owner
        key = owner.key if isinstance(owner, View) else None
        if name in ("append", "add", "appendleft", "put", "push", "insert") and target.kind == "list":
            value = args[-1] if args else CLEAN
            self.effects.token_tables.forget_kinds(target)
            record = self.views.data(value)
            if isinstance(value, Data) and record.losses:
                value = self.effects.scoring.settle(record, node)
            if name in ("insert", "appendleft") and key is None:
                place = self.views.number(args[0]) if name == "insert" and len(args) > 1 else Expr(0)
                self.list_views.inserted(target, value, place)
            else:
                self.machine.evaluate.append(target, value, key)
            return Const(None)
        if name in ("extend", "extendleft") and args:
            self.extend(target, args[0], key, node)
            return Const(None)
        key_function = keywords.get("key")
        if name == "sort" and key_function is not None and self.callbacks.is_callback(key_function):
            self.callbacks.called_for_each(key_function, owner, node)
        if target.kind == "list":
            return self.list_method(owner, target, name, args, node)
        if target.kind == "dict":
            return self.dict_method(owner, target, name, args, node)
        return None

    def extend(self, target: Obj, values: Value, key: Expr | None, node: ast.AST) -> None:
        """Add all elements of another container, as a loop that appends each of them."""
        items = self.machine.apply.known_parts(values)
        if items is not None:
            for item in items:
                self.machine.evaluate.append(target, item, key)
            return
        taken: list[Value] = []

        def turn() -> None:
            self.machine.evaluate.append(target, taken.pop(), key)

        self.machine.evaluate.each(
            self.machine.evaluate.iterated(values, node),
            taken.append,
            Body(node=node, variable="_", detail="extend", run=turn),
        )

    def list_method(
        self, owner: Obj | View, target: Obj, name: str, args: list[Value], node: ast.AST
    ) -> Value | None:
        if name in ("sort", "reverse"):
            if name == "sort":
                self.effects.formulas.ordered_by_score(target, node)
            of_scores = name == "sort" and bool(self.views.data(target).losses)
            in_order = self.reordered(target)
            if of_scores:
                self.heap.put(target, Obj.by_score, True)
            return in_order
        if name in ("pop", "popleft", "get", "get_nowait"):
            found = (
                self.list_views.taken(target, args[:1] if name == "pop" else [Const(0)])
                if owner is target
                else None
            )
            if found is not None:
                return found
            # each call takes another element: which one is not followed
            counters = [Expr.of(r.counter) for r in self.recorder.running]
            some = self.machine.evaluate.element(
                owner, self.symbols.fresh("opaque", *counters) if counters else None
            )
            self.heap.put(target, Obj.shifted, True)
            return some
        if name == "remove":
            self.list_views.thinned(target)
            return Const(None)
        if name in ("copy", "clear", "tolist", "__iter__"):
            if name == "clear":
                self.list_views.become(target, Obj.items, ())
            return owner
        if name in ("index", "count", "empty", "qsize"):
            return CLEAN
        return None

    def reordered(self, target: Obj) -> Value:
        """In-place sort: the same elements in an order that is not known."""
        if isinstance(target.items, tuple) and target.elements is None:
            return Const(None)
        self.list_views.shuffled(target)
        return Const(None)

    def dict_method(
        self, owner: Obj | View, target: Obj, name: str, args: list[Value], node: ast.AST
    ) -> Value | None:
        if name in ("pop", "popitem", "clear"):
            self.heap.put(target, Obj.shifted, True)
        if name in ("get", "setdefault", "pop"):
            if args and isinstance(args[0], Const) and ("key", args[0].value) in target.d:
                return self.machine.evaluate.subscript(owner, args[0], node)
            found = self.machine.evaluate.subscript(owner, args[0], node) if args else CLEAN
            if name == "setdefault" and len(args) > 1:
                self.item_assignment.store(
                    target, args[0], args[1], node, self.frames.globals, augmented=False
                )
            return self.decisions.join(found, args[1]) if len(args) > 1 else found
        if name == "update" and any(isinstance(arg, NamesView) for arg in args):
            for name_, held in self.machine.apply.entries_of(args, {}):
                self.heap.put(target, ("key", name_), held)
            return Const(None)
        if name == "update":
            record = self.views.mix(*args)
            if record.regions and args and not (isinstance(args[0], Obj) and args[0].kind == "dict"):
                self.effects.scoring.update(target, record.regions, node, "table", "update")
            if args and isinstance(args[0], Obj) and args[0].kind == "dict":
                for cell, value in args[0].d.items():
                    if isinstance(cell, tuple) and cell[0] == "key":
                        self.heap.put(target, cell, value)
            known = target.elements
            self.heap.put(target, Obj.elements, (*(known if isinstance(known, tuple) else ()), *(args[:1])))
            return Const(None)
        if name == "items":
            out = self.heap.allocate("iterator", node)
            out.parts = (self.keys_of(target), self.values_of(owner, node))
            return out
        if name == "values":
            return self.values_of(owner, node)
        if name == "keys":
            return self.keys_of(target)
        if name in ("copy",):
            return owner
        if name == "clear":
            self.effects.scoring.reset(target, node, "clear")
            self.heap.trail.drop(target, Obj.elements)
            self.heap.trail.drop(target, Obj.content)
            return Const(None)
        return None

    def keys_of(self, target: Obj) -> Value:
        keys = target.keys
        return keys if isinstance(keys, Value) else CLEAN

    def values_of(self, owner: Obj | View, node: ast.AST) -> Value:
        """The values of a dictionary as a list, in the turns that put them there."""
        target = owner.base if isinstance(owner, View) else owner
        out = self.heap.allocate("list", node)
        out.number = target.number
        out.elements = target.elements or ()
        if target.content is not None:
            out.content = target.content
        keys = target.keys
        if isinstance(keys, Obj):
            out.entries = keys.entries or ()
        if target.repeated:
            self.list_views.thinned(out)
        return out
