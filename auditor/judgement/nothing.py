"""Whether a script holds no evaluation at all: a trainer alone, a helper, an analysis, a text that is no Python.

Such a script has nothing that could be compliant or not. Beside one that is judged it changes nothing, alone it is
never green. It is said only where all of the script was followed: one call that was not could hold an evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.trace.answer import Answer
from auditor.trace.trace import Trace
from rules.core.rule import CodeProblem


def nothing_to_judge(trace: Trace | None, problems: Sequence[CodeProblem], *, is_entry: bool) -> str:
    """Why there is nothing to judge, or "" where there is, or may be.

    Args:
        is_entry: whether it is the script that a run of the entry starts: a text that cannot be read is then
            a question and no answer.
    """
    if trace is None:
        unread = next(
            (problem for problem in problems if problem.kind == "syntax" and problem.place.layer == 0), None
        )
        if unread is None or is_entry:
            return ""
        return f"it is no Python: {unread.reason} (line {unread.place.line})"
    if not trace.complete or trace.scores or trace.unresolved or any(problem.runs for problem in problems):
        return ""
    reads = any(load.source == "val" and load.certain is not Answer.NO for load in trace.loads)
    if trace.reports and (reads or trace.updates):
        return ""
    return "it scores no validation token and reports no score"
