"""The public API gives what the command line prints, as values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor import specimens
from auditor.api import InputError, Policy, Verdict, audit, compare
from auditor.cli import run
from rules.examples.record_folder import LOSSES, SCRIPT, toy_folder

SPECIMENS = Path(specimens.__file__).parent


def test_audit_is_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    (legal,) = audit(SPECIMENS / "legal_lora_ttt.py")
    (illegal,) = audit(str(SPECIMENS / "train_before_score.py"), policy=Policy.STRICT)
    assert (legal.verdict, illegal.verdict) == (Verdict.COMPLIANT, Verdict.VIOLATION)
    assert run(["audit", str(SPECIMENS / "legal_lora_ttt.py"), "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [answer["outcome"] for answer in printed["rules"]] == [a.outcome.value for a in legal.rules]


def test_compare_takes_folders_and_scores(tmp_path: Path) -> None:
    for name, scale in (("old", 1.01), ("new", 1.0)):
        (tmp_path / name).mkdir()
        for file, text in {**toy_folder(scale=scale), "train_gpt.py": SCRIPT}.items():
            (tmp_path / name / file).write_text(text)
    made = compare(tmp_path / "old", str(tmp_path / "new"))
    scores = [loss / 0.6931471805599453 * 0.268339 for loss in LOSSES.values()]
    assert made.difference_bpb == pytest.approx(-0.01 * sum(scores) / 3, rel=1e-4)
    plain = compare([1.2, 1.21], scores, tokens_per_byte=0.268339)
    assert plain.welch is not None and plain.welch.p < 0.05 and plain.margin_bpb is not None


def test_what_cannot_be_used_is_an_input_error(tmp_path: Path) -> None:
    for ask in (
        lambda: audit(tmp_path),
        lambda: audit(),
        lambda: compare([], [1.0]),
        lambda: compare(tmp_path, [1.0]),
    ):
        with pytest.raises(InputError):
            ask()
