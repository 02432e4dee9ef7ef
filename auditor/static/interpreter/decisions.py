"""What is settled of values: whether a condition holds, whether two are the same, and what is either of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.solver.operations import operation
from auditor.solver.solver import proves
from auditor.static.domain import lattice
from auditor.static.domain.heap import Class, Func, Obj, View
from auditor.static.domain.provenance import CLEAN, EMPTY, Data
from auditor.static.domain.values import (
    MAX_ALTERNATIVES,
    NONE,
    Const,
    Generator,
    LibraryRef,
    Method,
    Partial,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.interpreter.frames import Frames
from auditor.static.interpreter.protocols import Rooms
from auditor.static.interpreter.provenance_of import Views
from auditor.static.interpreter.script import Script
from auditor.static.interpreter.symbols import Symbols

LEAST = 0.1
"""Constants up to here are no result."""

MAX_CONSTANTS = 8
"""Constants that a number may be one of, for these to be kept apart from the conditions that chose them."""


class Decisions:
    """Three-valued logic and joins of values."""

    def __init__(
        self, machine: Rooms, script: Script, frames: Frames, symbols: Symbols, views: Views
    ) -> None:
        self.machine = machine
        self.script = script
        self.frames = frames
        self.symbols = symbols
        self.views = views

    # three-valued logic
    def is_open(self, value: Value) -> bool:
        """Whether both outcomes are to be followed, since a mere default decided the value.

        That is so only in an evaluation that stands for all in which such a switch is turned.
        """
        if not self.script.both_ways:
            return False
        names = getattr(value, "settings", NONE)
        return any(
            name in self.script.resolved and self.script.resolved[name].origin == "default" for name in names
        )

    def entails(self, condition: Condition) -> bool | None:
        difference = condition.difference
        if condition.operator == ">=":
            if proves(difference):
                return True
            return False if proves(-difference - 1) else None
        if condition.operator == "==":
            if proves(difference - 1) or proves(-difference - 1):
                return False
            return True if proves(difference) and proves(-difference) else None
        return None

    def truth(self, value: Value) -> bool | None:
        """Whether the value is true, where that is known."""
        if isinstance(value, Const):
            return bool(value.value)
        if isinstance(value, SymbolicInt):
            outcome = self.entails(Condition("==", value.expr))
            return None if outcome is None else not outcome
        if isinstance(value, SymbolicBool):
            return self.entails(value.condition)
        if isinstance(value, TupleValue):
            return bool(value.items)
        if isinstance(value, Union):
            outcomes = {self.truth(option) for option in value.options}
            return outcomes.pop() if len(outcomes) == 1 else None
        if self.frames.following and is_attribute(value):
            return None
        if isinstance(value, (Func, Class, LibraryRef, Method, Partial, Generator)):
            return True
        if isinstance(value, Obj):
            if value.kind in ("list", "dict"):
                items = value.items
                return bool(items) if isinstance(items, tuple) and value.elements is None else None
            return True
        return None

    # joins
    def join(self, a: Value | None, b: Value | None, condition: Condition | None = None) -> Value:
        """A value that is `a` (where `condition` holds) or `b`."""
        if a is b or b is None:
            return a if a is not None else CLEAN
        if a is None or a is EMPTY:
            return b
        if b is EMPTY:
            return a
        if isinstance(a, Const) and isinstance(b, Const):
            if type(a.value) is type(b.value) and a.value == b.value:
                return Const(a.value, a.settings | b.settings)
        left, right = self.views.number(a), self.views.number(b)
        if left is not None and right is not None and not isinstance(getattr(a, "value", 0), bool):
            settings = getattr(a, "settings", NONE) | getattr(b, "settings", NONE)
            if left == right:
                return SymbolicInt(left, settings)
            if condition is None:
                constants = self.constants_of(left, right)
                if constants is not None:
                    return SymbolicInt(self.one_of(constants), settings)
            guard = condition or Condition(">=", self.symbols.fresh("free"))
            return SymbolicInt(operation("ite", guard, left, right), settings)
        if isinstance(a, Const) and isinstance(b, Const):
            if a.value is None or b.value is None:
                return Union((a, b))
            return Data(settings=a.settings | b.settings)
        if isinstance(a, Const) and a.value is None and not isinstance(b, (SymbolicInt, SymbolicBool)):
            return b
        if isinstance(b, Const) and b.value is None and not isinstance(a, (SymbolicInt, SymbolicBool)):
            return a
        plain = (Data, Const, SymbolicInt, SymbolicBool)
        if isinstance(a, plain) and isinstance(b, plain):
            first, second = self.as_record(a), self.as_record(b)
            joined = lattice.join(first, second)
            constant = written_share(a) or written_share(b)
            if constant and joined.losses and joined.formula is not None:
                return replace(joined, formula=replace(joined.formula, instead=constant))
            return self.machine.apply.read_or_scored(first, second, joined)
        if isinstance(a, TupleValue) and isinstance(b, TupleValue) and len(a.items) == len(b.items):
            guard = condition or Condition(">=", self.symbols.fresh("free"))
            return TupleValue(tuple(self.join(x, y, guard) for x, y in zip(a.items, b.items, strict=True)))
        if isinstance(a, (TupleValue, *plain)) and isinstance(b, (TupleValue, *plain)):
            return lattice.join(self.views.data(a), self.views.data(b))
        options = list(a.options) if isinstance(a, Union) else [a]
        for option in b.options if isinstance(b, Union) else (b,):
            if not any(self.same(option, known) for known in options):
                options.append(option)
        if len(options) == 1:
            return options[0]
        if len(options) > MAX_ALTERNATIVES:
            return self.views.data(TupleValue(tuple(options)))
        return Union(tuple(options))

    def constants_of(self, *exprs: Expr) -> list[int] | None:
        """The constants that expressions may be, where conditions that nothing is known of choose among them."""
        found: set[int] = set()
        waiting = list(exprs)
        while waiting:
            expr = waiting.pop()
            if expr.is_constant:
                found.add(expr.constant)
                continue
            symbol = expr.terms[0][0]
            whole = len(expr.terms) == 1 and expr.terms[0][1] == 1 and not expr.constant
            if not whole or not is_anonymous_choice(symbol) or len(found) > MAX_CONSTANTS:
                return None
            waiting.extend(case for case in symbol.args[1:] if isinstance(case, Expr))
        return sorted(found)

    def one_of(self, constants: Sequence[int]) -> Expr:
        """Any of the constants."""
        out = Expr(constants[-1])
        for value in reversed(constants[:-1]):
            out = operation("ite", Condition(">=", self.symbols.fresh("free")), Expr(value), out)
        return out

    def as_record(self, value: Value) -> Data:
        return value if isinstance(value, Data) else self.views.data(value)

    def same(self, a: Value, b: Value) -> bool:
        if a is b:
            return True
        if isinstance(a, Func) and isinstance(b, Func):
            return a.node is b.node and a.instance is b.instance
        if isinstance(a, View) and isinstance(b, View):
            return a.base is b.base and a == b
        return type(a) is type(b) and isinstance(a, (Const, SymbolicInt, LibraryRef, SymbolicBool)) and a == b

    def path_facts(self) -> tuple[Expr, ...]:
        """What the branches taken so far say of integers, as expressions that are not negative."""
        out: list[Expr] = []
        for condition in self.frames.conditions:
            if condition.operator == ">=":
                out.append(condition.difference)
            else:
                out += [condition.difference, -condition.difference]
        return tuple(out)


def opposite(condition: Condition | None) -> Condition | None:
    """What holds where a condition does not; None where that is no single comparison."""
    if condition is None:
        return None
    difference = condition.difference
    if condition.operator == ">=":
        return Condition(">=", -difference - 1)
    for sign in (difference, -difference):
        if condition.operator == "==" and proves(sign):
            return Condition(">=", sign - 1)  # it is never on the other side
    return None


def written_share(value: Value) -> str:
    """The constant that a value is, in words, where it may stand for a result: no start of a sum, no bound."""
    number = value.value if isinstance(value, Const) else None
    if isinstance(number, float) and math.isfinite(number) and not number.is_integer() and number > LEAST:
        return f"the constant {number:g} of the source"
    return ""


def is_attribute(value: Value) -> bool:
    """Whether it is an attribute of a module of which nothing is known."""
    while isinstance(value, Method):
        owner = value.owner
        if isinstance(owner, Obj) and owner.kind == "module":
            return owner.cls is None or owner.cls.find(value.name) is None
        value = owner
    return False


def is_anonymous_choice(symbol: Symbol) -> bool:
    """Whether a conditional is decided by something that nothing is known of."""
    if symbol.kind != "ite" or not isinstance(symbol.args[0], Condition):
        return False
    return symbol.args[0].is_anonymous
