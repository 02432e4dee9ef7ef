"""What a replay found suspicious but could not prove is never `compliant`, and what is legal is never suspicious."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audit.both_witnesses import join
from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.replay.probes.outcome import Outcome, ReplayResult, Suspicion
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.replay.sandbox.ladder import Rung
from auditor.submission.load import load_path
from rules.core.rule import Outcome as RuleOutcome
from tests.replay.mutants import LEGAL, SCORE, Edit, edited

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

Joint = Callable[..., tuple[AuditResult, ReplayResult]]


@pytest.fixture(scope="module")
def session(rung: Rung) -> Iterator[Session]:
    with Session(rung) as made:
        yield made


@pytest.fixture
def joint(session: Session, tmp_path: Path) -> Joint:
    """Both witnesses on the legal specimen with statements exchanged."""

    def run(*edits: Edit, turned: tuple[str, str] = ("", "")) -> tuple[AuditResult, ReplayResult]:
        text = edited(LEGAL, edits)
        assert turned[0] in text
        path = tmp_path / "train_gpt.py"
        path.write_text(text.replace(*turned) if turned[0] else text, encoding="utf-8")
        submission = load_path(str(path)).submissions[0]
        replayed = replay_submission(submission, options=ReplayOptions(seed=2, shrink=False), session=session)
        assert replayed.ran, replayed.reason
        return join(audit_submission(submission), replayed), replayed

    return run


def kinds(result: ReplayResult) -> set[str]:
    return {suspicion.kind for suspicion in result.suspicions}


def test_the_specimen_is_above_suspicion(joint: Joint) -> None:
    audit, replayed = joint()
    assert audit.verdict is Verdict.COMPLIANT and replayed.proven and not replayed.suspicions


def test_documents_left_out_of_the_number_are_seen(joint: Joint) -> None:
    skip = Edit(
        old="adapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)",
        new="if end - begin > 80:\n    continue\nadapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)",
    )
    audit, replayed = joint(skip)
    assert "coverage" in kinds(replayed) and not replayed.proven
    assert audit.verdict is Verdict.REVIEW
    assert any(a.rule == "validation-coverage" and a.outcome is RuleOutcome.REVIEW for a in audit.rules)


def test_number_that_no_score_gives_is_seen(joint: Joint) -> None:
    old = "nats = (loss_sum / token_count).item()"
    audit, replayed = joint(Edit(old=old, new=old + "\nnats = min(nats, 3.21)"))
    assert "number" in kinds(replayed)
    assert audit.verdict is not Verdict.COMPLIANT


def test_gradient_through_a_loss_before_its_score_is_no_pass_of_c3(joint: Joint) -> None:
    """The step is taken back by hand, so no score moves; that it had no effect is the submission's word."""
    rehearsal = """\
    kept = [part.detach().clone() for part in adapter.parameters()]
    model(inputs, targets, adapter).mean().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    optimizer = torch.optim.Adam(adapter.parameters(), lr=s.adapter_lr)
    with torch.no_grad():
        for part, was in zip(adapter.parameters(), kept):
            part.copy_(was)
    """
    audit, replayed = joint(Edit(old=SCORE, new=rehearsal.replace("\n    ", "\n").lstrip() + SCORE))
    assert replayed.conditions["C1"].outcome is Outcome.PASS
    assert replayed.conditions["C3"].outcome is Outcome.UNVERIFIED
    assert "learnt first" in kinds(replayed)
    assert audit.verdict is not Verdict.COMPLIANT


def test_evaluation_in_another_order_is_followed(joint: Joint) -> None:
    """Longest documents first: score order is not stream order, and all four conditions are proved."""
    _, replayed = joint(
        turned=(
            "for number in range(len(starts)):",
            "for number in sorted(range(len(starts) - 1), key=lambda n: starts[n] - starts[n + 1]):",
        )
    )
    assert replayed.proven, (replayed.conditions, replayed.suspicions)


def test_a_suspicion_never_softens_a_failure_and_never_passes(joint: Joint) -> None:
    """The fold, on made-up answers: `pass` and `unknown` become `review`, `fail` stays."""
    audit, replayed = joint()
    doubtful = replace(
        replayed, suspicions=(Suspicion(kind="leak", rule="same-token-adaptation", why="a score moved"),)
    )
    for static, verdict in (
        (RuleOutcome.PASS, Verdict.REVIEW),
        (RuleOutcome.UNKNOWN, Verdict.REVIEW),
        (RuleOutcome.NOT_APPLICABLE, Verdict.REVIEW),
        (RuleOutcome.FAIL, Verdict.VIOLATION),
    ):
        rules = tuple(
            replace(a, outcome=static) if a.rule == "same-token-adaptation" else a for a in audit.rules
        )
        assert join(replace(audit, rules=rules), doubtful).verdict is verdict
    unheard = replace(replayed, suspicions=(Suspicion(kind="x", rule="no-such-rule", why="seen"),))
    assert join(audit, unheard).verdict is Verdict.REVIEW
