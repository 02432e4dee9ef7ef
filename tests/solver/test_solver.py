"""What is proved of positions is true: small systems against enumeration, and the forms an index takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.solver import solver as prover
from auditor.solver.expressions import Condition, Expr, Symbol, reset_caches
from auditor.solver.operations import operation
from auditor.solver.solver import proves, refutes

RANGE = range(-3, 5)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reset_caches()
    yield
    reset_caches()


TURNS = {x: (0, x % 3, x % 3 + 1 + x % 2, x % 3 + 3 + x % 2) for x in RANGE}
"""Turns of one loop, by their number and what `x` is: any in order, the n-th of them at least n-1."""

ASCENDING = {
    z: lambda i, z=z: (2 + z % 2) * i + (i > z) * 3 + z  # type: ignore[misc]
    for z in RANGE
}
"""Strictly ascending arrays, by what `z` is."""

ANY_ORDER = {
    z: lambda i, z=z: (i * i * (z - 1) + 7 * i) % 5 - 2  # type: ignore[misc]
    for z in RANGE
}


def bounded(name: str) -> Expr:
    """An unknown integer of `RANGE`."""
    return Expr.of(Symbol("free", (name, name), RANGE[0], Expr(RANGE[-1])))


def value(expr: Expr, given_values: dict[str, int]) -> int:
    """The expression evaluated by Python's own arithmetic."""
    return expr.constant + sum(c * _atom(symbol, given_values) for symbol, c in expr.terms)


def _atom(symbol: Symbol, values: dict[str, int]) -> int:
    if symbol.kind == "free":
        return values[str(symbol.args[0])]
    if symbol.kind == "ite":
        condition, then, other = symbol.args
        assert isinstance(condition, Condition) and isinstance(then, Expr) and isinstance(other, Expr)
        difference = value(condition.difference, values)
        holds = difference >= 0 if condition.operator == ">=" else difference == 0
        return value(then if holds else other, values)
    if symbol.kind == "iter":
        return TURNS[values["x"]][int(str(symbol.args[1]))]
    parts = [value(part, values) for part in symbol.parts()]
    if symbol.kind in ("at", "elem"):
        return (ASCENDING if symbol.kind == "at" else ANY_ORDER)[values["z"]](parts[0])
    if symbol.kind in ("min", "max"):
        return min(parts) if symbol.kind == "min" else max(parts)
    left, right = parts
    return {"floordiv": lambda: left // right, "mod": lambda: left % right, "mul": lambda: left * right}[
        symbol.kind
    ]()


def _combine(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "min", "max", "mul"]), inner, inner),
        st.tuples(st.sampled_from(["floordiv", "mod"]), inner, st.integers(1, 4)),
        st.tuples(st.sampled_from(["at", "elem"]), inner),
        st.tuples(st.sampled_from([">=", "=="]), inner, inner, inner),
    )


SKETCHES = st.recursive(
    st.one_of(st.integers(-4, 4), st.sampled_from(["x", "y", "z", "turn 1", "turn 2", "turn 3"])),
    _combine,
    max_leaves=5,
)


def built(sketch: object) -> Expr:
    if isinstance(sketch, int):
        return Expr(sketch)
    if isinstance(sketch, str):
        name, _, turn = sketch.partition(" ")
        return Expr.of(Symbol("iter", (1, int(turn)), 0)) if turn else bounded(name)
    assert isinstance(sketch, tuple)
    name, *inner = sketch
    parts = [built(part) for part in inner]
    if name == "+":
        return parts[0] + parts[1]
    if name == "-":
        return parts[0] - parts[1]
    if name in ("at", "elem"):
        return Expr.of(Symbol(name, (7, parts[0])))
    if name in (">=", "=="):
        return operation("ite", Condition(name, parts[0]), parts[1], parts[2])
    return operation(name, *parts)


@settings(max_examples=600, deadline=None)
@given(st.lists(SKETCHES, min_size=1, max_size=4))
def test_no_system_with_a_solution_is_refuted(sketches: list[object]) -> None:
    rows = tuple(built(sketch) for sketch in sketches)
    if not refutes(rows):
        return
    for values in product(RANGE, repeat=3):
        named = dict(zip("xyz", values, strict=True))
        assert not all(value(row, named) >= 0 for row in rows), named


@settings(max_examples=100, deadline=None)
@given(st.integers(-6, 6), st.integers(-3, 3), st.integers(-3, 3))
def test_linear_inequalities_over_a_box_are_decided_exactly(constant: int, a: int, b: int) -> None:
    goal = bounded("x").scaled(a) + bounded("y").scaled(b) + constant
    true = all(constant + a * x + b * y >= 0 for x, y in product(RANGE, repeat=2))
    assert proves(goal) == true


def test_a_remainder_is_below_its_divisor() -> None:
    n = bounded("x")
    remainder = n - operation("floordiv", n, Expr(3)).scaled(3)
    assert proves(remainder) and proves(Expr(2) - remainder)
    assert not proves(Expr(1) - remainder)


def test_a_later_turn_is_at_least_one_more() -> None:
    first, second, third = (Expr.of(Symbol("iter", (1, turn), 0)) for turn in (1, 2, 3))
    assert proves(second - first - 1) and proves(third - first - 2)
    assert not proves(second - first - 2)


