"""Assignments to names, attributes, parts and totals."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.flow import Status
from auditor.static.domain.heap import TOUCHED, Class, Env, Obj, View
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Alt, Const, Keyed, Lib, Num, Tup, Value
from auditor.static.interpreter.decisions import Machine


class Assignments(Machine):
    """Assigns."""

    def x_Assign(self, node: ast.Assign, env: Env) -> Status:
        value = self.evaluate(node.value, env)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.baptise(value, node.targets[0].id)
        for target in node.targets:
            self.assign(target, value, env)
        return None

    def baptise(self, value: Value, name: str) -> None:
        """Name an allocation after the first variable that holds it."""
        if isinstance(value, Obj) and not value.name:
            value.name = name
            for cell in ("#items", "#elements"):
                for element in value.d.get(cell, ()):  # type: ignore[attr-defined]
                    element = element.value if isinstance(element, Keyed) else element
                    if isinstance(element, Obj):
                        self.baptise(element, name)
        elif isinstance(value, Data) and len(value.refs) == 1:
            (target,) = value.refs
            if not target.name:
                target.name = name

    def x_AnnAssign(self, node: ast.AnnAssign, env: Env) -> Status:
        if node.value is not None:
            value = self.evaluate(node.value, env)
            if isinstance(node.target, ast.Name):
                self.baptise(value, node.target.id)
            self.assign(node.target, value, env)
        return None

    def x_AugAssign(self, node: ast.AugAssign, env: Env) -> Status:
        value = self.evaluate(node.value, env)
        target = node.target
        if isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, env)
            index = self.evaluate(target.slice, env)
            self.store(owner, index, value, target, env, augmented=True)
            return None
        old = self.evaluate(target, env)
        record = self.data(value)
        if record.losses:
            value = record = self.added_up(self.under_tests(record), old, node)
        if isinstance(node.op, ast.Add) and self.accumulates(old, record):
            value = record = self.counted(record, node)
        for option in old.options if isinstance(old, Alt) else (old,):
            if isinstance(option, View):
                option = option.base
            if isinstance(option, Data) and option.refs and not record.losses:
                self.call_method(option, "add_", [value], {}, node)
                return None
            if isinstance(option, Obj) and option.kind in ("tensor", "dict"):
                self.accumulate(option, node.op, value, node)
                return None
            if isinstance(option, Obj) and option.kind == "list":
                self.call_method(option, "extend", [value], {}, node)
                return None
        self.assign(target, self.binary(node.op, old, value, node), env)
        return None

    def accumulates(self, old: Value, record: Data) -> bool:
        """Whether byte lengths are added to a total: a number, or an array that holds nothing but such totals."""
        if record.by_kind is None or not record.by_kind.axes or record.by_kind.is_table:
            return False
        return all(self.is_total(option) for option in (old.options if isinstance(old, Alt) else (old,)))

    def is_total(self, value: Value) -> bool:
        if isinstance(value, (Const, Num)):
            return True
        if isinstance(self.by_kind_of(value), ByKind):
            return False
        if isinstance(value, Obj):
            return value.kind == "tensor" and not self.content(value).relevant
        return isinstance(value, Data) and bool(value.origins) and not value.losses

    def accumulate(self, target: Obj, operator: ast.operator, value: Value, node: ast.AST) -> None:
        """`total += value` for an array: in place."""
        by_kind = self.combined(operator, target, value)
        content, record = self.content(target), self.data(value).plain()
        merged = replace(
            self.taken_in(content, record),
            origins=self.added(content.origins, record.origins, node),
            by_kind=None,
            most=None,
        )
        merged = self.data(self.with_binary(operator, target, value, merged, node))
        self.spoil(target)
        self.put(target, TOUCHED, True)
        self.put(target, "#content", merged)
        if by_kind is not None:
            self.put(target, "#kinds", Data(by_kind=by_kind))

    def assign(self, target: ast.expr, value: Value, env: Env) -> None:
        if isinstance(target, ast.Name):
            self.put(self.scope_of(target.id, env), target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, env)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, env)
        elif isinstance(target, ast.Attribute):
            self.assign_attribute(target, value, env)
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, env)
            index = self.evaluate(target.slice, env)
            self.store(owner, index, value, target, env, augmented=False)

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
        count = len(targets)
        starred = any(isinstance(t, ast.Starred) for t in targets)
        items: Sequence[Value] | None = None
        if isinstance(value, Tup):
            items = value.items
        elif isinstance(value, Const) and isinstance(value.value, (tuple, list)):
            items = [Const(item, value.settings) for item in value.value]
        elif (
            isinstance(value, Obj) and isinstance(value.d.get("#items"), tuple) and "#elements" not in value.d
        ):
            exact = value.d["#items"]
            assert isinstance(exact, tuple)
            items = exact
        elif isinstance(value, Alt):
            tuples = [o for o in value.options if isinstance(o, Tup) and len(o.items) == count]
            if tuples and all(
                isinstance(o, Tup) or (isinstance(o, Const) and o.value is None) for o in value.options
            ):
                joined: Value = tuples[0]
                for other in tuples[1:]:
                    joined = self.join(joined, other)
                items = joined.items if isinstance(joined, Tup) else None
        if items is not None and len(items) == count and not starred:
            for target, item in zip(targets, items, strict=True):
                self.assign(target, item, env)
            return
        if items is not None and starred and len(items) >= count - 1:
            before = next(i for i, t in enumerate(targets) if isinstance(t, ast.Starred))
            behind = len(items) - (count - before - 1)
            parts = [*items[:before], Tup(tuple(items[before:behind])), *items[behind:]]
            for target, item in zip(targets, parts, strict=True):
                self.assign(target, item, env)
            return
        whole = value if isinstance(value, Data) else self.data(value)
        for position, target in enumerate(targets):
            if isinstance(target, ast.Starred) or not isinstance(value, (Obj, View)):
                self.assign(target, whole, env)
            else:
                self.assign(target, self.subscript(value, Const(position), target), env)

    def assign_attribute(self, target: ast.Attribute, value: Value, env: Env) -> None:
        owner = self.evaluate(target.value, env)
        for option in owner.options if isinstance(owner, Alt) else (owner,):
            if isinstance(option, Lib):
                self.patch(f"{option.name}.{target.attr}", value, target)
            elif isinstance(option, (Obj, Class)):
                record = self.data(value)
                if isinstance(option, Obj) and option.kind in ("module", "tensor") and target.attr == "data":
                    if record.regions:
                        self.update(option, record.regions, target, "in place", ".data =")
                    else:
                        self.put(option, "#history", record.updates)
                    continue
                self.baptise(value, target.attr)
                self.put(option, target.attr, value)
            elif isinstance(option, View):
                self.put(option.base, target.attr, value)
            elif isinstance(option, Data) and target.attr == "data":
                record = self.data(value)
                for state in option.refs:
                    if record.regions:
                        self.update(state, record.regions, target, "in place", ".data =")
