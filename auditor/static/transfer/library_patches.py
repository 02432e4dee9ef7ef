"""Names of libraries that the script gives a value of its own: `F.cross_entropy = mine`, `sys.stdout = Tee()`.

From then on the name means what was assigned, and a call by it is followed. What libraries do among themselves with a
changed class or function is not followed: every number that is printed from then on is doubted. Settings (numbers,
text, what a library itself provides) change how fast something is computed, not what.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.static.domain.heap import Class, Env, Func, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, LibraryRef, Method, Partial, SymbolicInt, Union, Value
from auditor.static.effects.captures import passes_on
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine

MODULES = "sys.modules"
OUTPUTS = frozenset(["sys.stdout", "sys.stderr", "sys.__stdout__"])
DEVICES = (
    "torch.cuda.",
    "torch._dynamo.",
    "torch._inductor.",
    "torch.backends.",
    "torch.compile",
    "torch.jit.",
)
"""Names that say where and how something is computed, not what: what stands in for one of them changes no number."""

LINGERING = frozenset(
    [
        *("sys.settrace", "sys.setprofile", "sys.addaudithook", "threading.settrace", "threading.setprofile"),
        *("gc.callbacks.append", "sys.meta_path.append", "sys.meta_path.insert", "sys.path_hooks.append"),
        *("codecs.register", "codecs.register_error", "copyreg.pickle", "logging.setLogRecordFactory"),
        *(
            "logging.setLoggerClass",
            "warnings.showwarning",
            "faulthandler.register",
            "sys.monitoring.register_callback",
        ),
        *("builtins.__build_class__", "readline.set_completer"),
    ]
)
"""Functions that keep what they are handed, to call it at some later time."""

CALLED_BY_TORCH = frozenset(
    [
        *(
            "__init__",
            "eval",
            "train",
            "to",
            "cuda",
            "half",
            "float",
            "bfloat16",
            "requires_grad_",
            "zero_grad",
        ),
        *(
            "load_state_dict",
            "state_dict",
            "parameters",
            "named_parameters",
            "buffers",
            "named_buffers",
            "modules",
        ),
        *("named_modules", "children", "named_children", "extra_repr", "__repr__", "__str__", "__setattr__"),
        *(
            "__deepcopy__",
            "__getstate__",
            "__setstate__",
            "__setstate__",
            "register_buffer",
            "register_parameter",
        ),
        *("_apply", "_load_from_state_dict", "_save_to_state_dict", "_get_name", "__dir__", "__delattr__"),
    ]
)
"""Methods of modules whose body is not followed where they are called, or that torch calls itself."""

FOLLOWED_BASES = (
    "builtins.", "typing.", "abc.", "collections.", "dataclasses.", "contextlib.", "threading.", "logging.", "types.",
    "torch.nn.", "torch.optim.", "torch.autograd.", "torch.utils.data.", "multiprocessing.", "torch.multiprocessing.",
)  # fmt: skip
"""Classes of libraries whose own calls of the script's methods are followed, or that make none."""

FOLLOWED_METHODS = frozenset(["__init__", "__new__", "__post_init__", "__call__", "__enter__", "__exit__"])
"""Methods that are called wherever Python does; where they were not entered, nothing did."""

PROTOCOL_METHODS = frozenset(
    ["forward", "keys", "write", "flush", "read", "readline", "readinto", "close", "fileno"]
)
"""Methods without underscores that Python or torch call: of modules, mappings that `**` unpacks, files."""

REDUCES = frozenset(["__reduce__", "__reduce_ex__"])
"""Methods that name a function, which whoever copies calls then."""

COMPUTES = ("torch.", "numpy.", "math.")


@dataclass(frozen=True, slots=True)
class Lingering:
    """Code that may run at any later time, with what it is handed.

    Attributes:
        values: the code and what it is handed.
        reason: why it is not followed.
        what: the call that arranged for it.
        node: where that stands.
        trains_only: whether it matters only where it trains: any method of it may be called.
    """

    values: tuple[Value, ...]
    reason: str
    what: str
    node: ast.AST
    trains_only: bool = False


NUMBERED = frozenset(["math", "numpy", "torch"])
"""Libraries that name the constants of mathematics."""


