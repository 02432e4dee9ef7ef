"""Assignments to names, attributes, parts and totals."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.ast_text import augmented
from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.flow import Status
from auditor.static.domain.heap import Class, Env, Func, Obj, View, attribute_of
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import (
    Const,
    Generator,
    Keyed,
    LibraryRef,
    Method,
    Partial,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.arithmetic import Arithmetic
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.generators import Generators
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.room import TransferRoom

EXCHANGED = frozenset(["__class__", "__bases__", "__code__"])
"""Attributes that, assigned, let other code run under a known name."""


class Assignments:
    """Assigns."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        arithmetic: Arithmetic,
        special_methods: SpecialMethods,
        branches: Branches,
        generators: Generators,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.arithmetic = arithmetic
        self.special_methods = special_methods
        self.branches = branches
        self.generators = generators

    def exec_Assign(self, node: ast.Assign, env: Env) -> Status:
        total = augmented(node)
        value = (
            self.machine.evaluate.evaluate(node.value, env)
            if total is None or not isinstance(total.op, ast.Add)
            else self.added_to_total(total, node.value, env)
        )
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.baptise(value, node.targets[0].id)
        for target in node.targets:
            self.assign(target, value, env)
        return None

    def added_to_total(self, total: ast.AugAssign, node: ast.expr, env: Env) -> Value:
        """`total = total + value`: scores in the value are final, as they are in `total += value`."""
        assert isinstance(node, ast.BinOp)
        old = self.machine.evaluate.evaluate(node.left, env)
        value = self.machine.evaluate.evaluate(node.right, env)
        if self.views.data(value).losses:
            value = self.added(old, value, total)
        return self.machine.evaluate.binary_by_method(node.op, old, value, node)

    def baptise(self, value: Value, name: str) -> None:
        """Name an allocation after the first variable that holds it."""
        if isinstance(value, Obj) and not value.name:
            value.name = name
            for element in (*(value.items or ()), *(value.elements or ())):
                held = element.value if isinstance(element, Keyed) else element
                if isinstance(held, Obj):
                    self.baptise(held, name)
        elif isinstance(value, Data) and len(value.refs) == 1:
            (target,) = value.refs
            if not target.name:
                target.name = name

    def exec_AnnAssign(self, node: ast.AnnAssign, env: Env) -> Status:
        if node.value is not None:
            value = self.machine.evaluate.evaluate(node.value, env)
            if isinstance(node.target, ast.Name):
                self.baptise(value, node.target.id)
            self.assign(node.target, value, env)
        return None

    def exec_AugAssign(self, node: ast.AugAssign, env: Env) -> Status:
        value = self.machine.evaluate.evaluate(node.value, env)
        target = node.target
        if isinstance(target, ast.Subscript):
            owner = self.machine.evaluate.evaluate(target.value, env)
            index = self.machine.evaluate.evaluate(target.slice, env)
            old = self.special_methods.implicit(owner, "__getitem__", [index], node)
            if old is not None:
                found = self.special_methods.operated_in_place(node.op, old, value, node)
                changed = (
                    self.special_methods.binary_by_method(node.op, old, value, node)
                    if found is None
                    else found
                )
                if not self.special_methods.store_item(owner, index, changed, target):
                    self.transfer.item_assignment.store(owner, index, changed, target, env, augmented=False)
                return None
            if self.add_to_cell(owner, index, value, node):
                return None
            self.transfer.item_assignment.store(owner, index, value, target, env, augmented=True)
            return None
        old = self.machine.evaluate.evaluate(target, env)
        answer = self.special_methods.operated_in_place(node.op, old, value, node)
        if answer is not None:
            self.assign(target, answer, env)
            return None
        value = self.added(old, value, node)
        record = self.views.data(value)
        for option in old.options if isinstance(old, Union) else (old,):
            if isinstance(option, View):
                option = option.base
            if isinstance(option, Data) and option.refs and not record.losses:
                self.transfer.methods.call_method(option, "add_", [value], {}, node)
                return None
            if isinstance(option, Obj) and option.kind in ("tensor", "dict"):
                self.accumulate(option, node.op, value, node)
                return None
            if isinstance(option, Obj) and option.kind == "list":
                self.transfer.methods.call_method(option, "extend", [value], {}, node)
                return None
        self.assign(target, self.arithmetic.binary(node.op, old, value, node), env)
        return None

    def added(self, old: Value, value: Value, node: ast.AugAssign) -> Value:
        """What is added to a total: scores are final then, and byte lengths are counted."""
        record = self.views.data(value)
        if record.losses:
            record = self.in_these_turns(self.effects.formulas.under_tests(record), node)
            value = record = self.effects.lookups.added_up(record, old, node)
            self.branches.adds_up(record)
        if isinstance(node.op, ast.Add) and self.accumulates(old, record):
            value = self.effects.byte_counts.counted(record, node)
        return value

    def in_these_turns(self, record: Data, node: ast.AugAssign) -> Data:
        """Scores that are added up under a condition on turns: those of these turns alone."""
        turns = {symbol.args[0] for region in record.regions for symbol in region.iterations}
        facts = [
            f for f in self.decisions.path_facts() if turns & {symbol.args[0] for symbol in f.iterations()}
        ]
        if not facts or self.frames.following:
            return record
        regions = frozenset(
            region
            if region.start is None
            else replace(region, facts=tuple(dict.fromkeys((*region.facts, *facts))))
            for region in record.regions
        )
        if regions == record.regions:
            return record
        return self.effects.scoring.refine(replace(record, regions=regions), node)

    def add_to_cell(self, owner: Value, index: Value, value: Value, node: ast.AugAssign) -> bool:
        """`totals[1] += value` for an array whose elements are known; whether it is that."""
        cells = self.views.cells(owner)
        place = index.value if isinstance(index, Const) else None
        if cells is None or type(place) is not int or not -len(cells) <= place < len(cells):
            return False
        assert isinstance(owner, Obj)
        old = cells[place]
        changed = self.arithmetic.binary(node.op, old, self.added(old, value, node), node)
        return self.transfer.item_assignment.store_cell(owner, index, changed)

    def accumulates(self, old: Value, record: Data) -> bool:
        """Whether byte lengths are added to a total: a number, or an array that holds nothing but such totals."""
        if record.by_kind is None or not record.by_kind.axes or record.by_kind.is_table:
            return False
        return all(self.is_total(option) for option in (old.options if isinstance(old, Union) else (old,)))

    def is_total(self, value: Value) -> bool:
        if isinstance(value, (Const, SymbolicInt)):
            return True
        if isinstance(self.effects.token_tables.by_kind_of(value), ByKind):
            return False
        if isinstance(value, Obj):
            return value.kind == "tensor" and not self.views.content(value).relevant
        return isinstance(value, Data) and bool(value.origins) and not value.losses

    def accumulate(self, target: Obj, operator: ast.operator, value: Value, node: ast.AST) -> None:
        """`total += value` for an array: in place."""
        by_kind = self.effects.token_tables.combined(operator, target, value)
        content, record = self.views.content(target), self.views.data(value).plain()
        merged = replace(
            self.effects.lookups.taken_in(content, record),
            origins=self.effects.byte_counts.added(content.origins, record.origins, node),
            by_kind=None,
            most=None,
        )
        merged = self.views.data(
            self.effects.formula_arithmetic.with_binary(operator, target, value, merged, node)
        )
        self.effects.token_tables.forget_kinds(target)
        self.heap.put(target, Obj.touched, True)
        self.heap.put(target, Obj.content, merged)
        if by_kind is not None:
            self.heap.put(target, Obj.kinds, Data(by_kind=by_kind))

    def assign(self, target: ast.expr, value: Value, env: Env) -> None:
        if isinstance(target, ast.Name):
            scope = self.scope_of(target.id, env)
            old = scope.d.get(target.id)
            self.heap.put(scope, target.id, value)
            if old is not value and isinstance(old, Obj):
                self.transfer.life_cycle.unnamed(old, env, target)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, env)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, env)
        elif isinstance(target, ast.Attribute):
            self.assign_attribute(target, value, env)
        elif isinstance(target, ast.Subscript):
            owner = self.machine.evaluate.evaluate(target.value, env)
            index = self.special_methods.indexed_by(self.machine.evaluate.evaluate(target.slice, env), target)
            if not self.special_methods.store_item(owner, index, value, target):
                self.transfer.item_assignment.store(owner, index, value, target, env, augmented=False)

    def scope_of(self, name: str, env: Env) -> Env:
        if name in env.globals_:
            root = env
            while root.up is not None:
                root = root.up
            return root
        if name in env.nonlocals and env.up is not None:
            return env.up.find(name) or env
        return env

    def unpack(self, targets: Sequence[ast.expr], value: Value, env: Env) -> None:
        if isinstance(value, Generator):
            value = self.generators.listed(value, at_once=True)
        elif isinstance(value, Obj) and value.cls is not None:
            value = self.generators.iterated(value, targets[0]) if targets else value
            value = self.generators.listed(value, at_once=True) if isinstance(value, Generator) else value
        count = len(targets)
        starred = any(isinstance(t, ast.Starred) for t in targets)
        items: Sequence[Value] | None = None
        cells = self.views.cells(value)
        if isinstance(value, TupleValue):
            items = value.items
        elif cells is not None:
            items = cells
        elif isinstance(value, Const) and isinstance(value.value, (tuple, list)):
            items = [Const(item, value.settings) for item in value.value]
        elif isinstance(value, Obj) and isinstance(value.items, tuple) and value.elements is None:
            exact = value.items
            assert isinstance(exact, tuple)
            items = exact
        elif isinstance(value, Union):
            tuples = [o for o in value.options if isinstance(o, TupleValue) and len(o.items) == count]
            if tuples and all(
                isinstance(o, TupleValue) or (isinstance(o, Const) and o.value is None) for o in value.options
            ):
                joined: Value = tuples[0]
                for other in tuples[1:]:
                    joined = self.decisions.join(joined, other)
                items = joined.items if isinstance(joined, TupleValue) else None
        if items is not None and len(items) == count and not starred:
            for target, item in zip(targets, items, strict=True):
                self.assign(target, item, env)
            return
        if items is not None and starred and len(items) >= count - 1:
            before = next(i for i, t in enumerate(targets) if isinstance(t, ast.Starred))
            behind = len(items) - (count - before - 1)
            parts = [*items[:before], TupleValue(tuple(items[before:behind])), *items[behind:]]
            for target, item in zip(targets, parts, strict=True):
                self.assign(target, item, env)
            return
        whole = value if isinstance(value, Data) else self.views.data(value)
        for position, target in enumerate(targets):
            if isinstance(target, ast.Starred) or not isinstance(value, (Obj, View)):
                self.assign(target, whole, env)
            else:
                self.assign(target, self.machine.evaluate.subscript(value, Const(position), target), env)

    def assign_attribute(self, target: ast.Attribute, value: Value, env: Env) -> None:
        self.set_attribute(self.machine.evaluate.evaluate(target.value, env), target.attr, value, target)

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        """`owner.name = value`, by the methods of the class that stand in the way of it."""
        for option in owner.options if isinstance(owner, Union) else (owner,):
            if self.special_methods.implicit(option, "__setattr__", [Const(name), value], node) is not None:
                continue
            setter = self.setter_of(option, name)
            if setter is not None:
                self.transfer.calls.call(setter, [value], {}, node)
            else:
                self.put_attribute(option, name, value, node)

    def setter_of(self, owner: Value, name: str) -> Value | None:
        """What is called when the attribute of an object is assigned: a property's setter, or `__set__`."""
        cls = owner.cls if isinstance(owner, Obj) else None
        if cls is None:
            return None
        setter = cls.accessor("setter", name)
        if setter is not None:
            return replace(setter, instance=owner)
        descriptor = cls.get(name)
        if not isinstance(descriptor, Obj):
            return None
        given = descriptor.setter
        found = given if isinstance(given, Value) else self.special_methods.special(descriptor, "__set__")
        return None if found is None else Partial(found, (owner,), ())

    def put_attribute(self, option: Value, name: str, value: Value, node: ast.AST) -> None:
        """`owner.name = value`, as `object` does it."""
        record = self.views.data(value)
        if name in EXCHANGED and not isinstance(option, LibraryRef):
            doubt = self.recorder.doubt("the code of something is exchanged", name, node)
            self.recorder.standing.add(doubt)
        if isinstance(option, LibraryRef):
            self.transfer.library_patches.patch(f"{option.name}.{name}", value, node)
        elif isinstance(option, (Obj, Class)):
            if isinstance(option, Obj) and option.kind in ("module", "tensor") and name == "data":
                if record.regions:
                    self.effects.scoring.update(option, record.regions, node, "in place", ".data =")
                else:
                    self.heap.put(option, Obj.history, record.updates)
                return
            self.baptise(value, name)
            self.heap.put(option, name, value)
        elif isinstance(option, Func):
            self.heap.put(option.env, attribute_of(option, name), value)
        elif isinstance(option, View):
            self.heap.put(option.base, name, value)
        elif isinstance(option, (Data, Method)) and name == "data":
            self.transfer.in_place.in_place(option, self.views.objects(option), ".data =", [value], {}, node)
        elif isinstance(option, (Data, Method)):
            self.put_into_part(option, f".{name} =", record, node)

    def put_into_part(self, part: Value, by: str, record: Data, node: ast.AST) -> None:
        """`model.head.weight = array`: a part of a module whose constructor was not gone into takes all this in."""
        for module in sorted(self.views.objects(part), key=lambda o: o.number):
            if module.kind != "module":
                continue
            self.heap.put(module, Obj.history, self.views.own_history(module) | record.updates)
            self.heap.put(module, Obj.doubts, module.doubts | record.doubts)
            self.effects.scoring.update(module, record.regions, node, "in place", by)

    def exec_Delete(self, node: ast.Delete, env: Env) -> Status:
        for target in node.targets:
            self.delete(target, env)
        return None

    def delete(self, target: ast.expr, env: Env) -> None:
        """`del target`, by the methods that are called by it."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self.delete(element, env)
        elif isinstance(target, ast.Name):
            scope = self.scope_of(target.id, env)
            old = scope.d.get(target.id)
            if self.transfer.life_cycle.is_mortal(old):
                self.heap.trail.drop(scope, target.id)
                self.transfer.life_cycle.unnamed(old, env, target)
        elif isinstance(target, ast.Subscript):
            owner = self.machine.evaluate.evaluate(target.value, env)
            index = self.machine.evaluate.evaluate(target.slice, env)
            if self.special_methods.implicit(owner, "__delitem__", [index], target) is None and isinstance(
                owner, Obj
            ):
                if owner.kind == "list":
                    self.transfer.list_views.thinned(owner)
                elif owner.kind == "dict":
                    self.heap.put(owner, Obj.shifted, True)
                held = (
                    [self.machine.evaluate.subscript(owner, index, target)]
                    if owner.kind in ("list", "dict")
                    else []
                )
                for value in held:
                    self.transfer.life_cycle.ended(value, target)
        elif isinstance(target, ast.Attribute):
            owner = self.machine.evaluate.evaluate(target.value, env)
            if self.special_methods.implicit(owner, "__delattr__", [Const(target.attr)], target) is None:
                cls = owner.cls if isinstance(owner, Obj) else None
                deleter = None if cls is None else cls.accessor("deleter", target.attr)
                if deleter is not None:
                    self.transfer.calls.call(replace(deleter, instance=owner), [], {}, target)
                descriptor = None if cls is None else cls.get(target.attr)
                if descriptor is not None:
                    self.special_methods.implicit(descriptor, "__delete__", [owner], target)
