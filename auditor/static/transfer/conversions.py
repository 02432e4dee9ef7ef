"""Builtins that ask an object of the script by its methods: `len(x)`, `str(x)`, `sum(xs)`, `hasattr(x, "y")`."""

from __future__ import annotations

import ast

from auditor.static.domain.heap import Class, Obj
from auditor.static.domain.values import Const, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.callbacks import Callbacks

ASKED = {
    "len": ("__len__",), "hash": ("__hash__",), "int": ("__int__", "__index__", "__trunc__"),
    "float": ("__float__", "__index__"), "complex": ("__complex__", "__float__", "__index__"),
    "abs": ("__abs__",), "round": ("__round__",), "bool": ("__bool__", "__len__"), "bytes": ("__bytes__",),
    "reversed": ("__reversed__",), "dir": ("__dir__",), "next": ("__next__",), "hex": ("__index__",),
    "oct": ("__index__",), "bin": ("__index__",), "chr": ("__index__",),
}  # fmt: skip
TEXTS = {"str": "str", "repr": "repr", "format": "format", "ascii": "repr"}
ITERATES = frozenset(
    [
        "list",
        "tuple",
        "sorted",
        "set",
        "frozenset",
        "sum",
        "max",
        "min",
        "any",
        "all",
        "dict",
        "zip",
        "enumerate",
        "iter",
        "bytearray",
    ]
)
LIBRARY_ASKS = {
    "math.trunc": ("__trunc__",), "math.floor": ("__floor__", "__float__"), "math.ceil": ("__ceil__", "__float__"),
    "os.fspath": ("__fspath__",), "sys.getsizeof": ("__sizeof__",), "operator.length_hint": ("__length_hint__",),
    "operator.index": ("__index__",), "copy.copy": ("__copy__", "__reduce_ex__", "__reduce__"),
    "copy.deepcopy": ("__deepcopy__", "__reduce_ex__", "__reduce__"),
    "pickle.dumps": ("__reduce_ex__", "__reduce__", "__getstate__"), "os.path.join": ("__fspath__",),
    "pickle.dump": ("__reduce_ex__", "__reduce__", "__getstate__"), "builtins.open": ("__fspath__",),
    "torch.save": ("__reduce_ex__", "__reduce__", "__getstate__"), "pathlib.Path": ("__fspath__",),
    "math.sqrt": ("__float__",), "math.log": ("__float__",), "math.exp": ("__float__",), "math.isnan": ("__float__",),
    "numpy.asarray": ("__array__",), "numpy.array": ("__array__",), "torch.as_tensor": ("__array__",),
    "torch.tensor": ("__array__", "__len__"), "inspect.signature": ("__signature__",),
}  # fmt: skip
"""Functions of libraries that call a method of what they are given."""


class Conversions:
    """Asks objects by their special methods."""

    def __init__(self, machine: Machine, callbacks: Callbacks) -> None:
        self.machine = machine
        self.heap = machine.heap
        self.views = machine.views
        self.callbacks = callbacks

    def asked_by_builtin(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What methods of the script answer to a builtin; None where they have no say."""
        if not args:
            return None
        if name in TEXTS:
            return self.machine.evaluate.formatted(args[0], TEXTS[name], node)
        if name in ("divmod", "pow") and len(args) > 1:
            found = self.machine.evaluate.implicit(args[0], f"__{name}__", args[1:2], node)
            return (
                found
                if found is not None
                else self.machine.evaluate.implicit(args[1], f"__r{name}__", args[:1], node)
            )
        if name in ASKED:
            found = self.machine.evaluate.first_implicit(args[0], ASKED[name], args[1:], node)
            if found is not None:
                return found
        if name == "print":
            for arg in args:
                self.machine.evaluate.formatted(arg, "str", node)
            return None
        if name in ("sorted", "max", "min"):
            self.ordered(args, keywords, node)
        if name == "sum":
            return self.added_by_methods(args, node)
        if name in ("isinstance", "issubclass") and len(args) > 1:
            hook = "__instancecheck__" if name == "isinstance" else "__subclasscheck__"
            return self.machine.evaluate.implicit(args[1], hook, args[:1], node)
        if name in ("set", "frozenset"):
            for item in self.machine.evaluate.exact_items(args[0]) or ():
                self.machine.evaluate.hashed(item, node)
        return None

    def ordered(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """Things are put in order: a key is asked of each, or they are compared."""
        key = keywords.get("key")
        if key is not None and self.machine.evaluate.is_callable_here(key):
            self.callbacks.called_for_each(key, args[0], node)
            return
        items = args if len(args) > 1 else list(self.machine.evaluate.exact_items(args[0]) or ())
        if len(items) > 1:
            self.machine.evaluate.compared_by_method(ast.Lt(), items[1], items[0], node)

    def added_by_methods(self, args: list[Value], node: ast.AST) -> Value | None:
        """`sum` of objects that say themselves how they are added."""
        items = self.machine.evaluate.exact_items(args[0])
        if not items or not any(isinstance(item, Obj) and item.cls is not None for item in items):
            return None
        total = args[1] if len(args) > 1 else Const(0)
        for item in items:
            total = self.machine.evaluate.binary_by_method(ast.Add(), total, item, node)
        return total

    def iterables(self, name: str, args: list[Value], node: ast.AST) -> list[Value]:
        """The arguments of a builtin that goes through them: objects that are iterated as their generators."""
        if name not in ITERATES:
            return args
        return [
            self.machine.evaluate.iterated(arg, node) if isinstance(arg, Obj) and arg.cls is not None else arg
            for arg in args
        ]

    def asked_by_library(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        if not args or name not in LIBRARY_ASKS:
            return None
        rest = [TupleValue(())] if name.endswith("deepcopy") else []
        return self.machine.evaluate.first_implicit(args[0], LIBRARY_ASKS[name], rest, node)

    # builtins that make descriptors and classes
    def b_property(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.heap.allocate("instance", node, "property")
        names = ("fget", "fset", "fdel")
        given = {**dict(zip(names, args, strict=False)), **keywords}
        out.getter, out.setter = given.get("fget"), given.get("fset")
        return out

    def b_type(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if len(args) == 3:
            return self.machine.evaluate.made_class(args, node)
        return self.machine.evaluate.class_of(args[0]) if args else None

    def b_delattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) > 1:
            self.machine.evaluate.implicit(args[0], "__delattr__", args[1:], node)
        return Const(None)

    def b_hasattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if len(args) > 1 and isinstance(args[0], (Obj, Class)) and isinstance(args[1], Const):
            target = args[0]
            known = str(args[1].value) in target.d
            if not known:
                for name in ("__getattribute__", "__getattr__"):
                    self.machine.evaluate.implicit(target, name, [args[1]], node)
        return None

    def b_iter(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if len(args) == 2 and self.machine.evaluate.is_callable_here(args[0]):
            return self.callbacks.called_until(args[0], node)
        return None

    def b_dict(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.heap.allocate("dict", node)
        self.dict_filled(out, args, keywords, node)
        return out

    def dict_filled(self, out: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """Fill a new dictionary with what `dict` is given."""
        if args and isinstance(args[0], Obj) and args[0].kind == "dict":
            out.d.update(args[0].d)
        elif args:
            out.content = self.views.mix_references(args)
        for key, value in keywords.items():
            out.d["key", key] = value
        known = out.elements
        out.elements = (*(known if isinstance(known, tuple) else ()), *keywords.values())