class LibraryPatches:
    """Follows what stands in for names of libraries."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.effects = effects
        self.patches = Obj(0, "namespace", self.recorder.place(self.script.main[0]), ())
        self.overridden: list[Func] = []
        self.implicit: list[Func] = []
        self.lingering: dict[object, Lingering] = {}

    def library_value(self, name: str) -> Value:
        """What a dotted name of a library means by now."""
        found = self.patches.d.get(name)
        if isinstance(found, Value):
            return found
        root, _, tail = name.rpartition(".")
        return (
            Const(getattr(math, tail))
            if root in NUMBERED and tail in ("e", "pi", "tau")
            else LibraryRef(name)
        )

    def patch(self, name: str, value: Value, node: ast.AST) -> None:
        """A name of a library is given another value."""
        self.heap.put(self.patches, name, value)
        if name in OUTPUTS:
            self.output_replaced(name, value, node)
        elif name.startswith(DEVICES) or not is_code(value):
            return
        elif name.startswith(COMPUTES) and (is_of_class(name) or name.startswith("torch.nn.functional.")):
            self.recorder.standing.add(self.recorder.doubt("a part of a library is replaced", name, node))
        else:
            self.linger((value,), "a part of a library is replaced", name, node)

    def output_replaced(self, name: str, value: Value, node: ast.AST) -> None:
        """What is printed goes through an object of the script: one that hands on every text as it is, or another."""
        if isinstance(value, (LibraryRef, Const)) or not (value_class := class_of(value)):
            return
        write = value_class.find("write")
        if write is None or not passes_on(write.node):
            self.recorder.standing.add(
                self.recorder.doubt("what is printed goes through code of the script", name, node)
            )

    def kept_for_later(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """A function that keeps what it is handed, to call it later; None for any other."""
        if name not in LINGERING:
            return None
        self.lingering[id(node)] = Lingering(
            (*args, *keywords.values()), "code that may run at any time", name, node, trains_only=True
        )
        return Const(None)

    def registered_operator(self, decorator: ast.expr, value: Value, env: Env) -> None:
        """`@torch.library.custom_op("space::name")`: from then on `torch.ops.space.name` is the function."""
        if not isinstance(decorator, ast.Call) or not decorator.args:
            return
        maker, name = (
            self.machine.evaluate.evaluate(decorator.func, env),
            self.machine.evaluate.evaluate(decorator.args[0], env),
        )
        if (
            isinstance(maker, LibraryRef)
            and maker.name.startswith("torch.library.")
            and isinstance(name, Const)
        ):
            self.heap.put(self.patches, "torch.ops." + str(name.value).replace("::", "."), value)

    def class_made(self, cls: Class) -> None:
        """A class that derives from one of a library: the library may call its methods, whoever makes an object."""
        self.implicit += [m for name, m in cls.methods.items() if is_called_by_itself(name)]
        if cls.is_module:
            self.overridden += [m for name, m in cls.methods.items() if name in CALLED_BY_TORCH]
            return
        bases = [base for base in cls.library_bases() if not base.startswith(FOLLOWED_BASES)]
        if bases:
            key = id(cls.node)
            entry = Lingering((cls,), "methods that a library may call", bases[0], cls.node, trains_only=True)
            self.lingering[key] = entry

    def may_have_learnt_unseen(self, method: Func) -> bool:
        """Whether a method takes gradients or steps, and was entered nowhere: what calls it may not be known here."""
        if id(method.node) in self.frames.entered and name_of(method) not in REDUCES:
            return False
        return self.effects.havoc.reach((method,), calls_only=True).learns

    # code that runs some time later
    def linger(self, values: Iterable[Value], reason: str, what: str, node: ast.AST) -> None:
        """Code may run at any time from here on; what it could reach when a number is printed is doubted then."""
        self.lingering[id(node)] = Lingering(tuple(values), reason, what, node)

    def method_lingers(self, method: Func, reason: str) -> None:
        self.linger((method,), reason, name_of(method), method.node)

    def lingering_doubts(self) -> None:
        """Doubt, before a number is printed, what code that may have run by now could have done."""
        waiting, self.overridden = self.overridden, []
        for method in waiting:  # asked once, when the functions that they call have been defined
            if self.effects.havoc.reach((method,), calls_only=True).learns:
                self.method_lingers(method, "a method that torch may call")
        self.implicit = [method for method in self.implicit if self.may_have_learnt_unseen(method)]
        for method in self.implicit:
            self.method_lingers(method, "a method that is called without its name")
        for entry in list(self.lingering.values()):
            self.effects.havoc.mark(
                entry.values,
                entry.reason,
                entry.what,
                entry.node,
                calls_only=not entry.trains_only,
                trains_only=entry.trains_only,
                lasting=True,
            )


def name_of(func: Func) -> str:
    """The name of a function; a lambda has none."""
    return "" if isinstance(func.node, ast.Lambda) else func.node.name


def is_called_by_itself(name: str) -> bool:
    """Whether Python or torch call a method of this name where no text does."""
    special = name.startswith("__") and name.endswith("__") and name not in FOLLOWED_METHODS
    return special or name in PROTOCOL_METHODS


def is_code(value: Value) -> bool:
    """Whether a value is something of the script that can be called, or may be."""
    if isinstance(value, (Func, Class, Partial)):
        return True
    if isinstance(value, Method):
        return is_code(value.owner)
    if isinstance(value, Union):
        return any(is_code(option) for option in value.options)
    if isinstance(value, Obj):
        return value.cls is not None
    return isinstance(value, Data) and value.relevant and not isinstance(value, SymbolicInt)


def is_of_class(name: str) -> bool:
    """Whether a dotted name is one of a class (`torch.Tensor.add_`), or a special method."""
    *folders, last = name.split(".")
    return last.startswith("__") or any(part[:1].isupper() for part in folders)


def class_of(value: Value) -> Class | None:
    return value.cls if isinstance(value, Obj) else None
