"""Whole replays of specimens: each family gets the outcome it deserves, with a witness that can be checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import auditor.specimens
from auditor.audit.both_witnesses import audit_and_replay, join, offences_of
from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.reading.reading import read_submission
from auditor.replay.probes.outcome import LeakWitness, Outcome, ReplayResult
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.submission.load import load_path
from auditor.trace.events import Score, Update
from auditor.trace.render import render
from rules.core.rule import Outcome as RuleOutcome

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SPECIMENS = Path(__file__).parents[1] / "specimens"
SHIPPED = Path(auditor.specimens.__file__).parent

Replay = Callable[[Path], ReplayResult]


@pytest.fixture(scope="module")
def replayed(session: Session) -> Replay:
    """Replays a script once, however often a test asks."""
    known: dict[Path, ReplayResult] = {}

    def replay(path: Path) -> ReplayResult:
        if path not in known:
            submission = load_path(str(path)).submissions[0]
            options = ReplayOptions(seed=1, shrink=False)
            known[path] = replay_submission(submission, options=options, session=session)
        return known[path]

    return replay


def outcomes(result: ReplayResult) -> str:
    return " ".join(f"{name}:{c.outcome.value}" for name, c in sorted(result.conditions.items()))


@pytest.mark.parametrize("name", ["chunked_ttt", "lora_ttt", "sliding"])
def test_legal_families_pass(name: str, replayed: Replay) -> None:
    result = replayed(SPECIMENS / f"{name}.py")
    assert outcomes(result) == "C1:pass C2:pass C3:pass C4:pass", result.conditions
    assert offences_of(result) == ()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("prequant_ttt", "train-before-score"),
        ("second_scoring", "rescore-after-update"),
        ("slot", "same-token-adaptation"),
    ],
)
def test_illegal_families_fail_and_the_recorded_trace_breaks_the_same_rule(
    name: str, slug: str, replayed: Replay
) -> None:
    result = replayed(SPECIMENS / f"{name}.py")
    assert result.conditions["C1"].outcome is Outcome.FAIL
    assert result.conditions["C3"].outcome is Outcome.FAIL
    assert offences_of(result) == (slug,)


def test_two_pass_cache_fails_by_its_effect_alone(replayed: Replay) -> None:
    """Its tables are Python's own: no hook sees them, only the scores that move."""
    result = replayed(SPECIMENS / "two_pass_ngram.py")
    assert result.conditions["C1"].outcome is Outcome.FAIL
    assert result.conditions["C3"].outcome is Outcome.FAIL


def test_defaults_prove_nothing_where_an_unseen_switch_decides(replayed: Replay) -> None:
    result = replayed(SPECIMENS / "hidden_switch.py")
    assert result.ran and not result.proven and not result.failed
    assert any("seen nowhere but as the source default" in c.why for c in result.conditions.values())


def test_packed_script_is_replayed_and_its_places_are_in_the_decoded_layer(replayed: Replay) -> None:
    result = replayed(SPECIMENS / "packed.py")
    witness = result.conditions["C3"].witness
    assert isinstance(witness, LeakWitness)
    assert {step.layer for step in witness.steps} == {1}
    assert any("step of" in step.text for step in witness.steps)


def test_witness_names_an_earlier_token_whose_score_moved(replayed: Replay) -> None:
    result = replayed(SPECIMENS / "prequant_ttt.py")
    witness = result.conditions["C1"].witness
    assert isinstance(witness, LeakWitness)
    assert witness.score < witness.token
    assert witness.before != witness.after
    assert len(witness.seeds) == 2
    assert 0 < witness.moved <= witness.tested


def test_timeline_of_the_run_is_that_of_the_static_witness(replayed: Replay) -> None:
    """Same loops, same score and update lines, in the same order."""
    path = SHIPPED / "legal_lora_ttt.py"
    result, reading = replayed(path), read_submission(load_path(str(path)).submissions[0])
    assert result.trace is not None and reading.trace is not None
    static = {u.place.line for u in reading.trace.updates}
    assert {u.place.line for u in result.trace.updates} == static
    assert "for number in range(len(starts))" in render(result.trace)
    assert "UPDATE  Adapter" in render(result.trace)
    claimed, report = result.trace.claimed_report, reading.trace.claimed_report
    assert claimed is not None and report is not None
    assert claimed.place.line == report.place.line