def ascending(index: Expr) -> Expr:
    return Expr.of(Symbol("at", (1, index), 0))


def test_an_array_rises_by_one_a_place_at_least_whatever_the_order_of_the_places() -> None:
    i, j = bounded("x"), bounded("y")
    assert proves(ascending(i + 2) - ascending(i) - 2)
    assert refutes((ascending(i) - ascending(j), j - i - 1))
    assert refutes((ascending(i) - ascending(j) - 1, j - i, i - j))
    assert not refutes((ascending(i) - ascending(j),))


def test_equal_arguments_give_equal_values() -> None:
    n, least = bounded("x"), operation("min", bounded("x"), bounded("y"))
    halves = [operation("floordiv", part, Expr(2)) for part in (n, least)]
    assert refutes((bounded("y") - n, halves[0] - halves[1] - 1))
    unordered = [Expr.of(Symbol("elem", (1, part))) for part in (n, least)]
    assert refutes((bounded("y") - n, unordered[0] - unordered[1] - 1))
    assert not refutes((unordered[0] - unordered[1] - 1,))


def test_conditions_are_decided_inside_other_symbols() -> None:
    condition = Condition(">=", bounded("x"))
    chosen = operation("ite", condition, bounded("y"), Expr(5))
    place = Expr.of(Symbol("elem", (1, chosen)))
    assert refutes((place - Expr.of(Symbol("elem", (1, bounded("y")))) - 1, bounded("x")))
    assert not refutes((place - Expr.of(Symbol("elem", (1, bounded("y")))) - 1,))


def test_no_integer_lies_between_two_neighbours() -> None:
    x, y = bounded("x").scaled(2), bounded("y").scaled(2)
    free = Expr.of(Symbol("free", (9, "even")))
    assert refutes((x - y - 1, y + 1 - x))
    assert refutes((free.scaled(2) - x - 1, x + 1 - free.scaled(2)))
    third, quarter = free.scaled(3) - x - y, x + y - free.scaled(3)
    assert not refutes((third, quarter))


def test_cases_that_play_no_part_are_left_out() -> None:
    """Thirty conditions that decide nothing would be 2^30 cases."""
    total, rows = Expr(0), []
    for number in range(30):
        free = Expr.of(Symbol("free", (number, "c")))
        choice = operation("ite", Condition(">=", free), bounded(f"a{number}"), Expr(1))
        rows.append(choice + RANGE[-1])
        total = total + choice
    x, y = bounded("x"), bounded("y")
    assert refutes((*rows, operation("max", x, y) - x - 1, x - y))


def test_turns_of_different_loops_are_in_no_order() -> None:
    assert not proves(Expr.of(Symbol("iter", (2, 2), 0)) - Expr.of(Symbol("iter", (1, 1), 0)))


def test_what_is_known_of_one_symbol_is_not_answered_for_its_equal() -> None:
    known, open_ended = Symbol("free", (1, "n"), 5), Symbol("free", (1, "n"))
    assert known == open_ended
    assert proves(Expr.of(known) - 5)
    assert not proves(Expr.of(open_ended) - 5)


def test_nothing_is_proved_after_the_work_of_a_script_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "MAX_WORK", 0)
    assert not proves(bounded("x") + 3)
    monkeypatch.undo()
    reset_caches()
    assert proves(bounded("x") + 3)


def test_a_question_of_too_many_symbols_is_not_proved() -> None:
    total = Expr(0)
    for number in range(prover.MAX_ATOMS + 1):
        total = total + Expr.of(Symbol("free", (number, "n"), 0))
    assert not proves(total)


def test_a_factor_that_is_one_of_several_constants_is_linear_in_each_case() -> None:
    width = operation("ite", Condition(">=", bounded("x")), Expr(16), Expr(32))
    turn = Expr.of(Symbol("iter", (1, 1), 0))
    later = Expr.of(Symbol("iter", (1, 2), 1))
    assert proves(operation("mul", later, width) - operation("mul", turn, width) - 16)
    assert not proves(operation("mul", later, width) - operation("mul", turn, width) - 17)
    assert proves(turn - operation("mul", operation("floordiv", turn, width), width))


def test_products_of_a_turn_and_one_number_are_in_the_order_of_the_turns() -> None:
    step = Expr.of(Symbol("free", (7, "n"), 0))
    backwards = -Expr.of(Symbol("free", (8, "n"), 1))
    turn, later = Expr.of(Symbol("iter", (1, 1), 0)), Expr.of(Symbol("iter", (1, 2), 1))
    other = Expr.of(Symbol("iter", (2, 1), 0))
    assert proves(operation("mul", later, step) - operation("mul", turn, step) - step)
    assert not proves(operation("mul", later, step) - operation("mul", turn, step) - step - 1)
    assert proves(operation("mul", turn, backwards) - operation("mul", later, backwards) + backwards)
    same = (turn - other, other - turn)
    for width in (step, backwards, Expr.of(Symbol("free", (9, "n")))):
        gap = operation("mul", turn, width) - operation("mul", other, width)
        assert proves(gap, same) and proves(-gap, same)
        assert not proves(gap - 1, same)
