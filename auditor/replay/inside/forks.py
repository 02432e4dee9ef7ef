"""Which sides of the forks of a submission's text ran: of each `if`, loop, handler, choice and function.

One byte a side is set where the side begins. What ran is kept for the whole run and for its last phase, which begins
when the artifact is read back.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from typing import Any, Final

SIDE: Final = "__replay_way__"
TOOK: Final = "__replay_took__"
"""Names that compiled texts set bytes and call by."""

Told = tuple[int, int, str, str, str]
"""One fork as it is told: line, column, kind, and its sides in the last phase and in the whole run, as "01"."""


@dataclass(frozen=True, slots=True)
class Fork:
    """One fork of a text: where it stands, its kind, and the numbers of its sides.

    A kind is the name of its class in `ast`. Sides are, for an `If` and an `IfExp`, its two ways; for a loop, a `Try`,
    a `Match` and a `BoolOp` first that it was reached, then its body, each handler, each case, each later operand;
    for a function its body.
    """

    file: str
    line: int
    column: int
    kind: str
    first: int
    count: int


class Forks:
    """All forks of all texts that were compiled."""

    __slots__ = ("_all", "_before", "_sides")

    def __init__(self) -> None:
        self._all: list[Fork] = []
        self._sides = bytearray()
        self._before = bytearray()

    def install(self) -> None:
        """Make the bytes known under names that compiled texts use."""
        setattr(builtins, SIDE, self._sides)
        setattr(builtins, TOOK, self._took)

    def _took(self, side: int) -> None:
        self._sides[side] = 1

    def add(self, file: str, node: Any, count: int) -> int:
        """Room for the sides of a fork: the number of the first."""
        first = len(self._sides)
        self._all.append(Fork(file, node.lineno, node.col_offset, type(node).__name__, first, count))
        self._sides.extend(bytes(count))
        return first

    def begin_phase(self) -> None:
        """Begin anew with which sides ran in the last phase."""
        self._before = self._whole()
        self._sides[:] = bytes(len(self._sides))

    def _whole(self) -> bytearray:
        before = self._before + bytes(len(self._sides) - len(self._before))
        return bytearray(a | b for a, b in zip(before, self._sides, strict=True))

    def told(self) -> dict[str, list[Told]]:
        """The forks of each text of which a side did not run in the whole run, or an `if` went one way at last."""
        whole = self._whole()
        found: dict[str, list[Told]] = {}
        for fork in self._all:
            last, ever = (
                "".join(map(str, sides[fork.first : fork.first + fork.count]))
                for sides in (self._sides, whole)
            )
            if "0" in ever or (fork.kind == "If" and "0" in last):
                found.setdefault(fork.file, []).append((fork.line, fork.column, fork.kind, last, ever))
        return found


def mark_forks(tree: ast.Module, forks: Forks, file: str) -> None:
    """Mark each side of each fork of a text, in place."""
    _Marker(forks, file).visit(tree)


class _Marker(ast.NodeTransformer):
    def __init__(self, forks: Forks, file: str) -> None:
        self._forks, self._file = forks, file

    def _add(self, node: Any, count: int) -> int:
        return self._forks.add(self._file, node, count)

    def visit_If(self, node: ast.If) -> ast.If:
        first = self._add(node, 2)
        self.generic_visit(node)
        node.body.insert(0, _ran(first, node.body[0]))
        node.orelse.insert(0, _ran(first + 1, node.orelse[0] if node.orelse else node.body[-1]))
        return node

    def _loop(self, node: Any) -> Any:
        first = self._add(node, 2)
        self.generic_visit(node)
        node.body.insert(0, _ran(first + 1, node.body[0]))
        return [_ran(first, node), node]

    visit_For = visit_AsyncFor = visit_While = _loop

    def _try(self, node: Any) -> Any:
        first = self._add(node, 1 + len(node.handlers))
        self.generic_visit(node)
        node.body.insert(0, _ran(first, node.body[0]))
        for number, handler in enumerate(node.handlers, start=first + 1):
            handler.body.insert(0, _ran(number, handler.body[0]))
        return node

    visit_Try = visit_TryStar = _try

    def visit_Match(self, node: ast.Match) -> Any:
        first = self._add(node, 1 + len(node.cases))
        self.generic_visit(node)
        for number, case in enumerate(node.cases, start=first + 1):
            case.body.insert(0, _ran(number, case.body[0]))
        return [_ran(first, node), node]

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        first = self._add(node, 2)
        self.generic_visit(node)
        node.body, node.orelse = _taken(first, node.body), _taken(first + 1, node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        first = self._add(node, len(node.values))
        self.generic_visit(node)
        node.values = [_taken(number, value) for number, value in enumerate(node.values, start=first)]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if not is_kernel(node):
            first = self._add(node, 1)
            self.generic_visit(node)
            at = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body.insert(at, _ran(first, node.body[-1] if at == len(node.body) else node.body[at]))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        first = self._add(node, 1)
        self.generic_visit(node)
        node.body = _taken(first, node.body)
        return node


def _ran(side: int, at: ast.stmt) -> ast.Assign:
    """`SIDE[side] = 1`"""
    place = ast.Subscript(value=ast.Name(id=SIDE, ctx=ast.Load()), slice=ast.Constant(side), ctx=ast.Store())
    return ast.copy_location(ast.Assign(targets=[place], value=ast.Constant(1)), at)


def _taken(side: int, value: ast.expr) -> ast.expr:
    """`TOOK(side) or value`"""
    call = ast.Call(func=ast.Name(id=TOOK, ctx=ast.Load()), args=[ast.Constant(side)], keywords=[])
    return ast.copy_location(ast.BoolOp(op=ast.Or(), values=[call, value]), value)


def is_kernel(node: ast.FunctionDef) -> bool:
    """Whether Triton compiles the function: its text must stay as it is."""
    return bool({ast.unparse(d).split("(")[0] for d in node.decorator_list} & {"triton.jit", "jit"})
