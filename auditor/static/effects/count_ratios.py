"""Shares of counts: a counter divided by the counter of all, which is at most 1.

That one counter never exceeds the other is not proved: both must only ever count (every write to a table of that name
sets 0 or 1, adds one, or takes over a variable), as a threshold is set against such a share.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node


def is_share(tree: ast.AST, node: ast.AST) -> bool:
    """Whether a quotient in a tree is one counter divided by another."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
        return False
    function = quotients(tree).get(id(node))
    if function is None:
        return False
    return _counts(tree, function, node.left) and _counts(tree, function, node.right)


@once_a_node
def quotients(tree: ast.AST) -> dict[int, ast.AST]:
    """The innermost function around each quotient, by the quotient's identity; the tree itself for none."""
    found: dict[int, ast.AST] = {}
    for holder in (tree, *(n for n in walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))):
        for node in walk(holder):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                found[id(node)] = holder
    return found


def _counts(tree: ast.AST, function: ast.AST, node: ast.expr) -> bool:
    """Whether an expression is an entry of a table of counts, or a variable that only such entries are put in."""
    table = _table(node)
    if table is not None:
        written = table_writes(tree).get(table, ())
        return bool(written) and all(_is_count(value) for value in written)
    if isinstance(node, ast.Name):
        values = variable_writes(function).get(node.id, ())
        counted = [_table(value.left if _adds_one(value) else value) for value in values]  # type: ignore[attr-defined]
        return bool(values) and all(name is not None for name in counted)
    return False


def _table(node: ast.expr) -> str | None:
    """The name of the table in `table[key]` or `table.get(key, 0)`."""
    owner: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        owner = node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        owner = node.func.value
    if isinstance(owner, ast.Attribute):
        return owner.attr
    return owner.id if isinstance(owner, ast.Name) else None


def _is_count(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return value.value in (0, 1)
    return isinstance(value, ast.Name) or _adds_one(value)


def _adds_one(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.BinOp)
        and isinstance(value.op, ast.Add)
        and isinstance(value.right, ast.Constant)
        and value.right.value == 1
    )


@once_a_node
def table_writes(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What is written into tables by index, by the table's last name; `+= x` is a write of `table[key] + x`."""
    found: dict[str, list[ast.expr]] = {}
    for target, value in _assignments(tree):
        name = _table(target)
        if name is not None:
            found.setdefault(name, []).append(value)
    return found


@once_a_node
def variable_writes(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """What is assigned to variables, by name."""
    found: dict[str, list[ast.expr]] = {}
    for target, value in _assignments(tree):
        if isinstance(target, ast.Name):
            found.setdefault(target.id, []).append(value)
    return found


def _assignments(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield target, node.value
        elif isinstance(node, ast.AugAssign):
            yield node.target, ast.BinOp(left=node.target, op=node.op, right=node.value)
