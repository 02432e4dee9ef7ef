"""The tableau against an independent solver, and its contradictions against the bounds that they name."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from auditor.solver.simplex import Simplex

VARIABLES = 3
RANGE = range(-3, 4)

FORMS = st.lists(st.integers(-3, 3), min_size=VARIABLES, max_size=VARIABLES)
ROWS = st.lists(st.tuples(FORMS, st.booleans(), st.integers(-8, 8)), min_size=1, max_size=6)
"""Forms over the variables, whether they are bounded from below, and the bound."""

Row = tuple[list[int], bool, int]


def tableau(rows: list[Row]) -> tuple[Simplex, int | None]:
    """Return a tableau over a box of `RANGE` with the rows put up, and the mask of the first contradiction.

    The bounds of the box carry no bit, row i carries bit i.
    """
    simplex = Simplex()
    variables = [simplex.variable() for _ in range(VARIABLES)]
    for variable in variables:
        assert simplex.at_least(variable, RANGE[0], 0) is None
        assert simplex.at_most(variable, RANGE[-1], 0) is None
    return simplex, put_up(simplex, variables, rows)


def put_up(simplex: Simplex, variables: list[int], rows: list[Row]) -> int | None:
    for position, (form, is_low, bound) in enumerate(rows):
        variable = simplex.define([(v, c) for v, c in zip(variables, form, strict=True) if c])
        side = simplex.at_least if is_low else simplex.at_most
        conflict = side(variable, bound, 1 << position)
        if conflict is None:
            conflict = simplex.check()
        if conflict is not None:
            return conflict
    return None


def has_solution(rows: list[Row]) -> bool:
    """Whether a point of the box, not only an integer one, fulfils all rows: asked of HiGHS."""
    from scipy.optimize import linprog

    above = [[-c if is_low else c for c in form] for form, is_low, _ in rows]
    limits = [-bound if is_low else bound for _, is_low, bound in rows]
    box = (RANGE[0], RANGE[-1])
    return bool(linprog([0] * VARIABLES, A_ub=above, b_ub=limits, bounds=[box] * VARIABLES).status == 0)


@given(ROWS)
def test_a_contradiction_is_found_where_and_only_where_there_is_one(rows: list[Row]) -> None:
    _, conflict = tableau(rows)
    assert (conflict is None) == has_solution(rows)


@given(ROWS)
def test_the_rows_that_a_contradiction_names_contradict_each_other(rows: list[Row]) -> None:
    _, conflict = tableau(rows)
    if conflict is not None:
        named = [row for position, row in enumerate(rows) if conflict >> position & 1]
        for values in product(RANGE, repeat=VARIABLES):
            sums = [sum(c * v for c, v in zip(form, values, strict=True)) for form, _, _ in named]
            assert not all(
                total >= bound if is_low else total <= bound
                for total, (_, is_low, bound) in zip(sums, named, strict=True)
            )


@given(ROWS)
def test_the_values_found_are_within_all_bounds(rows: list[Row]) -> None:
    simplex, conflict = tableau(rows)
    if conflict is None:
        values = [simplex.value(variable) for variable in range(VARIABLES)]
        scale = 1
        for _, denominator in values:
            scale *= denominator
        scaled = [numerator * (scale // denominator) for numerator, denominator in values]
        for form, is_low, bound in rows:
            total = sum(c * v for c, v in zip(form, scaled, strict=True))
            assert total >= bound * scale if is_low else total <= bound * scale


@given(ROWS, ROWS)
def test_rows_taken_back_leave_nothing_behind(first: list[Row], second: list[Row]) -> None:
    simplex, _ = tableau([])
    mark = simplex.mark()
    put_up(simplex, list(range(VARIABLES)), first)
    simplex.undo(mark)
    conflict = simplex.check()
    assert conflict is None
    conflict = put_up(simplex, list(range(VARIABLES)), second)
    assert (conflict is None) == has_solution(second)
