"""Time that has passed, and what it is compared with: the caps that a script puts on its own loops.

A difference of two readings of a clock is so many units a second; sums with known numbers and products by them are
followed, so that seconds and milliseconds are told apart and a reserve that is taken out first is counted.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, SymbolicInt, Value
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Clock, capped, ended

READINGS = {
    f"time.{name}{suffix}": per_second
    for name in ("time", "perf_counter", "monotonic")
    for suffix, per_second in (("", 1.0), ("_ns", 1e9))
}
"""Functions that read a clock, with their units a second."""

NOW, PASSED = "clock reading", "time passed"
"""Marks of a reading and of a difference of readings; a number in these units follows."""


CLOCK = "clock"
"""Marks whatever is computed from a reading, in units or not."""

UNITS = frozenset((1e3, 1e6, 1e9, 1e-3, 1e-6, 1e-9, 60.0, 3600.0))
"""Factors between units of time; by another number time becomes something else, such as a rate."""


@dataclass(frozen=True, slots=True)
class Passed:
    """So many units a second of time that has passed, and a known number added to them."""

    per_second: float
    added: float = 0.0

    @property
    def mark(self) -> str:
        return f"{PASSED} {self.per_second!r} {self.added!r}"


class Clocks:
    """Follows time."""

    def __init__(self, machine: Machine) -> None:
        self.script = machine.script
        self.recorder = machine.recorder
        self.caps_ahead: dict[int, tuple[ast.Compare, Value, Value]] = {}

    def clock_reading(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Data | None:
        """What a function that reads a clock gives, None for any other."""
        per_second = READINGS.get(name)
        return None if per_second is None else Data(marks=frozenset((CLOCK, f"{NOW} {per_second!r}")))

    def with_time(self, op: ast.operator, left: Value, right: Value, result: Value) -> Value:
        """The result of an operation with what it says of time, and nothing that only its operands said."""
        if not isinstance(result, Data) or not any(m.startswith((NOW, PASSED)) for m in result.marks):
            return result
        marks = frozenset(m for m in result.marks if not m.startswith((NOW, PASSED)))
        time = operated(op, left, right)
        return replace(result, marks=marks if time is None else marks | {time.mark})

    def compare_time(self, node: ast.Compare, left: Value, right: Value) -> None:
        """Record that time is compared with a number inside a loop: a cap on it."""
        time, number = passed(left), right
        if time is None:
            time, number = passed(right), left
        if time is None or time.per_second <= 0.0:
            return
        if not self.recorder.running:
            self.caps_ahead[id(node)] = node, left, right
            return
        limit = plain_number(number)
        seconds = None if limit is None else (limit - time.added) / time.per_second
        tree = self.script.trees.get((self.recorder.layer, self.recorder.path))
        ends = tree is not None and id(node) in comparisons_that_end_a_loop(tree)
        leaf = self.recorder.node.child("event", "Clock", self.recorder.place(node))
        phase = ended(seconds) if ends and seconds is not None else capped(seconds)
        if not any(isinstance(event, Clock) and event.phase == phase for event in leaf.events):
            event = Clock(**self.recorder.common(node), phase=phase)
            self.recorder.events[event.number] = event
            leaf.events.append(event)

    def enter_capped_loop(self, loop: ast.While) -> None:
        """Record in a loop what its test compares time with: the test was evaluated before it."""
        for node in walk(loop.test):
            if id(node) in self.caps_ahead:
                self.compare_time(*self.caps_ahead.pop(id(node)))


def passed(value: Value) -> Passed | None:
    """The time that a value is, where it is one."""
    if not isinstance(value, Data):
        return None
    found = [mark[len(PASSED) :].split() for mark in value.marks if mark.startswith(PASSED)]
    return Passed(float(found[0][0]), float(found[0][1])) if len(found) == 1 else None


def reading(value: Value) -> float | None:
    """The units a second of a reading of a clock."""
    found = [m for m in value.marks if m.startswith(NOW)] if isinstance(value, Data) else []
    return float(found[0][len(NOW) :]) if len(found) == 1 else None


def plain_number(value: Value) -> float | None:
    """A number that is known."""
    if isinstance(value, SymbolicInt) and value.expr.is_constant:
        return float(value.expr.constant)
    if isinstance(value, Const) and isinstance(value.value, (int, float)):
        return float(value.value)
    return None


def operated(op: ast.operator, left: Value, right: Value) -> Passed | None:
    """The time that an operation on times and numbers gives, where it is one."""
    a, b, number = passed(left), passed(right), plain_number(right)
    if isinstance(op, ast.Sub) and reading(left) is not None and reading(left) == reading(right):
        per_second = reading(left)
        return None if per_second is None else Passed(per_second)
    if a is None and b is not None and isinstance(op, (ast.Add, ast.Mult)):
        a, b, number = b, None, plain_number(left)
    if a is None:
        return None
    if b is not None:
        same = isinstance(op, ast.Add) and a.per_second == b.per_second
        return Passed(a.per_second, a.added + b.added) if same else None
    if number is None:
        return None
    if isinstance(op, (ast.Add, ast.Sub)):
        return Passed(a.per_second, a.added + (number if isinstance(op, ast.Add) else -number))
    if isinstance(op, (ast.Mult, ast.Div)) and number in UNITS:
        factor = number if isinstance(op, ast.Mult) else 1.0 / number
        return Passed(a.per_second * factor, a.added * factor)
    return None


@once_a_node
def comparisons_that_end_a_loop(tree: ast.AST) -> frozenset[int]:
    """Comparisons in the test of a `while`, or of an `if` that leaves a loop or function."""
    found: set[int] = set()
    for node in walk(tree):
        leaves = isinstance(node, ast.If) and any(isinstance(s, (ast.Break, ast.Return)) for s in node.body)
        if isinstance(node, ast.While) or leaves:
            assert isinstance(node, (ast.While, ast.If))
            found.update(id(part) for part in walk(node.test) if isinstance(part, ast.Compare))
    return frozenset(found)
