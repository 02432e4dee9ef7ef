"""The solver against Z3: what it refutes has no model over all integers, arrays and turns, not only over a small box.

Enumeration (`test_solver`) sees a few values of each symbol. Z3 is an oracle over all of them, made and kept by
others: symbols are its integers, arrays its uninterpreted functions, and what a symbol means is stated here once
more, from the meaning and not from `auditor.solver.axioms`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.solver.expressions import Condition, Expr, Symbol, reset_caches
from auditor.solver.solver import refutes
from tests.solver.test_solver import SKETCHES, built

z3 = pytest.importorskip("z3")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reset_caches()
    yield
    reset_caches()


class Oracle:
    """Rows translated for Z3, with the meaning of every symbol in them."""

    def __init__(self) -> None:
        self.solver = z3.Solver()
        self.solver.set("rlimit", 2_000_000)
        self.known: dict[int, object] = {}
        self.turns: dict[object, dict[int, object]] = {}
        self.places: list[object] = []
        self.ascending = z3.Function("ascending", z3.IntSort(), z3.IntSort())
        self.unordered = z3.Function("unordered", z3.IntSort(), z3.IntSort())

    def row(self, expr: Expr) -> None:
        self.solver.add(self.term(expr) >= 0)

    def term(self, expr: Expr) -> object:
        return sum((c * self.symbol(symbol) for symbol, c in expr.terms), z3.IntVal(expr.constant))

    def symbol(self, symbol: Symbol) -> object:
        if symbol.number in self.known:
            return self.known[symbol.number]
        value = self.known[symbol.number] = self._meaning(symbol)
        if symbol.low is not None:
            self.solver.add(value >= symbol.low)
        if symbol.high is not None:
            self.solver.add(value <= self.term(symbol.high))
        return value

    def _meaning(self, symbol: Symbol) -> object:
        if symbol.kind == "free":
            return z3.Int(f"free {symbol.number}")
        if symbol.kind == "iter":
            entry, turn = symbol.args
            value = z3.Int(f"turn {entry} {turn}")
            # turns of one loop count up: the later iteration is at least as many turns on
            for other, earlier in self.turns.setdefault(entry, {}).items():
                gap = int(str(turn)) - other
                self.solver.add(value - earlier >= gap if gap > 0 else earlier - value >= -gap)
            self.turns[entry][int(str(turn))] = value
            return value
        if symbol.kind == "ite":
            condition, then, other = symbol.args
            assert isinstance(condition, Condition) and isinstance(then, Expr) and isinstance(other, Expr)
            difference = self.term(condition.difference)
            holds = difference >= 0 if condition.operator == ">=" else difference == 0
            return z3.If(holds, self.term(then), self.term(other))
        parts = [self.term(part) for part in symbol.parts()]
        if symbol.kind == "elem":
            return self.unordered(parts[0])
        if symbol.kind == "at":
            self.places.append(parts[0])
            # strictly ascending integers rise by one a place at least, on every pair of places asked for
            for a in self.places[:-1]:
                rise = self.ascending(parts[0]) - self.ascending(a)
                self.solver.add(z3.Implies(parts[0] >= a, rise >= parts[0] - a))
                self.solver.add(z3.Implies(parts[0] <= a, rise <= parts[0] - a))
            return self.ascending(parts[0])
        if symbol.kind in ("min", "max"):
            smaller = symbol.kind == "min"
            return reduce(lambda a, b: z3.If(a <= b if smaller else a >= b, a, b), parts)
        left, right = parts
        # the divisors drawn are positive, where Z3's Euclidean division is Python's
        return {"floordiv": lambda: left / right, "mod": lambda: left % right, "mul": lambda: left * right}[
            symbol.kind
        ]()


def has_no_model(rows: tuple[Expr, ...]) -> bool | None:
    """Whether no values satisfy all rows; None where Z3 gives up."""
    oracle = Oracle()
    for row in rows:
        oracle.row(row)
    answer = oracle.solver.check()
    return None if answer == z3.unknown else bool(answer == z3.unsat)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SKETCHES, min_size=1, max_size=4))
def test_what_is_refuted_has_no_model(sketches: list[object]) -> None:
    rows = tuple(built(sketch) for sketch in sketches)
    if refutes(rows):
        assert has_no_model(rows) is not False


LINEAR = st.recursive(
    st.one_of(st.integers(-6, 6), st.sampled_from(["x", "y", "z", "turn 1", "turn 2"])),
    lambda inner: st.tuples(st.sampled_from(["+", "-", "min", "max"]), inner, inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINEAR, min_size=1, max_size=3))
def test_sums_and_extrema_are_decided_exactly(sketches: list[object]) -> None:
    """Nothing in these is beyond the solver: it must refute all that Z3 does, as well as nothing else."""
    rows = tuple(built(sketch) for sketch in sketches)
    assert refutes(rows) == has_no_model(rows)
