"""Calibration after the training clock: ruled on in March 2026, not since; as ruled where no date is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.submission.load import load_path
from rules.core.rule import Example, Outcome, Policy
from rules.train_data_at_eval import TrainDataAtEval
from tests.rules.folder import audit_example


def late_calibration() -> Example:
    return next(e for e in TrainDataAtEval.examples if e.outcome is Outcome.FAIL and "quantiser" in e.title)


@pytest.mark.parametrize(
    ("date", "policy", "outcome"),
    [
        ("2026-03-31", Policy.RULINGS, Outcome.FAIL),
        ("2026-04-01", Policy.RULINGS, Outcome.PASS),
        ("2026-04-01", Policy.STRICT, Outcome.FAIL),
    ],
)
def test_outcome_by_date(date: str, policy: Policy, outcome: Outcome, tmp_path: Path) -> None:
    example = replace(late_calibration(), date=date, policy=policy)
    (answer,) = audit_example(TrainDataAtEval, example, tmp_path).rules
    assert answer.outcome is outcome, answer.because


def test_without_a_date_it_is_as_it_was_ruled(tmp_path: Path) -> None:
    example = late_calibration()
    audit_example(TrainDataAtEval, example, tmp_path)
    (dated,) = (tmp_path / "records" / "track_10min_16mb").iterdir()
    undated = dated.rename(dated.with_name("Entry"))
    (submission,) = load_path(str(undated)).submissions
    (answer,) = audit_submission(submission, rules=(TrainDataAtEval,)).rules
    assert answer.outcome is Outcome.FAIL and "no date is known" in answer.because
