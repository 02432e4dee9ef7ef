"""Which functions of the script are followed when they are called: those that could make or move events."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Func, Obj, View
from auditor.static.domain.values import Partial, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.names.scores import INTERESTING

FEW_STATEMENTS = 12
"""A function of fewer statements is always followed."""
MAX_DULL_STATEMENTS = 25
"""A function of more statements whose text mentions no event is followed for what touches the split alone."""


class Following:
    """Decides by the text of a function, and by what it is handed."""

    def __init__(self, machine: Machine) -> None:
        self.frames = machine.frames
        self.views = machine.views
        self.interest: dict[int, bool] = {}

    def worth_following(
        self,
        target: ast.FunctionDef | ast.AsyncFunctionDef,
        given: Iterable[Value],
    ) -> bool:
        """Whether a call with these arguments is followed."""
        if self.interesting(target.body) or len(target.body) < FEW_STATEMENTS:
            return True
        long = len(target.body) > MAX_DULL_STATEMENTS
        for value in given:
            if isinstance(value, (Func, Partial, Obj, View)) and not long:
                return True
            record = self.views.data(value)
            if record.losses or any(region.source == "val" for region in record.regions):
                return True
            if (record.regions or record.turns or record.array) and not long:
                return True
        return False

    def interesting(self, nodes: Sequence[ast.AST]) -> bool:
        """Whether the text mentions anything that makes or moves events."""
        for node in nodes:
            known = self.interest.get(id(node))
            if known is None:
                certainly, called = mentions(node)
                known = certainly or any(self.calls_interesting(name) for name in called)
                self.interest[id(node)] = known
            if known:
                return True
        return False

    def calls_interesting(self, name: str) -> bool:
        """Whether a function of the script of that name has an interesting text."""
        func = self.frames.globals.d.get(name)
        if not isinstance(func, Func) or isinstance(func.node, ast.Lambda):
            return False
        key = id(func.node)
        if key not in self.interest:
            self.interest[key] = False
            self.interest[key] = self.interesting(func.node.body)
        return self.interest[key]


@once_a_node
def mentions(node: ast.AST) -> tuple[bool, tuple[str, ...]]:
    """Whether a text mentions anything that makes or moves events, and the names that it calls."""
    called: dict[str, None] = {}
    certainly = False
    for n in walk(node):
        if isinstance(n, ast.Attribute):
            certainly = certainly or n.attr in INTERESTING
        elif isinstance(n, ast.Name):
            certainly = certainly or n.id in ("print", "open", "exec", "eval")
        elif isinstance(n, ast.Call):
            if isinstance(n.func, ast.Name):
                called[n.func.id] = None
        elif isinstance(n, (ast.Nonlocal, ast.Global)):
            certainly = True
    return certainly, tuple(called)