def test_every_update_comes_after_the_score_of_its_tokens(replayed: Replay) -> None:
    result = replayed(SHIPPED / "legal_lora_ttt.py")
    assert result.trace is not None
    scored: dict[int, int] = {}
    used: dict[int, int] = {}
    for event in result.trace:
        if isinstance(event, (Score, Update)):
            into = scored if isinstance(event, Score) else used
            for region in event.regions:
                for position in region.positions or ():
                    into.setdefault(position, event.number)
    assert used and all(scored[position] < number for position, number in used.items())


# -- both witnesses


def audited(path: Path) -> AuditResult:
    return audit_submission(load_path(str(path)).submissions[0])


def test_joined_verdict_of_an_illegal_script_carries_the_witness(replayed: Replay) -> None:
    path = SPECIMENS / "prequant_ttt.py"
    joined = join(audited(path), replayed(path))
    assert joined.verdict is Verdict.VIOLATION
    first = joined.findings[0]
    assert (first.rule, first.origin) == ("train-before-score", "replay")
    assert first.steps and first.locations


def test_pass_lifts_unknown_and_nothing_else(replayed: Replay) -> None:
    from dataclasses import replace

    path = SPECIMENS / "chunked_ttt.py"
    audit = audited(path)
    for static, expected in (
        (RuleOutcome.UNKNOWN, RuleOutcome.PASS),
        (RuleOutcome.REVIEW, RuleOutcome.REVIEW),
        (RuleOutcome.FAIL, RuleOutcome.FAIL),
    ):
        rules = tuple(
            replace(answer, outcome=static) if answer.rule == "train-before-score" else answer
            for answer in audit.rules
        )
        joined = join(replace(audit, rules=rules), replayed(path))
        answer = next(a for a in joined.rules if a.rule == "train-before-score")
        assert answer.outcome is expected
    assert any("contradict" in f.message for f in joined.findings)


@pytest.mark.parametrize(("disputed", "verdict"), [(True, Verdict.REVIEW), (False, Verdict.VIOLATION)])
def test_what_is_disputed_is_not_decided_by_an_experiment(
    replayed: Replay, disputed: bool, verdict: Verdict
) -> None:
    from dataclasses import replace

    from rules.core.rule import DISPUTED

    path = SPECIMENS / "prequant_ttt.py"
    audit = audited(path)
    because = f"fitted to contexts alone: {DISPUTED}" if disputed else "it could not be proved"
    rules = tuple(
        replace(answer, outcome=RuleOutcome.REVIEW, because=because)
        if answer.rule == "train-before-score"
        else replace(answer, outcome=RuleOutcome.PASS)
        for answer in audit.rules
    )
    joined = join(replace(audit, rules=rules, findings=()), replace(replayed(path), trace=None))
    assert joined.verdict is verdict
    assert disputed == any("is disputed" in note for note in joined.notes)


def test_unverified_lifts_nothing(replayed: Replay) -> None:
    from dataclasses import replace

    path = SPECIMENS / "chunked_ttt.py"
    result = replayed(path)
    doubtful = replace(result.conditions["C2"], outcome=Outcome.UNVERIFIED)
    audit = audited(path)
    rules = tuple(
        replace(answer, outcome=RuleOutcome.UNKNOWN) if answer.rule == "two-pass-rescore" else answer
        for answer in audit.rules
    )
    joined = join(
        replace(audit, rules=rules), replace(result, conditions={**result.conditions, "C2": doubtful})
    )
    assert joined.verdict is Verdict.REVIEW


def test_script_that_does_not_run_is_unverified_with_its_reason(tmp_path: Path, session: Session) -> None:
    text = (SPECIMENS / "flat.py").read_text(encoding="utf-8")
    path = tmp_path / "train_gpt.py"
    path.write_text(text.replace("import torch\n", "import torch\nimport a_library_that_nobody_has\n", 1))
    result = replay_submission(
        load_path(str(path)).submissions[0], options=ReplayOptions(seed=1), session=session
    )
    assert not result.ran
    assert "a_library_that_nobody_has" in result.reason
    assert {c.outcome for c in result.conditions.values()} == {Outcome.UNVERIFIED}


def test_only_what_is_undecided_is_replayed() -> None:
    """In a corpus run: a decided script is left alone, and one with a hidden switch is replayed."""
    decided = load_path(str(SPECIMENS / "flat.py")).submissions[0]
    assert audit_and_replay(decided, undecided_only=True).notes == audit_submission(decided).notes
    hidden = load_path(str(SPECIMENS / "hidden_switch.py")).submissions[0]
    assert len(audit_and_replay(hidden, undecided_only=True).notes) > len(audit_submission(hidden).notes)
