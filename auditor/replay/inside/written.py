"""Sizes that are written into a submission's text, where no environment name reaches them, shrunk with the others."""

from __future__ import annotations

import ast
from typing import Final

from auditor.replay.toy.sizes import NEVER, ToySizes, written_size, written_threshold

SHAPED: Final = ("reshape", "view")


class WrittenSizes(ast.NodeTransformer):
    """Shrinks sizes in signatures, calls, comparisons and shapes.

    Args:
        vocabulary: the claimed run's size of the vocabulary, for shapes that name it as a number; 0 if there is none.
    """

    def __init__(self, sizes: ToySizes, vocabulary: int = 0) -> None:
        self._sizes, self._vocabulary = sizes, vocabulary

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        self.generic_visit(node)
        named = [*node.posonlyargs, *node.args]
        plain = named[len(named) - len(node.defaults) :]
        node.defaults = [self._shrunk(a.arg, d) for a, d in zip(plain, node.defaults, strict=True)]
        node.kw_defaults = [
            None if d is None else self._shrunk(a.arg, d)
            for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True)
        ]
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        if node.arg is not None:
            node.value = self._shrunk(node.arg, node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if self._vocabulary and isinstance(node.func, ast.Attribute) and node.func.attr in SHAPED:
            node.args = [
                _number(self._sizes.vocabulary, arg) if _whole(arg) == self._vocabulary else arg
                for arg in node.args
            ]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        """Steps counted off by an interval that the toy environment switches off: that is never, not an error."""
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and _counter(node.right).endswith("_every"):
            never = ast.BoolOp(op=ast.Or(), values=[node.right, _number(NEVER, node.right)])
            node.right = ast.copy_location(never, node.right)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.Compare:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        named = [name for name in map(_counter, sides) if name]
        if len(sides) == 2 and len(named) == 1:
            node.left, node.comparators[0] = (self._waited_for(named[0], side) for side in sides)
        return node

    def _waited_for(self, name: str, value: ast.expr) -> ast.expr:
        number = _whole(value)
        toy = None if number is None else written_threshold(name, number)
        return value if toy is None else _number(toy, value)

    def _shrunk(self, name: str, value: ast.expr) -> ast.expr:
        number = _whole(value)
        toy = None if number is None else written_size(name, number, self._sizes)
        return value if toy is None else _number(toy, value)


def _counter(node: ast.expr) -> str:
    """The name of what is compared: a variable, an attribute, or the method whose result it is."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        return f"{node.func.attr}()"
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _whole(node: ast.expr) -> int | None:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def _number(value: int, at: ast.expr) -> ast.Constant:
    return ast.copy_location(ast.Constant(value), at)
