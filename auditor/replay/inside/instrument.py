"""What is changed in a submission's text before it is compiled: sizes written into it, loop counters, and forks.

A counter is two statements a loop, one before it and one at the start of its body, so that an event can say in
which turn it happened. A fork marks each of its sides that ran (`forks`). Lines keep their numbers.
"""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Final

from auditor.replay.inside.forks import Forks, is_kernel, mark_forks
from auditor.replay.inside.written import WrittenSizes

ENTER: Final = "__replay_enter__"
TURN: Final = "__replay_turn__"
REACHED: Final = "__replay_reached__"


@dataclass(slots=True)
class Loop:
    """A loop of the source and where it stands now.

    Attributes:
        line, column: of the loop statement.
        last_line: of its body.
        entry: a number for each time it was begun; grows with time.
        turn: turns begun since, from 1.
    """

    line: int
    column: int
    first_line: int
    last_line: int
    entry: int = 0
    turn: int = 0


class Loops:
    """All loops of all texts that were compiled."""

    def __init__(self) -> None:
        self._all: list[Loop] = []
        self._by_file: dict[str, list[Loop]] = {}
        self._entries = itertools.count(1)
        self.forks = Forks()

    def install(self, reached: Callable[[int], None]) -> None:
        """Make the counters known under names that compiled texts call; `reached` is told marked lines."""
        setattr(builtins, ENTER, self._enter)
        setattr(builtins, TURN, self._turn)
        setattr(builtins, REACHED, reached)
        self.forks.install()

    def _enter(self, number: int) -> None:
        loop = self._all[number]
        loop.entry, loop.turn = next(self._entries), 0

    def _turn(self, number: int) -> None:
        self._all[number].turn += 1

    def compiled(
        self,
        tree: ast.Module,
        file: str,
        written: WrittenSizes | None,
        *,
        count: bool,
        marks: Sequence[int] = (),
    ) -> CodeType:
        """Compile a text with its written-in sizes shrunk, if they are to be, and with counters if `count`.

        Args:
            marks: lines whose being reached is to be told, once each.
        """
        if written is not None:
            written.visit(tree)
        if count:
            if marks:
                _Marks(marks).visit(tree)
            _Counters(self, file).visit(tree)
            mark_forks(tree, self.forks, file)
            ast.fix_missing_locations(tree)
        return compile(tree, file, "exec", dont_inherit=True)

    def add(self, file: str, node: ast.For | ast.AsyncFor | ast.While) -> int:
        last = node.body[-1].end_lineno or node.lineno
        self._all.append(Loop(node.lineno, node.col_offset, node.body[0].lineno, last))
        self._by_file.setdefault(file, []).append(self._all[-1])
        return len(self._all) - 1

    def around(self, frame: FrameType) -> Iterator[tuple[int, int, int, int]]:
        """Loops of this frame that are running, outermost first: line, column, entry, turn."""
        code, line = frame.f_code, frame.f_lineno
        for loop in self._by_file.get(code.co_filename, ()):
            inside = loop.line <= line <= loop.last_line and loop.line >= code.co_firstlineno
            if inside and loop.turn and (line > loop.line or loop.first_line == loop.line):
                yield loop.line, loop.column, loop.entry, loop.turn


class _Marks(ast.NodeTransformer):
    """Puts a call before each simple statement that covers one of the lines."""

    def __init__(self, lines: Sequence[int]) -> None:
        self._lines = lines

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                setattr(node, field, [marked for s in statements for marked in self._marked(s)])
        return node

    def _marked(self, statement: ast.AST) -> Iterator[ast.AST]:
        if isinstance(statement, ast.stmt) and not hasattr(statement, "body"):
            for line in self._lines:
                if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
                    yield _call(REACHED, line, statement)
        yield statement


class _Counters(ast.NodeTransformer):
    def __init__(self, loops: Loops, file: str) -> None:
        self._loops, self._file = loops, file

    def _counted(self, node: Any) -> Any:
        number = self._loops.add(self._file, node)
        self.generic_visit(node)
        node.body.insert(0, _call(TURN, number, node.body[0]))
        return [_call(ENTER, number, node), node]

    visit_For = visit_AsyncFor = visit_While = _counted

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        if not is_kernel(node):
            self.generic_visit(node)
        return node


def _call(name: str, number: int, at: ast.stmt) -> ast.Expr:
    call = ast.Call(func=ast.Name(id=name, ctx=ast.Load()), args=[ast.Constant(number)], keywords=[])
    return ast.copy_location(ast.Expr(value=call), at)
