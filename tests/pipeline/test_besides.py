"""Numbers that a submission gives besides the claimed one."""

from __future__ import annotations

import json

import pytest

from auditor.judgement.other_reported_numbers import besides_the_claim
from auditor.judgement.result import ReportResult, Verdict
from auditor.trace.events import Place

PLACE = Place("train_gpt.py", 0, 7)
MIXED = ReportResult(
    label="cache bytes=… mix_bpb=… plain=…",
    claimed=False,
    verdict=Verdict.VIOLATION,
    place=PLACE,
    failed=("unnormalized-distribution",),
)
GIVEN = json.dumps({"val_bpb": 1.08, "experimental": {"mix_bpb_mean": 0.97}})


def test_number_of_a_violation_that_the_submission_gives_is_told() -> None:
    (told,) = besides_the_claim([MIXED], GIVEN)
    assert told == (
        "submission.json also gives mix_bpb_mean: what prints mix_bpb at train_gpt.py:7 breaks "
        "unnormalized-distribution"
    )


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (MIXED, None),
        (MIXED, "no json"),
        (MIXED, json.dumps({"val_bpb": 1.08})),
        (ReportResult(label=MIXED.label, claimed=True, verdict=Verdict.VIOLATION, place=PLACE), GIVEN),
        (ReportResult(label=MIXED.label, claimed=False, verdict=Verdict.COMPLIANT, place=PLACE), GIVEN),
        (ReportResult(label="val_bpb:…", claimed=False, verdict=Verdict.VIOLATION, place=PLACE), GIVEN),
    ],
    ids=["no file", "no JSON", "not given", "the claim itself", "compliant", "every script's name"],
)
def test_nothing_else_is_told(report: ReportResult, text: str | None) -> None:
    assert besides_the_claim([report], text) == ()
