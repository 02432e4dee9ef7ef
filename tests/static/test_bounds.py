"""What becomes of a script that is more than the witness may spend on it: cut short, said so, never compliant."""

from __future__ import annotations

from pathlib import Path

import pytest

import auditor.specimens
from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult
from auditor.judgement.verdict import Verdict
from auditor.static.interpreter import budget
from auditor.submission.load import load_submissions

LEGAL = Path(auditor.specimens.__file__).with_name("legal_lora_ttt.py")


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
