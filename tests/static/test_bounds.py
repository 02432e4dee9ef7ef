"""What becomes of a script that is more than the witness may spend on it: cut short, said so, never compliant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import auditor.specimens
from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult
from auditor.judgement.verdict import Verdict
from auditor.static import predict
from auditor.static.interpreter import budget
from auditor.submission.load import load_submissions

LEGAL = Path(auditor.specimens.__file__).with_name("legal_lora_ttt.py")
SWITCHED = Path(__file__).parents[1] / "specimens" / "hidden_switch.py"


def audited() -> AuditResult:
    (submission,) = load_submissions(str(LEGAL)).submissions
    return audit_submission(submission)


@pytest.mark.parametrize(
    ("bound", "amount"),
    [("MAX_STEPS", 400), ("MAX_EXPRESSIONS", 30)],
)
def test_an_evaluation_over_a_bound_is_cut_short_and_is_not_called_compliant(
    monkeypatch: pytest.MonkeyPatch, bound: str, amount: int
) -> None:
    assert audited().verdict is Verdict.COMPLIANT
    monkeypatch.setattr(budget, bound, amount)
    result = audited()
    assert result.verdict is Verdict.REVIEW
    assert any("cut short" in doubt for doubt in result.doubts)


def test_what_was_cut_short_is_not_evaluated_with_its_switches_both_ways(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be cut short again; each switch is turned all the same."""
    asked: list[tuple[bool, bool, bool]] = []
    steps: list[int] = []
    whole = predict.trace_program

    def counted(*arguments: Any, forced: Any = None, both_ways: bool = False, **rest: Any) -> Any:
        found = whole(*arguments, forced=forced, both_ways=both_ways, **rest)
        asked.append((both_ways, bool(forced), found.trace.complete))
        steps.append(found.steps)
        return found

    monkeypatch.setattr(predict, "trace_program", counted)
    (submission,) = load_submissions(str(SWITCHED)).submissions
    audit_submission(submission)
    assert (True, False, True) in asked
    asked.clear()
    monkeypatch.setattr(budget, "MAX_STEPS", steps[0] - 5)
    assert audit_submission(submission).verdict is Verdict.REVIEW
    assert asked[0] == (False, False, False) and not any(both_ways for both_ways, _, _ in asked)
    assert any(forced for _, forced, _ in asked)
