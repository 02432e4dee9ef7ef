"""Tree classes of the 3.12 grammar that the running Python's `ast` may lack.

On 3.12 and later these are `ast`'s own; on 3.11 they are stand-ins with the same names and fields, so a
reader of the tree needs one spelling: `grammar312.TypeAlias`. On 3.11 `FunctionDef`, `AsyncFunctionDef`
and `ClassDef` carry the attribute `type_params` only where the text has type parameters.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

_POSITIONS: Final = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def _tree_class(name: str, base: type[ast.AST], fields: tuple[str, ...]) -> Callable[..., Any]:
    native = getattr(ast, name, None)
    if native is not None:
        return native  # type: ignore[no-any-return]
    return type(
        name, (base,), {"_fields": fields, "_attributes": _POSITIONS, "__doc__": f"`ast.{name}` of 3.12."}
    )


TypeVar: Final = _tree_class("TypeVar", ast.AST, ("name", "bound"))
"""`T` or `T: bound` in a list of type parameters."""

TypeVarTuple: Final = _tree_class("TypeVarTuple", ast.AST, ("name",))
"""`*Ts` in a list of type parameters."""

ParamSpec: Final = _tree_class("ParamSpec", ast.AST, ("name",))
"""`**P` in a list of type parameters."""

TypeAlias: Final = _tree_class("TypeAlias", ast.stmt, ("name", "type_params", "value"))
"""The statement `type X[T] = value`."""
