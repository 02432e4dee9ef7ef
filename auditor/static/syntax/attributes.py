"""Attributes of objects, modules, classes and data."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Class, Env, Func, Obj, SuperView, View
from auditor.static.domain.lattice import by_entry, substitute
from auditor.static.domain.provenance import UNKNOWN, Data
from auditor.static.domain.values import Alt, Const, Lib, Method, Value
from auditor.static.interpreter.decisions import Machine
from auditor.static.transfer.tables import SIZE_ATTRIBUTES


class Attributes(Machine):
    """Reads attributes."""

    def e_Attribute(self, node: ast.Attribute, env: Env) -> Value:
        owner = self.evaluate(node.value, env)
        return self.doubted_part(owner, self.attribute(owner, node.attr, node))

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        if isinstance(owner, Lib):
            return self.library_value(f"{owner.name}.{name}")
        if isinstance(owner, Alt):
            out: Value | None = None
            for option in owner.options:
                if not (isinstance(option, Const) and option.value is None):
                    out = self.join(out, self.attribute(option, name, node))
            return out if out is not None else UNKNOWN
        if name == "ctypes" and isinstance(owner, (Obj, Data, View)):
            return owner  # the address of an array
        if isinstance(owner, SuperView):
            inherited = owner.base.find(name)
            return bound(inherited, owner.instance) if inherited is not None else Method(owner, name)
        if isinstance(owner, View):
            found = self.attribute(owner.base, name, node)
            if isinstance(found, Method):
                return Method(owner, name)
            return substitute(found, by_entry(owner.mapping))
        if isinstance(owner, Obj):
            return self.object_attribute(owner, name, node)
        if isinstance(owner, Class):
            found_method = owner.find(name)
            if found_method is not None:
                if decorated_with(found_method, "classmethod"):
                    return bound(found_method, owner)
                return found_method
            return owner.get(name) or UNKNOWN
        if isinstance(owner, Data) and name in SIZE_ATTRIBUTES:
            return self.size_of(owner, name)
        if name == "grad" and isinstance(owner, Data):
            return self.gradient_of(owner.refs, node)
        if isinstance(owner, Data) and name in ("data", "T", "mT", "real"):
            return owner
        return Method(owner, name)

    def size_of(self, owner: Data, name: str) -> Value:
        """The size of unknown data: positive, and the same each time for the same array."""
        if name in ("size", "shape", "nbytes") and owner.turns:
            return Data(turns=owner.turns)
        return UNKNOWN

    def object_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        found = owner.d.get(name)
        if isinstance(found, Value):
            return found
        if owner.cls is not None:
            method = owner.cls.find(name)
            if method is not None:
                if decorated_with(method, "property", "cached_property"):
                    if owner.kind == "module":
                        return self.module_part(owner)
                    return self.call_function(bound(method, owner), [], {}, node)
                if decorated_with(method, "staticmethod"):
                    return method
                if decorated_with(method, "classmethod"):
                    return bound(method, owner.cls)
                return Method(owner, name) if owner.kind == "module" else bound(method, owner)
            attribute = owner.cls.get(name)
            if attribute is not None:
                return attribute
        if owner.kind == "module":
            if name in ("module", "_orig_mod"):
                return owner
            if name in ("data", "weight"):
                return self.module_part(owner)
            return Method(owner, name)
        if name in SIZE_ATTRIBUTES:
            return self.size_of(self.data(owner), name)
        if name in ("data", "T", "mT", "real"):
            return owner
        if name == "grad":
            return self.gradient_of(frozenset((owner,)), node)
        if owner.kind == "optimizer" and name in ("param_groups", "state"):
            return self.data(owner)
        return Method(owner, name)

    def gradient_of(self, states: frozenset[Obj], node: ast.AST) -> Data:
        """`p.grad`: made of the tokens that `backward` has brought to the states."""
        pending: set[object] = set()
        for state in states:
            found = state.d.get("#pending")
            pending |= found if isinstance(found, frozenset) else set()
        return self.gradient(pending, node) if pending else Data(marks=frozenset(("grad",)))

    def module_part(self, owner: Obj) -> Data:
        me = frozenset((owner,))
        return Data(updates=self.history(owner), states=self.members(owner), refs=me)


def bound(method: Func, instance: Value) -> Func:
    return replace(method, instance=instance)


def decorated_with(method: Func, *names: str) -> bool:
    decorators = getattr(method.node, "decorator_list", [])
    return any(
        (isinstance(d, ast.Name) and d.id in names) or (isinstance(d, ast.Attribute) and d.attr in names)
        for d in decorators
    )
