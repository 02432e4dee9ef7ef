"""Python's operators by their node, for all who compute on values that they know."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

Binary = Callable[[Any, Any], Any]

ELEMENTWISE: Final[Mapping[type[ast.operator], Binary]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
"""Binary operators on numbers, and on arrays element by element."""

ORDERINGS: Final[Mapping[type[ast.cmpop], Binary]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
"""Comparisons of values."""

COMPARISONS: Final[Mapping[type[ast.cmpop], Binary]] = {
    **ORDERINGS,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
"""Comparisons of values and of objects."""
