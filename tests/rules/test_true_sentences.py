"""A record rule says what it saw, with the figures of the folder, and where it saw nothing it does not apply."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rules.artifact_size import ArtifactSize
from rules.claim_mismatch import ClaimMismatch
from rules.core.rule import Example, Good, Outcome, Rule
from rules.examples.record_folder import LOSSES, SCRIPT, toy_folder
from rules.missing_evidence import MissingEvidence
from rules.seed_selection import SeedSelection
from rules.time_limit import TimeLimit
from tests.rules.folder import audit_example

LOGS = tuple(f"train_seed{seed}.log" for seed in LOSSES)
MEAN = round(sum(loss / math.log(2.0) * 0.268339 for loss in LOSSES.values()) / len(LOSSES), 6)


def answer(rule: type[Rule], tmp_path: Path, **changes: object) -> tuple[Outcome, str]:
    example: Example = Good("made for this test", SCRIPT, toy_folder(**changes))
    found = next(a for a in audit_example(rule, example, tmp_path).rules if a.rule == rule.slug)
    return found.outcome, found.because


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (TimeLimit, "training took at most 588.0 s (3 logs), evaluation took at most 300.0 s (3 logs)"),
        (
            ArtifactSize,
            f"the total is at most {15_000_000 + len(SCRIPT.encode()):,} of 16,000,000 bytes (3 logs)",
        ),
        (ClaimMismatch, f"{MEAN} is the mean of 3 logs"),
        (SeedSelection, "3 logs print seed 1, 2, 3"),
        (MissingEvidence, "there: README, submission.json, 1 script, 3 logs"),
    ],
)
def test_a_pass_says_what_was_seen(rule: type[Rule], told: str, tmp_path: Path) -> None:
    assert answer(rule, tmp_path) == (Outcome.PASS, told)


@pytest.mark.parametrize("rule", [TimeLimit, ArtifactSize, ClaimMismatch, SeedSelection])
def test_without_a_log_a_rule_about_logs_does_not_apply(rule: type[Rule], tmp_path: Path) -> None:
    outcome, because = answer(rule, tmp_path, without=LOGS)
    assert outcome is Outcome.NOT_APPLICABLE
    assert "log" in because


def test_what_is_not_printed_is_not_said_to_be_in_order(tmp_path: Path) -> None:
    files = {
        name: "\n".join(line for line in text.split("\n") if "Total" not in line)
        for name, text in toy_folder().items()
    }
    found = audit_example(ArtifactSize, Good("no total", SCRIPT, files), tmp_path)
    (told,) = [a.because for a in found.rules if a.rule == "artifact-size"]
    assert told.startswith("no total is printed; shipped code and printed model are 15,00")


def test_a_time_that_is_not_judged_is_not_said_to_be_within_the_limit(tmp_path: Path) -> None:
    """Forty minutes on one GPU: no run of eight GPUs speaks, so the rule has nothing to say."""
    files = {
        name: text.replace("world_size:8", "world_size:1").replace("588000ms", "2400107ms")
        for name, text in toy_folder().items()
    }
    found = audit_example(TimeLimit, Good("one GPU", SCRIPT, files), tmp_path)
    (told,) = [a for a in found.rules if a.rule == "time-limit"]
    assert told.outcome is Outcome.NOT_APPLICABLE and "eight GPUs" in told.because
