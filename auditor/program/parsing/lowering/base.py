"""What every part of the lowering shares: positions, contexts, brackets around an expression."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from typing import Any, Final, TypeVar

import libcst as cst

from auditor.program.parsing.cursor import Cursor

N = TypeVar("N", bound=ast.AST)

LOAD: Final = ast.Load()
STORE: Final = ast.Store()
DELETE: Final = ast.Del()


def set_context(node: ast.expr, context: ast.expr_context) -> ast.expr:
    """Make `node`, parsed as a value, a target; returns it."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        node.ctx = context
    elif isinstance(node, ast.Starred):
        node.ctx = context
        set_context(node.value, context)
    elif isinstance(node, (ast.Tuple, ast.List)):
        node.ctx = context
        for element in node.elts:
            set_context(element, context)
    return node


class LoweringBase(Cursor, ABC):
    """Gives nodes their positions and remembers the bracket that opened just before."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._parenthesis = -1

    @abstractmethod
    def with_brackets(self, node: Any) -> tuple[ast.expr, int]:
        """Lower an expression; also return the offset of its outermost own parenthesis, or -1."""

    def at(self, node: N, offset: int) -> N:
        """Give `node` the position of a character offset."""
        node.lineno, node.col_offset = self.position(offset)  # type: ignore[attr-defined]
        return node

    def like(self, node: N, first: ast.expr, parentheses: int = -1) -> N:
        """Give `node` the position its first operand starts at, own brackets of that operand included."""
        if parentheses >= 0:
            return self.at(node, parentheses)
        node.lineno, node.col_offset = first.lineno, first.col_offset  # type: ignore[attr-defined]
        return node

    def expression(self, node: cst.CSTNode) -> ast.expr:
        """Lower an expression with its own parentheses."""
        return self.with_brackets(node)[0]

    def _own_parenthesis(self) -> int:
        offset, self._parenthesis = self._parenthesis, -1
        return offset

    def comma(self) -> bool:
        """Consume a comma if one comes next."""
        return self.take_if(",")
