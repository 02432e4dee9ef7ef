"""Names of Python itself: its builtins and its containers."""

from __future__ import annotations

BUILTINS = frozenset([
    "abs", "all", "any", "bool", "bytearray", "bytes", "callable", "chr", "classmethod", "compile",
    "complex", "dict", "dir", "divmod", "enumerate", "eval", "exec", "filter", "float", "format",
    "frozenset", "getattr", "globals", "hasattr", "hash", "hex", "id", "input", "int", "isinstance",
    "issubclass", "iter", "len", "list", "locals", "map", "max", "memoryview", "min", "next", "object",
    "oct", "open", "ord", "pow", "print", "property", "range", "repr", "reversed", "round", "set",
    "setattr", "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "vars", "zip",
    "__import__", "RuntimeError", "ValueError", "Exception", "KeyError", "IndexError", "FileNotFoundError",
    "NotImplementedError", "AssertionError", "StopIteration", "OSError", "ImportError", "TypeError",
    "AttributeError", "KeyboardInterrupt", "SystemExit", "Ellipsis", "NotImplemented", "__build_class__",
    "breakpoint", "ModuleNotFoundError", "TimeoutError", "PermissionError",
])  # fmt: skip

MAPPINGS = frozenset(["defaultdict", "Counter", "OrderedDict", "dict"])

TAKES_GENERATORS = frozenset(["enumerate", "isinstance", "iter", "map", "filter", "type", "callable", "id"])
"""Builtins that are given a generator without reading it."""
READS_ALL = frozenset(["list", "tuple", "sorted", "set", "frozenset", "sum", "max", "min", "dict"])
"""Builtins that read a generator to its end before they return."""
ASKS_NO_FUNCTION = frozenset([
    "isinstance", "issubclass", "callable", "type", "id", "hasattr", "getattr", "setattr", "delattr",
    "super", "property", "staticmethod", "classmethod", "map", "print", "zip", "enumerate", "iter", "next",
    "vars", "exec", "eval", "compile", "list", "tuple", "dict", "reversed", "repr", "str", "bool", "len",
])  # fmt: skip
"""Builtins that do not call a function they are handed, or that are followed when they do."""
FOLLOWED = frozenset(["sorted", "max", "min", "map", "filter", "iter"])
"""Builtins whose calls of what they are handed are followed."""
