"""What the classes of libraries do where the script asks for it by name.

`super().__setattr__(…)`, `object.__new__(cls)`, `torch.Tensor.backward(loss)`, `type(optimizer).step(optimizer)`:
the method of the library is called on an object, past what a class of the script put in its place.
"""

from __future__ import annotations

import ast

from auditor.static.domain.heap import Class, Env, Func, NamesView, Obj, given_by_name
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, LibraryRef, Method, Partial, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.constructors import Constructors
from auditor.static.transfer.containers import ContainerMethods
from auditor.static.transfer.conversions import Conversions
from auditor.static.transfer.item_assignment import Stores
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.nn_modules import Modules

FACTORIES = ("from", "maketrans", "get", "is_", "set_", "manual_seed")
"""Beginnings of the names of what is called on a class itself."""

INSTANCES = frozenset(
    ["Tensor", "Module", "Parameter", "Optimizer", "Thread", "Timer", "Handler", "Logger", "object"]
)
BUILTIN_TYPES = frozenset(["list", "dict", "str", "set", "tuple", "int", "float", "object", "type", "bytes"])


class DefaultMethods:
    """Calls methods of library classes on objects that are handed over."""

    def __init__(
        self,
        machine: Machine,
        item_assignment: Stores,
        nn_modules: Modules,
        constructors: Constructors,
        containers: ContainerMethods,
        conversions: Conversions,
        life_cycle: LifeCycle,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.heap = machine.heap
        self.views = machine.views
        self.item_assignment = item_assignment
        self.nn_modules = nn_modules
        self.constructors = constructors
        self.containers = containers
        self.conversions = conversions
        self.life_cycle = life_cycle

    def unbound_call(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """`C.method(obj, …)` for a class of a library; None if the name is none of a method."""
        parts = name.split(".")
        if not args or len(parts) < 3 or parts[-1].startswith(FACTORIES):
            return None
        of_type = parts[-3:-2] == ["builtins"] or (len(parts) == 3 and parts[0] == "builtins")
        known = parts[-2] in BUILTIN_TYPES if of_type else parts[-2][:1].isupper()
        owner = args[0]
        is_method = not parts[-1][:1].isupper() and (
            isinstance(owner, (Obj, Class)) or parts[-2] in INSTANCES or parts[-2] in BUILTIN_TYPES
        )
        if not known or not is_method:
            return None
        return self.default_method(owner, parts[-1], args[1:], keywords, node)

    def default_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A method of the library on an object, whatever the object's own class says."""
        first = args[0] if args else None
        if name == "__new__":
            made = first if isinstance(first, Class) else owner
            return (
                self.constructors.bare_instance(made, args[1:], node)
                if isinstance(made, Class)
                else self.views.mix(*args)
            )
        if name in ("__init__", "__init_subclass__", "__set_name__", "__enter__", "__exit__", "__del__"):
            if name == "__init__":
                self.initialise(owner, args, keywords, node)
            return owner if name == "__enter__" else Const(None)
        if name in ("__getattribute__", "__getattr__") and isinstance(first, Const):
            if isinstance(owner, Obj):
                return self.machine.evaluate.plain_attribute(owner, str(first.value), node)
            return self.machine.evaluate.attribute(owner, str(first.value), node)
        if name == "__setattr__" and isinstance(first, Const) and len(args) > 1:
            self.machine.evaluate.put_attribute(owner, str(first.value), args[1], node)
            return Const(None)
        if name == "__getitem__" and first is not None:
            return self.machine.evaluate.subscript(owner, first, node)
        if name == "__setitem__" and first is not None and len(args) > 1:
            self.item_assignment.store(owner, first, args[1], node, self.frames.globals, augmented=False)
            return Const(None)
        if name == "__call__":
            return self.called_by_default(owner, args, keywords, node)
        if name == "__iter__":
            return owner
        if name in ("__len__", "__str__", "__repr__", "__format__", "__hash__", "__eq__", "__contains__"):
            return self.views.mix(owner, *args)
        if name in ("start", "run") and isinstance(owner, Obj) and owner.kind == "instance":
            return self.life_cycle.thread_method(owner, name, node)
        return self.machine.apply.call_method(owner, name, args, keywords, node)

    def called_by_default(
        self, owner: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """`nn.Module.__call__(model, …)` and `type.__call__(cls, …)`."""
        if isinstance(owner, Class):
            return self.constructors.make(owner, args, keywords, node)
        if isinstance(owner, Obj) and owner.kind == "module":
            return self.nn_modules.call_module(owner, "forward", args, keywords, node)
        return self.views.mix(*args, *keywords.values())

    def initialise(self, owner: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """The constructor of a library's class, called for an object of a class derived from it."""
        if not isinstance(owner, Obj):
            return
        if owner.kind == "list" and args:
            self.containers.extend(owner, args[0], None, node)
        elif owner.kind == "dict" and (args or keywords):
            self.conversions.dict_filled(owner, args, keywords, node)
        elif owner.kind == "optimizer":
            known = combine(self.views.content(owner), self.views.mix_references([*args, *keywords.values()]))
            self.heap.put(owner, Obj.content, known)
        elif owner.kind == "instance":
            for name, value in keywords.items():
                if not name.startswith("*"):
                    self.heap.put(owner, given_by_name(name), value)
            self.heap.put(owner, Obj.given, TupleValue(tuple(args)))

    # names as a dictionary
    def names_method(
        self, owner: NamesView, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A method of `vars(x)`."""
        self.life_cycle.takes_charge(node)
        if name == "update":
            for key, value in self.entries_of(args, keywords):
                self.heap.put(owner.owner, key, value)
            return Const(None)
        if name in ("get", "pop", "setdefault", "__getitem__") and args:
            found = self.name_in(owner, args[0])
            if isinstance(found, Value):
                return found
            if name == "setdefault" and len(args) > 1 and isinstance(args[0], Const):
                self.heap.put(owner.owner, str(args[0].value), args[1])
            return args[1] if len(args) > 1 else CLEAN
        if name == "__setitem__" and len(args) > 1 and isinstance(args[0], Const):
            self.heap.put(owner.owner, str(args[0].value), args[1])
            return Const(None)
        known = {k: v for k, v in self.names_of(owner).items() if isinstance(v, Value)}
        if name == "keys":
            return TupleValue(tuple(Const(k) for k in known))
        if name == "values":
            return TupleValue(tuple(known.values()))
        if name == "items":
            return TupleValue(tuple(TupleValue((Const(k), v)) for k, v in known.items()))
        return self.views.mix(*args)

    def names_of(self, owner: NamesView) -> dict[str, object]:
        cells = dict(owner.owner.d)
        if isinstance(owner.owner, Class):
            cells.update(owner.owner.methods)
        return {k: v for k, v in cells.items() if isinstance(k, str)}

    def name_in(self, owner: NamesView, key: Value) -> Value | None:
        """What a name stands for; None where the name is not known."""
        if not isinstance(key, Const):
            return None
        found = self.names_of(owner).get(str(key.value))
        return found if isinstance(found, Value) else None

    def entries_of(self, args: list[Value], keywords: dict[str, Value]) -> list[tuple[str, Value]]:
        """What `update` is given, by name."""
        found: list[tuple[str, Value]] = []
        for arg in args:
            if isinstance(arg, NamesView):
                found += [(k, v) for k, v in self.names_of(arg).items() if isinstance(v, Value)]
            elif isinstance(arg, Obj):
                cells = [(k, v) for k, v in arg.d.items() if isinstance(k, tuple) and k[0] == "key"]
                found += [(str(k[1]), v) for k, v in cells if isinstance(v, Value)]
        return [*found, *((k, v) for k, v in keywords.items() if k != "**")]

    def visible_names(self, env: Env) -> NamesView:
        """`locals()`: a copy of the names of the scope."""
        out = Env()
        out.d = dict(env.d)
        return NamesView(out)


def is_callback(value: Value) -> bool:
    """Whether a value that is handed to a library may be called by it, and runs code of the script then."""
    if isinstance(value, Partial):
        return is_callback(value.func)
    if isinstance(value, Method):
        return value.name in ("backward", "step", "load_state_dict", "copy_", "add_", "sub_", "lerp_")
    return isinstance(value, Func) or (isinstance(value, LibraryRef) and value.name.endswith(".backward"))
