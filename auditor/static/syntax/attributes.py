"""Attributes of objects, modules, classes and data."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Class, Env, Func, NamesView, Obj, SuperView, View, attribute_of
from auditor.static.domain.lattice import by_entry, substitute
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, LibraryRef, Method, Union, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.mlx import known_as
from auditor.static.names.tensors import SIZE_ATTRIBUTES
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.room import TransferRoom

LIBRARY_CLASSES = {
    "module": "torch.nn.Module", "optimizer": "torch.optim.Optimizer", "tensor": "torch.Tensor",
    "list": "builtins.list", "dict": "builtins.dict",
}  # fmt: skip


class Attributes:
    """Reads attributes."""

    def __init__(
        self, machine: Machine, effects: EffectsRoom, transfer: TransferRoom, special_methods: SpecialMethods
    ) -> None:
        self.machine = machine
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods

    def eval_Attribute(self, node: ast.Attribute, env: Env) -> Value:
        owner = self.machine.evaluate.evaluate(node.value, env)
        return self.effects.havoc.doubted_part(owner, self.attribute(owner, node.attr, node))

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        if isinstance(owner, LibraryRef):
            return self.transfer.library_patches.library_value(known_as(f"{owner.name}.{name}"))
        if isinstance(owner, Union):
            out: Value | None = None
            for option in owner.options:
                if not (isinstance(option, Const) and option.value is None):
                    out = self.decisions.join(out, self.attribute(option, name, node))
            return out if out is not None else CLEAN
        if name == "ctypes" and isinstance(owner, (Obj, Data, View)):
            return owner  # the address of an array
        if isinstance(owner, SuperView):
            inherited = owner.find(name)
            if inherited is None:
                return Method(owner, name)
            return self.method_of(inherited, owner.instance, node)
        if isinstance(owner, View):
            found = self.attribute(owner.base, name, node)
            if isinstance(found, Method):
                return Method(owner, name)
            return substitute(found, by_entry(owner.mapping))
        if isinstance(owner, Obj):
            return self.object_attribute(owner, name, node)
        if isinstance(owner, Class):
            return self.class_attribute(owner, name, node)
        if isinstance(owner, Method) and isinstance(owner.owner, Obj) and owner.owner.kind == "module":
            if name in ("grad", "data"):  # of a parameter, since no method has it
                owner = self.module_part(owner.owner)
        if isinstance(owner, Func):
            kept = owner.env.d.get(attribute_of(owner, name))
            return kept if isinstance(kept, Value) else Method(owner, name)
        if isinstance(owner, Data) and name in SIZE_ATTRIBUTES:
            return self.size_of(owner, name)
        if name == "grad" and isinstance(owner, Data):
            return self.gradient_of(owner.refs, node)
        if isinstance(owner, Data) and name in ("data", "T", "mT", "real"):
            return owner
        return Method(owner, name)

    def class_of(self, value: Value) -> Value:
        """The class of an object: one of the script, or by its library's name."""
        if isinstance(value, Obj):
            if value.cls is not None:
                return value.cls
            return LibraryRef(LIBRARY_CLASSES.get(value.kind, "builtins.object"))
        if isinstance(value, Class):
            return value.meta if value.meta is not None else LibraryRef("builtins.type")
        if isinstance(value, View):
            return self.class_of(value.base)
        if isinstance(value, Data) and value.relevant:
            return LibraryRef("torch.Tensor")
        return CLEAN

    def size_of(self, owner: Data, name: str) -> Value:
        """The size of unknown data: positive, and the same each time for the same array."""
        if name in ("size", "shape", "nbytes") and owner.turns:
            return Data(turns=owner.turns)
        return CLEAN

    def class_attribute(self, owner: Class, name: str, node: ast.AST) -> Value:
        if name == "__dict__":
            return NamesView(owner)
        if name == "apply" and owner.is_autograd:
            return Method(owner, name)
        method = owner.find(name)
        if method is not None:
            return bound(method, owner) if decorated_with(method, "classmethod") else method
        attribute = owner.get(name)
        if attribute is not None:
            found = self.special_methods.implicit(attribute, "__get__", [Const(None), owner], node)
            return attribute if found is None else found
        for special in ("__getattribute__", "__getattr__"):
            found = self.special_methods.implicit(owner, special, [Const(name)], node)
            if found is not None:
                return found
        if owner.meta is not None:
            method = owner.meta.find(name)
            if method is not None:
                return self.method_of(method, owner, node)
        inherited = owner.library_bases()
        return LibraryRef(f"{inherited[0]}.{name}") if inherited else CLEAN

    def method_of(self, method: Func, instance: Value, node: ast.AST) -> Value:
        """What looking up a method on an instance gives: bound, or called if it is a property."""
        if decorated_with(method, "property", "cached_property"):
            return self.transfer.calls.call_function(bound(method, instance), [], {}, node)
        if decorated_with(method, "staticmethod"):
            return method
        if decorated_with(method, "classmethod"):
            cls = instance.cls if isinstance(instance, Obj) else instance
            return bound(method, cls if cls is not None else instance)
        return bound(method, instance)

    def object_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        """`owner.name`, by the methods of the class that stand in the way of it."""
        if owner.cls is not None:
            if owner.kind != "module":
                found = self.special_methods.implicit(owner, "__getattribute__", [Const(name)], node)
                if found is not None:
                    return found
            found = self.described(owner, name, node)
            if found is not None:
                return found
        return self.plain_attribute(owner, name, node)

    def described(self, owner: Obj, name: str, node: ast.AST) -> Value | None:
        """What a descriptor in the class of an object answers for it."""
        attribute = owner.cls.get(name) if owner.cls is not None else None
        if not isinstance(attribute, Obj) or owner.cls is None:
            return None
        getter = attribute.getter
        if isinstance(getter, Value):
            return self.transfer.calls.call(getter, [owner], {}, node)
        if name in owner.d and self.special_methods.special(attribute, "__set__") is None:
            return None
        return self.special_methods.implicit(attribute, "__get__", [owner, owner.cls], node)

    def plain_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        """`owner.name`, as `object` looks it up."""
        found = owner.d.get(name)
        if isinstance(found, Value):
            return found
        if name == "__dict__":
            return NamesView(owner)
        if name == "__class__":
            return self.class_of(owner)
        if owner.cls is not None:
            method = owner.cls.find(name)
            if method is not None:
                if owner.kind in ("module", "optimizer"):
                    if not decorated_with(method, "property", "cached_property"):
                        return Method(owner, name)
                    if owner.kind == "module" and not self.special_methods.makes_events(method):
                        return self.module_part(owner)
                return self.method_of(method, owner, node)
            attribute = owner.cls.get(name)
            if attribute is not None:
                return attribute
            answer = self.special_methods.implicit(owner, "__getattr__", [Const(name)], node)
            if answer is not None:
                return answer
        if owner.kind == "module":
            if name in ("module", "_orig_mod"):
                return owner
            if name in ("data", "weight"):
                return self.module_part(owner)
            return Method(owner, name)
        if name in SIZE_ATTRIBUTES:
            return self.size_of(self.views.data(owner), name)
        if name in ("data", "T", "mT", "real"):
            return owner
        if name == "grad":
            return self.gradient_of(frozenset((owner,)), node)
        if owner.kind == "optimizer" and name in ("param_groups", "state"):
            return self.views.data(owner)
        return Method(owner, name)

    def gradient_of(self, states: frozenset[Obj], node: ast.AST) -> Data:
        """`p.grad`: made of the tokens that `backward` has brought to the states."""
        pending: set[object] = set()
        for state in states:
            found = state.pending
            pending |= found if isinstance(found, frozenset) else set()
        return self.effects.scoring.gradient(pending, node) if pending else Data(marks=frozenset(("grad",)))

    def module_part(self, owner: Obj) -> Data:
        me = frozenset((owner,))
        return Data(updates=self.views.history(owner), states=self.views.members(owner), refs=me)


def bound(method: Func, instance: Value) -> Func:
    return replace(method, instance=instance)


def decorated_with(method: Func, *names: str) -> bool:
    decorators = getattr(method.node, "decorator_list", [])
    return any(
        (isinstance(d, ast.Name) and d.id in names) or (isinstance(d, ast.Attribute) and d.attr in names)
        for d in decorators
    )
