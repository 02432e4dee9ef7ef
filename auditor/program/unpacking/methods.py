"""The pure methods and operators of texts, numbers and containers that unpacking follows: a closed list.

Each entry either is harmless whatever its arguments, or its result is bounded before it is made.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from auditor.program.limits import MAX_LAYER_BYTES
from auditor.program.operators import COMPARISONS, ELEMENTWISE, Binary
from auditor.program.unpacking.budget import Budget
from auditor.program.unpacking.decoders import SAFE_ENCODINGS
from auditor.program.unpacking.values import Unknown

_TEXT: Final = frozenset(
    [
        "strip",
        "lstrip",
        "rstrip",
        "split",
        "rsplit",
        "splitlines",
        "partition",
        "rpartition",
        "startswith",
        "endswith",
        "find",
        "rfind",
        "index",
        "rindex",
        "count",
        "lower",
        "upper",
        "title",
        "capitalize",
        "swapcase",
        "casefold",
        "isdigit",
        "isalpha",
        "isspace",
        "isupper",
        "islower",
        "isidentifier",
        "removeprefix",
        "removesuffix",
        "hex",
    ]
)
_BOUNDED: Final = frozenset(
    ["replace", "translate", "join", "encode", "decode", "zfill", "ljust", "rjust", "center"]
)
_CONTAINER: Final[dict[type, frozenset[str]]] = {
    list: frozenset(
        ["append", "extend", "insert", "pop", "remove", "reverse", "index", "count", "copy", "clear"]
    ),
    dict: frozenset(["get", "setdefault", "update", "pop", "keys", "values", "items", "copy"]),
    set: frozenset(["add", "discard", "update", "union", "intersection", "difference", "copy"]),
    tuple: frozenset(["index", "count"]),
    bytearray: frozenset(["append", "extend", "reverse", "pop"]),
    int: frozenset(["to_bytes", "bit_length"]),
}
_BINARY: Final[Mapping[type[ast.operator], Binary]] = {
    **ELEMENTWISE,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.Pow: operator.pow,
}
_COMPARE: Final[Mapping[type[ast.cmpop], Binary]] = {
    **COMPARISONS,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
PLAIN: Final = (
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    bool,
    type(None),
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
)
_MAX_NUMBER_BITS: Final = 1 << 20


def has_method(value: object, name: str) -> bool:
    """Whether `call_method` follows this method of this value."""
    if isinstance(value, (str, bytes, bytearray)) and (name in _TEXT or name in _BOUNDED or name == "format"):
        return True
    return any(isinstance(value, kind) and name in names for kind, names in _CONTAINER.items())


def call_method(
    budget: Budget, value: Any, name: str, arguments: list[Any], keywords: Mapping[str, Any]
) -> object:
    """Return the result of a method that `has_method` allows, or an `Unknown` with the reason."""
    if any(isinstance(item, Unknown) for item in arguments) and not isinstance(value, (list, dict, set)):
        return next(item for item in arguments if isinstance(item, Unknown))
    if isinstance(value, (str, bytes, bytearray)) and name in _BOUNDED:
        problem = _prepare(budget, value, name, arguments, keywords)
        if problem is not None:
            return problem
    if name == "format":
        return (
            Unknown("str.format is not followed")
            if _has_width(value)
            else _guarded(value.format, arguments, keywords)
        )
    if name in ("to_bytes", "extend") and arguments and isinstance(arguments[0], int):
        budget.allocate(arguments[0])
    result = _guarded(getattr(value, name), arguments, keywords)
    if isinstance(value, dict) and name in ("keys", "values", "items"):
        result = list(result)  # type: ignore[call-overload]
    if isinstance(result, (str, bytes, bytearray, list)):
        budget.allocate(len(result))
    return result


def _prepare(
    budget: Budget, value: Any, name: str, arguments: list[Any], keywords: Mapping[str, Any]
) -> Unknown | None:
    """Pay for what a growing method may give; an `Unknown` where it must not be called."""
    size = len(value)
    if name == "replace" and len(arguments) >= 2:
        try:
            count = value.count(arguments[0])
            budget.allocate(size + count * max(len(arguments[1]) - len(arguments[0]), 0))
        except TypeError:
            return Unknown("replace with values that are not text")
    elif name == "join" and arguments:
        items = arguments[0]
        if not isinstance(items, (list, tuple, set, dict, str, bytes)):
            return Unknown(f"join of {type(items).__name__}")
        unknown = next((item for item in items if isinstance(item, Unknown)), None)
        if unknown is not None:
            return unknown
        try:
            budget.allocate(
                sum(len(item) if isinstance(item, (str, bytes)) else 1 for item in items) + size * len(items)
            )
        except TypeError:
            return Unknown("join of values that are not text")
    elif name in ("zfill", "ljust", "rjust", "center") and arguments:
        budget.allocate(arguments[0] if isinstance(arguments[0], int) else 0)
    elif name in ("encode", "decode"):
        encoding = arguments[0] if arguments else keywords.get("encoding", "utf-8")
        if str(encoding).lower().replace("-", "_") not in SAFE_ENCODINGS:
            return Unknown(f"encoding {encoding!r} is not followed")
    return None


def _has_width(value: object) -> bool:
    return isinstance(value, (bytes, bytearray)) or (
        isinstance(value, str) and (":" in value or "!" in value)
    )


def _guarded(function: Callable[..., object], arguments: list[Any], keywords: Mapping[str, Any]) -> object:
    try:
        return function(*arguments, **keywords)
    except (
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
        MemoryError,
    ) as error:
        return Unknown(f"{type(error).__name__} while unpacking: {error}")


def binary(budget: Budget, operation: ast.operator, left: Any, right: Any) -> object:
    """Return `left operation right` for plain values, or an `Unknown`."""
    for side in (left, right):
        if isinstance(side, Unknown):
            return side
        if not isinstance(side, PLAIN):
            return Unknown(f"arithmetic on a {type(side).__name__}")
    kind = type(operation)
    if kind is ast.Mult:
        for sequence, count in ((left, right), (right, left)):
            if isinstance(sequence, (str, bytes, bytearray, list, tuple)) and isinstance(count, int):
                budget.allocate(len(sequence) * max(count, 0))
    if (
        kind is ast.Add
        and isinstance(left, (str, bytes, bytearray, list, tuple))
        and hasattr(right, "__len__")
    ):
        budget.allocate(len(left) + len(right))
    if kind is ast.Mod and isinstance(left, (str, bytes)) and _wide_format(left):
        return Unknown("a % format with a width")
    if isinstance(left, int) and isinstance(right, int) and kind in (ast.LShift, ast.Pow, ast.Mult):
        bits = {
            ast.LShift: left.bit_length() + right,
            ast.Pow: left.bit_length() * max(right, 1),
            ast.Mult: left.bit_length() + right.bit_length(),
        }[kind]
        if bits > _MAX_NUMBER_BITS:
            return Unknown("a number too large to follow")
    function = _BINARY.get(kind)
    if function is None:
        return Unknown(f"operator {kind.__name__}")
    return _guarded(function, [left, right], {})


def _wide_format(value: str | bytes) -> bool:
    text = value if isinstance(value, str) else value.decode("latin-1")
    return any(character in "0123456789*." for item in text.split("%")[1:] for character in item[:3])


def compare(operation: ast.cmpop, left: object, right: object) -> object:
    """Return the truth of one comparison, or an `Unknown`."""
    for side in (left, right):
        if isinstance(side, Unknown):
            return side
    if isinstance(operation, (ast.Eq, ast.NotEq)) and (
        not isinstance(left, PLAIN) or not isinstance(right, PLAIN)
    ):
        return Unknown("comparison of objects")
    return _guarded(_COMPARE[type(operation)], [left, right], {})


def subscript(value: Any, index: Any) -> object:
    """Return `value[index]`, or an `Unknown`."""
    for side in (value, index):
        if isinstance(side, Unknown):
            return side
    if not isinstance(value, (str, bytes, bytearray, list, tuple, dict, range)):
        return Unknown(f"an item of a {type(value).__name__}")
    return _guarded(operator.getitem, [value, index], {})


def iterable(value: object) -> list[Any] | None:
    """Return the items of a plain iterable that is small enough to walk, or None."""
    if isinstance(value, (list, tuple, set, frozenset, dict, str, bytes, bytearray, range)):
        return list(value) if len(value) <= MAX_LAYER_BYTES else None
    return None
