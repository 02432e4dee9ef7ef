"""Decides inequalities between position expressions.

A question `e ≥ 0` is answered by refuting `e ≤ -1` together with everything known about the symbols: bounds, the
order of iteration counters, ascending arrays, division remainders, and what minima, maxima and conditionals are
in each case (`auditor.solver.search`). Only "proved" is certain: an answer "not proved" says nothing, and the
caps below can only turn "proved" into "not proved". The work for one script is bounded; `forget` starts a new
count.
"""

from __future__ import annotations

from auditor.solver.canonical_form import question_form
from auditor.solver.expressions import Expr, on_forget
from auditor.solver.search import Refutation

MAX_CASES = 400
"""Cases looked at in one question."""

MAX_ATOMS = 160
"""Symbols in one question, the nested ones counted: what real scripts have proved stays under 60."""

MAX_WORK = 5_000_000
"""Rows that pivots may go through in one trace, over all its questions: about five seconds."""

_spent = [0]
_answers: dict[tuple[int, ...], bool] = {}
_by_form: dict[tuple[int, ...], bool] = {}


def _forget() -> None:
    _spent[0] = 0
    _answers.clear()
    _by_form.clear()


on_forget(_forget)


def reset_budget(work: int | None = None) -> None:
    """Grant the full allowance of work again, or less: each trace has its own."""
    _spent[0] = 0 if work is None else MAX_WORK - work


def spent(work: int | None = None) -> int:
    """How much of the allowance that `reset_budget` granted is spent."""
    return _spent[0] - (0 if work is None else MAX_WORK - work)


def spend(work: int) -> None:
    """Count work that was done to prepare questions."""
    _spent[0] += work


def exhausted() -> bool:
    """Whether the work allowed for one script is done: from then on nothing new is proved."""
    return _spent[0] >= MAX_WORK


def proves(goal: Expr, facts: tuple[Expr, ...] = ()) -> bool:
    """Whether `goal ≥ 0` follows from the facts (each `≥ 0`) and what the symbols mean."""
    if goal.is_constant and not facts:
        return goal.constant >= 0
    return refutes((-goal - 1, *facts))


def refutes(rows: tuple[Expr, ...]) -> bool:
    """Whether no values of the symbols make all rows `≥ 0`."""
    # by identity first: equal symbols may differ in what is known of them, and so may the answers
    key = tuple(map(id, rows))
    known = _answers.get(key)
    if known is None:
        form = question_form(rows)
        known = _by_form.get(form)
        if known is None:
            if exhausted():
                return False
            known = _by_form[form] = _search(rows)
        _answers[key] = known
    return known


def _search(rows: tuple[Expr, ...]) -> bool:
    if len({id(symbol) for row in rows for symbol in row.symbols()}) > MAX_ATOMS:
        return False
    question = Refutation(MAX_CASES)
    found = question.refuted(rows)
    _spent[0] += question.work
    return found
