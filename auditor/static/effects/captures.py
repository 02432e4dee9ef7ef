"""What the text of a function says of the world around it: the names it uses, and whether it could change anything.

A function that is handed to code that was not read may run at any time. What it can reach are the values behind its
free names; what it can change is nothing if its text neither stores to anything that outlives a call nor calls what
could do so.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.names.tensors import ALLOCATIONS, IN_PLACE, RESETS

CHANGING_METHODS = frozenset(
    [
        *(
            "backward",
            "step",
            "load_state_dict",
            "copy_",
            "set_",
            "swap_tensors",
            "memmove",
            "memset",
            "save",
        ),
        *("append", "extend", "insert", "appendleft", "extendleft", "add", "update", "setdefault", "put"),
        *("pop", "popleft", "popitem", "remove", "discard", "clear", "sort", "reverse", "send", "put_nowait"),
        *("scatter", "all_reduce", "broadcast", "copyto", "putmask", "place", "fill", "shuffle"),
        *("__setattr__", "__setitem__", "__delitem__", "__iadd__", "__call__", "register_hook"),
    ]
)
"""Methods that change what they are called on or what they are handed."""

TRAINING = frozenset(["backward", "step", "load_state_dict", "set_", "swap_tensors", "memmove", "copyto"])
"""Methods that change weights, besides those whose names end as torch's in-place ones do."""

CHANGING_FUNCTIONS = frozenset(["setattr", "delattr", "exec", "eval", "next", "globals", "vars", "locals"])

READERS = frozenset(
    [
        "open",
        "fromfile",
        "from_file",
        "memmap",
        "load",
        "loads",
        "frombuffer",
        "read_bytes",
        "read_text",
        "glob",
        "rglob",
    ]
)
"""Functions and methods by which validation tokens come out of files."""

FRESH = frozenset(["list", "dict", "set", "bytearray", "defaultdict", "Counter", "deque", "OrderedDict"])
"""Functions that make a new container."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What the text of a function or class says.

    Attributes:
        names: names that it uses and does not bind itself.
        rebound: names of an outer scope that it assigns to.
        attributes: names of the attributes that it asks for, methods among them.
        learns: whether it takes gradients, or steps an optimiser.
        trains: whether it takes gradients or steps, loads weights, or changes tensors in place.
        changes: whether it stores to something that outlives a call, or calls a method that may.
        reads: whether it reads files.
    """

    names: tuple[str, ...]
    rebound: tuple[str, ...]
    attributes: frozenset[str]
    learns: bool
    trains: bool
    changes: bool
    reads: bool


@once_a_node
def captured(node: ast.AST) -> Capture:
    """What a function, lambda or class says of the world around it, functions inside it included."""
    used: dict[str, None] = {}
    attributes: set[str] = set()
    outer: dict[str, None] = {}
    bound: set[str] = set()
    fresh: dict[str, bool] = {}
    changes = reads = trains = learns = False
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        bound |= {a.arg for a in walk(node.args) if isinstance(a, ast.arg)}
    for inner in walk(node):
        if isinstance(inner, ast.Name):
            if isinstance(inner.ctx, ast.Load):
                used[inner.id] = None
            else:
                bound.add(inner.id)
        elif isinstance(inner, (ast.Global, ast.Nonlocal)):
            outer.update(dict.fromkeys(inner.names))
        elif isinstance(inner, ast.Assign):
            for target in inner.targets:
                if isinstance(target, ast.Name):
                    fresh[target.id] = fresh.get(target.id, True) and is_fresh(inner.value)
        elif (
            isinstance(inner, ast.AnnAssign)
            and isinstance(inner.target, ast.Name)
            and inner.value is not None
        ):
            fresh[inner.target.id] = fresh.get(inner.target.id, True) and is_fresh(inner.value)
    bound -= outer.keys()
    own = {name for name, made_here in fresh.items() if made_here and name in bound}
    for inner in walk(node):
        if isinstance(inner, ast.Attribute):
            attributes.add(inner.attr)
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(inner.ctx, ast.Load):
            changes = changes or root_name(inner.value) not in own
        elif isinstance(inner, ast.Call):
            if isinstance(inner.func, ast.Attribute):
                name = inner.func.attr
                reads = reads or name in READERS
                learns = learns or takes_gradients(inner.func)
                if may_change(name) and root_name(inner.func.value) not in own:
                    changes = True
                    trains = trains or name in TRAINING or name.endswith("_")
            elif isinstance(inner.func, ast.Name):
                changes = changes or inner.func.id in CHANGING_FUNCTIONS
                reads = reads or inner.func.id in READERS
            changes = changes or any(keyword.arg == "out" for keyword in inner.keywords)
    changes = changes or bool(outer)
    names = tuple(name for name in used if name not in bound)
    return Capture(names, tuple(outer), frozenset(attributes), learns, trains, changes, reads)


def takes_gradients(method: ast.Attribute) -> bool:
    """Whether a method that is called takes gradients, or is the step of something that is called an optimiser."""
    if method.attr == "step":
        return "opt" in ast.unparse(method.value).lower()
    return method.attr == "backward" or (method.attr == "grad" and "autograd" in ast.unparse(method.value))


def may_change(method: str) -> bool:
    """Whether a method of that name may change what it is called on: also any that ends as torch's in-place ones do."""
    if method in CHANGING_METHODS or method in IN_PLACE or method in RESETS:
        return True
    return method.endswith("_") and not method.startswith("_")


def is_fresh(value: ast.expr) -> bool:
    """Whether an expression makes a new container or array, which nobody else holds."""
    displays = (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.ListComp, ast.DictComp, ast.SetComp, ast.Constant)
    if isinstance(value, displays):
        return True
    if not isinstance(value, ast.Call):
        return False
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    return name in FRESH or name in ALLOCATIONS


def root_name(node: ast.expr) -> str:
    """The name that an attribute, an index or a call starts from; "" where it is none."""
    while True:
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred)):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return node.id if isinstance(node, ast.Name) else ""


@once_a_node
def passes_on(method: ast.AST) -> bool:
    """Whether a method that is handed a text hands it on as it is, to whatever it writes to."""
    if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    names = [a.arg for a in (*method.args.posonlyargs, *method.args.args)]
    if len(names) != 2:
        return False
    text = names[1]
    for node in walk(method):
        if isinstance(node, ast.Name) and node.id == text and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write":
            if not (len(node.args) == 1 and isinstance(node.args[0], ast.Name) and node.args[0].id == text):
                return False
    return True
