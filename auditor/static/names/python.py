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
