"""What only the text of a script decides, read once a node however often the script is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from auditor.solver.expressions import on_forget

Node = TypeVar("Node", bound=ast.AST)
Found = TypeVar("Found")


def once_a_node(read: Callable[[Node], Found]) -> Callable[[Node], Found]:
    """Have a function of one node answer once for each, until `forget`."""
    # nodes are kept with their answers, so that their identities are not given away
    known: dict[int, tuple[Node, Found]] = {}
    on_forget(known.clear)

    @wraps(read)
    def asked(node: Node) -> Found:
        answer = known.get(id(node))
        if answer is None:
            answer = known[id(node)] = (node, read(node))
        return answer[1]

    return asked


@once_a_node
def ast_text(node: ast.AST) -> str:
    """The source text of an expression, shortened."""
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."


@once_a_node
def augmented(node: ast.Assign) -> ast.AugAssign | None:
    """`x = x + value` as `x += value`, whatever the operator; None for any other assignment."""
    target, value = node.targets[0], node.value
    if len(node.targets) > 1 or not isinstance(target, ast.Name) or not isinstance(value, ast.BinOp):
        return None
    if not isinstance(value.left, ast.Name) or value.left.id != target.id:
        return None
    return ast.copy_location(ast.AugAssign(target, value.op, value.right), node)
