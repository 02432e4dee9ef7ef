"""Whether a function of the script prints what it is handed and does little else, read from its text."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from auditor.program.walk import called_name, walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Func
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, Value

MAX_STATEMENTS = 14
"""Statements of a function that is nothing but a logger."""
PRINTING = frozenset([
    "print", "write", "info", "debug", "warning", "error", "log", "flush", "open", "close", "put", "append", "str",
    "repr", "format", "join", "dumps", "encode", "rstrip", "strip", "ljust", "rjust", "len", "isinstance", "hasattr",
    "getattr", "map", "dict", "list", "tuple", "items", "get", "update", "strftime", "exists", "makedirs", "mkdir",
    "fsync", "fileno", "pop", "setdefault",
])  # fmt: skip
"""Functions and methods that a logger calls to print what it is handed as it is."""


def is_logger(func: Func) -> bool:
    """Whether a function prints or writes one of its own parameters and does little else."""
    return not isinstance(func.node, ast.Lambda) and looks_like_logger(func.node)


def carry_text(values: Iterable[Value]) -> bool:
    """Whether one of the values is a text, whole or with gaps."""
    return any(
        (isinstance(value, Const) and isinstance(value.value, str))
        or (isinstance(value, Data) and value.template is not None)
        for value in values
    )


@once_a_node
def looks_like_logger(target: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    parameters = {a.arg for a in (*target.args.posonlyargs, *target.args.args, *target.args.kwonlyargs)}
    if target.args.vararg is not None:
        parameters.add(target.args.vararg.arg)
    nodes = list(walk(target))
    if sum(isinstance(n, ast.stmt) for n in nodes) > MAX_STATEMENTS:
        return False
    busy = (ast.For, ast.While, ast.AsyncFor, ast.Yield)
    if any(isinstance(n, busy) or (isinstance(n, ast.Return) and n.value is not None) for n in nodes):
        return False
    if any(rewrites(node, parameters) for node in nodes):
        return False
    for node in nodes:
        if isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id == "print")
            or (isinstance(node.func, ast.Attribute) and node.func.attr in ("write", "info", "debug", "log"))
        ):
            mentioned = {n.id for a in node.args for n in walk(a) if isinstance(n, ast.Name)}
            if mentioned & parameters:
                return True
    return False


def rewrites(node: ast.AST, parameters: set[str]) -> bool:
    """Whether a part of a text does more with what it is handed than to print it: computes, cuts or replaces."""
    if isinstance(node, ast.Name):
        return node.id in parameters and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Mod)):
        return mentions_any(node, parameters)
    if not isinstance(node, ast.Call):
        return False
    func = node.func
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(func, ast.Attribute):
        given.append(func.value)
    return called_name(node) not in PRINTING and any(mentions_any(part, parameters) for part in given)


def mentions_any(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in walk(node))
