"""Every mutant of the legal specimen is killed by the replay, and none that breaks nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.replay.probes.outcome import Outcome
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.submission.load import load_path
from tests.replay.mutants import LEGAL, MUTANTS, Edit, Mutant, edited


def written(mutant: Mutant, folder: Path) -> Path:
    path = folder / "train_gpt.py"
    path.write_text(mutant.script, encoding="utf-8")
    return path


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_replay_kills_it(mutant: Mutant, session: Session, tmp_path: Path) -> None:
    submission = load_path(str(written(mutant, tmp_path))).submissions[0]
    result = replay_submission(submission, options=ReplayOptions(seed=2, shrink=False), session=session)
    assert result.ran, result.reason
    failed = {name for name, c in result.conditions.items() if c.outcome is Outcome.FAIL}
    if mutant.fails:
        assert mutant.fails <= failed, result.conditions
    else:
        assert result.proven, result.conditions


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_static_witness_says_what_it_can(mutant: Mutant, tmp_path: Path) -> None:
    results, _ = audit_target(str(written(mutant, tmp_path)))
    assert results[0].verdict.value in mutant.static


def test_codemod_refuses_a_statement_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no statement"):
        edited(LEGAL, (Edit(old="x = 1", new=""),))
