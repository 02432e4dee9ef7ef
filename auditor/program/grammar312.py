"""Tree classes of the 3.12 grammar that the running Python's `ast` may lack.

On 3.12 and later these are `ast`'s own; on 3.11 they are stand-ins with the same names and fields, so a
reader of the tree needs one spelling: `grammar312.TypeAlias`. On 3.11 `FunctionDef`, `AsyncFunctionDef`
and `ClassDef` carry the attribute `type_params` only where the text has type parameters.
"""

from __future__ import annotations

import ast
import sys

if sys.version_info >= (3, 12):
    ParamSpec = ast.ParamSpec
    TypeAlias = ast.TypeAlias
    TypeVar = ast.TypeVar
    TypeVarTuple = ast.TypeVarTuple
else:

    class TypeVar(ast.AST):
        """`T` or `T: bound` in a type parameter list."""

        _fields = ("name", "bound")
        _attributes = ("lineno", "col_offset", "end_lineno", "end_col_offset")

    class TypeVarTuple(ast.AST):
        """`*Ts` in a type parameter list."""

        _fields = ("name",)
        _attributes = ("lineno", "col_offset", "end_lineno", "end_col_offset")

    class ParamSpec(ast.AST):
        """`**P` in a type parameter list."""

        _fields = ("name",)
        _attributes = ("lineno", "col_offset", "end_lineno", "end_col_offset")

    class TypeAlias(ast.stmt):
        """`type X[T] = value`."""

        _fields = ("name", "type_params", "value")
        _attributes = ("lineno", "col_offset", "end_lineno", "end_col_offset")


__all__ = ["ParamSpec", "TypeAlias", "TypeVar", "TypeVarTuple"]
