"""How many turns a `while` loop takes whose test compares a variable that each turn moves on by the same step."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import chain

from auditor.program.walk import called_name, walk
from auditor.static.ast_text import augmented, once_a_node
from auditor.static.domain.heap import Env
from auditor.static.domain.values import SymbolicBool, SymbolicInt, Value
from auditor.static.interpreter.countdown import Countdown, linear_in
from auditor.static.interpreter.machine import Machine

LENGTHS = frozenset(["len", "numel", "size", "shape"])
"""What a test may ask of a value without doing anything to it."""


class CountedWhile:
    """Reads the tests of `while` loops as countdowns."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.symbols = machine.symbols
        self.views = machine.views

    def countdown(self, node: ast.While, env: Env) -> Countdown | None:
        """The countdown that a loop's test is, None if it is none or if that is not known.

        What the text promises (one step a turn, nothing else moved) holds where the test, asked again in a later
        turn, compares what `Countdown.at` says: whoever uses the count asks that.
        """
        moved = stepped_variable(node)
        if moved is None:
            return None
        name, step_text, sign = moved
        scope = env.find(name)
        before = None if scope is None else scope.d[name]
        start = self.views.number(before) if isinstance(before, Value) else None
        step = self.views.number(self.machine.evaluate.evaluate(step_text, env))
        if scope is None or start is None or step is None or not step.is_constant:
            return None
        place = self.symbols.fresh("opaque")
        (symbol,) = place.symbols()
        scope.d[name] = SymbolicInt(place)
        try:
            test = self.machine.evaluate.evaluate(node.test, env)
        finally:
            scope.d[name] = before
        if not isinstance(test, SymbolicBool) or test.condition.operator != ">=":
            return None
        factor, rest = linear_in(test.condition.difference, symbol)
        fall = -factor * sign * step.constant
        return Countdown(rest + start.scaled(factor), fall) if fall > 0 else None


@once_a_node
def stepped_variable(node: ast.While) -> tuple[str, ast.expr, int] | None:
    """The variable of the test that the body moves on, by what, and whether up (1) or down (-1).

    It is the only name of the test that the body assigns, the body does so once, in a statement of its own that no
    `continue` stands before, and neither the test nor the step does anything but to add, compare and ask for lengths.
    """
    stored = Counter(
        part.id
        for part in chain.from_iterable(map(walk, node.body))
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    )
    asked = {n.id for n in walk(node.test) if isinstance(n, ast.Name)} & stored.keys()
    if len(asked) != 1 or not is_plain(node.test):
        return None
    (name,) = asked
    if stored[name] != 1:
        return None
    for statement in node.body:
        found = step_of(statement, name)
        if found is not None:
            step, sign = found
            names = {n.id for n in walk(step) if isinstance(n, ast.Name)}
            return (name, step, sign) if is_plain(step) and not names & stored.keys() else None
        if any(isinstance(n, ast.Continue) for n in walk(statement)):
            return None
    return None


def step_of(statement: ast.stmt, name: str) -> tuple[ast.expr, int] | None:
    """The step by which a statement moves a variable: `x += s`, `x -= s`, `x = x + s`, `x = x - s`."""
    moved = augmented(statement) if isinstance(statement, ast.Assign) else statement
    if not isinstance(moved, ast.AugAssign) or not isinstance(moved.target, ast.Name):
        return None
    sign = {ast.Add: 1, ast.Sub: -1}.get(type(moved.op))
    return (moved.value, sign) if moved.target.id == name and sign is not None else None


def is_plain(node: ast.expr) -> bool:
    """Whether an expression does nothing but arithmetic, comparisons and asking for lengths."""
    for part in walk(node):
        if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda, ast.NamedExpr, ast.BoolOp)):
            return False
        if isinstance(part, ast.Call) and called_name(part) not in LENGTHS:
            return False
    return True
