"""A bound below zero counts from the end, as Python counts, also where a turn of a loop decides its sign.

The truth of each script is worked out by Python itself: the same slices of a range of positions, in a few turns.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import atoms_exchanged, replace_atoms
from auditor.trace.answer import Answer
from auditor.trace.region import Region
from tests.static.conftest import run, worst_overlap

SPAN, LENGTH = 4096, 1026
BODY = """
for i in range(n // 4096):
    part = val[i * 4096 : i * 4096 + 1026]
    BEFORE
    k = BOUND
    y = part[SLICE]
    model(y[:-1], y[1:]).backward()
    optimizer.step()
    AFTER
"""
Bound = Callable[[int], int]
CUTS: dict[str, Callable[[range, int], range]] = {
    ":k": lambda part, k: part[:k],
    "k:": lambda part, k: part[k:],
    "k : k + 4": lambda part, k: part[k : k + 4],
}
CASES: list[tuple[str, Bound, str, bool]] = [
    ("-(i % 7) - 2", lambda i: -(i % 7) - 2, ":k", True),
    ("-(i % 7) - 5", lambda i: -(i % 7) - 5, "k:", True),
    ("-(i % 7) - 5", lambda i: -(i % 7) - 5, "k : k + 4", True),
    ("i % 7 - 3", lambda i: i % 7 - 3, "k:", True),
    ("i % 7 + 2", lambda i: i % 7 + 2, ":k", True),
    ("-(i % 7) - 5", lambda i: -(i % 7) - 5, "k:", False),
    ("i % 7 - 3", lambda i: i % 7 - 3, "k:", False),
    ("i % 7 - 900", lambda i: i % 7 - 900, ":k", False),
]


@pytest.mark.parametrize(("text", "bound", "cut", "first"), CASES)
def test_what_a_slice_with_a_bound_of_unknown_sign_holds(
    text: str, bound: Bound, cut: str, first: bool
) -> None:
    body = BODY.replace("BOUND", text).replace("SLICE", cut)
    score = "total += score(i * 4096)"
    body = body.replace("BEFORE", "pass" if first else score).replace("AFTER", score if first else "pass")
    leaks = False
    for i in range(8):
        part = range(i * SPAN, i * SPAN + LENGTH)
        trained = set(CUTS[cut](part, bound(i))[1:])
        leaks |= first and bool(trained & set(range(i * SPAN + 1, i * SPAN + 1025)))
    assert (worst_overlap(run(body)) is not Answer.NO) is leaks


def test_a_place_is_told_for_either_sign() -> None:

    sign = Symbol("free", ("k",))
    row = Region("val", Expr(100), Expr(110))
    for value in (-12, -10, -3, -1, 0, 4, 9):
        placed = row.sliced(Expr.of(sign), None, from_end=(None, False)).start
        assert placed is not None
        told = replace_atoms(placed, atoms_exchanged({sign: Expr(value)}))
        expected = range(100, 110)[value:]
        assert told == Expr(expected.start), value
