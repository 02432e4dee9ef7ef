"""How the replay joins the static witness in one verdict."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.judgement.result import AuditResult, RuleResult, Verdict
from auditor.judgement.verdict import fold_evaluation
from auditor.replay.probes.coverage import ORDER_RULES
from auditor.replay.probes.outcome import LeakWitness, Outcome, ReplayResult, Suspicion
from auditor.trace.events import Place
from rules.core.rule import DISPUTED, Finding, Kind, Level, Policy, Step
from rules.core.rule import Outcome as RuleOutcome

if TYPE_CHECKING:
    from auditor.cache.store import Store
    from auditor.replay.probes.outcome import ConditionResult
    from auditor.submission.model import Submission

NORMALISATION_RULE: Final = "unnormalized-distribution"


def audit_and_replay(
    submission: Submission,
    *,
    overrides: Mapping[str, str] | None = None,
    policy: Policy = Policy.RULINGS,
    undecided_only: bool = False,
    store: Store | None = None,
    runs: Path | None = None,
) -> AuditResult:
    """Audit one script with both witnesses; a script that the static witness cannot read is not replayed.

    Args:
        undecided_only: replay it only where the static witness alone says `review`.
        store: of static answers, or None. A joined one is not kept: it hangs on this machine's sandbox too.
        runs: folder in which the replay's runs are kept by content, or None.

    Raises:
        AuditorError: the script cannot be read, or no sandbox works here.
    """
    from auditor.audit.kept import audit_once
    from auditor.reading.reading import read_submission
    from auditor.replay.replay import ReplayOptions, replay_submission

    started = time.perf_counter()
    read = functools.cache(functools.partial(read_submission, submission, overrides=overrides))
    audit = audit_once(store, submission, policy=policy, overrides=overrides, read=read)
    if undecided_only and audit.verdict is not Verdict.REVIEW:
        return audit
    reading = read()
    if reading.trace is None:
        return replace(audit, notes=(*audit.notes, "not replayed: there is no readable torch program"))
    joined = join(audit, replay_submission(submission, reading=reading, options=ReplayOptions(cache=runs)))
    return replace(joined, seconds=time.perf_counter() - started)


def join(audit: AuditResult, replay: ReplayResult) -> AuditResult:
    """One verdict of both witnesses.

    A proven failure is a violation. A pass on all four conditions settles what the static witness could not
    decide about order. What the replay found suspicious makes the rule it bears on a `review`: nothing is
    compliant beside it. Anything else unverified changes nothing. Where the witnesses contradict each other a
    finding says so, and the static answer stands unless the replay proved a failure.
    """
    answers = list(audit.rules)
    findings = list(audit.findings)
    notes = list(audit.notes)
    order = _order_failure(replay)
    if order is not None:
        name, condition = order
        slug = _offence(audit, replay, condition)
        if any(answer.rule == slug and _is_disputed(answer) for answer in audit.rules):
            notes.append(_undecided(name, condition))
        else:
            _fail(answers, findings, slug, name, condition, audit)
    mass = replay.conditions["C2"]
    if mass.outcome is Outcome.FAIL and any(map(_is_disputed, audit.rules)):
        notes.append(_undecided("C2", mass))
    elif mass.outcome is Outcome.FAIL:
        _fail(answers, findings, NORMALISATION_RULE, "C2", mass, audit)
    for suspicion in replay.suspicions:
        if order is None or suspicion.rule not in ORDER_RULES:
            _suspect(answers, findings, suspicion, _suspected(audit, replay, suspicion), audit)
    doubts = audit.doubts
    if replay.proven:
        answers = [_lifted(answer) for answer in answers]
        findings = [f for f in findings if not (f.rule in ORDER_RULES and f.outcome is RuleOutcome.UNKNOWN)]
        findings += _contradictions(audit, replay)
    if not replay.ran:
        notes.append(f"the replay did not run: {replay.reason}")
    else:
        shown = ", ".join(f"{n} {c.outcome.value}" for n, c in sorted(replay.conditions.items()))
        notes.append(f"replayed at toy size in a sandbox ({replay.sandbox.rung}): {shown}")
    return replace(
        audit,
        rules=tuple(answers),
        findings=tuple(findings),
        notes=tuple(notes),
        doubts=doubts,
        verdict=fold_evaluation(answers, understood=not doubts),
        seconds=audit.seconds + replay.seconds,
    )


def _order_failure(replay: ReplayResult) -> tuple[str, ConditionResult] | None:
    for name in ("C3", "C4", "C1"):
        if replay.conditions[name].outcome is Outcome.FAIL:
            return name, replay.conditions[name]
    return None


def _offence(audit: AuditResult, replay: ReplayResult, condition: ConditionResult) -> str:
    """Which rule a leak breaks: the one that the static witness names, or that the recorded trace breaks."""
    failed = [a.rule for a in audit.rules if a.outcome is RuleOutcome.FAIL and a.rule in ORDER_RULES]
    if failed:
        return failed[0]
    recorded = [slug for slug in offences_of(replay) if slug in ORDER_RULES]
    if recorded:
        return recorded[0]
    undecided = [
        a.rule
        for a in audit.rules
        if a.rule in ORDER_RULES and a.outcome in (RuleOutcome.REVIEW, RuleOutcome.UNKNOWN)
    ]
    witness = condition.witness
    own = isinstance(witness, LeakWitness) and not witness.moved
    return "same-token-adaptation" if own else undecided[0] if len(undecided) == 1 else "train-before-score"


def offences_of(replay: ReplayResult) -> tuple[str, ...]:
    """Slugs of the rules about order that fail on the recorded trace."""
    from auditor.judgement.judge import judge
    from rules import ALL
    from rules.core.rule import Evidence

    if replay.trace is None or replay.trace.claimed is None:
        return ()
    chosen = [rule for rule in ALL if rule.slug in ORDER_RULES]
    judged = judge(chosen, Evidence(trace=replay.trace))
    return tuple(answer.rule for answer in judged.answers if answer.outcome is RuleOutcome.FAIL)


def _is_disputed(answer: RuleResult) -> bool:
    """Whether the static witness knows what is done, and people differ on whether it is allowed."""
    return answer.outcome is RuleOutcome.REVIEW and DISPUTED in answer.because


def _undecided(name: str, condition: ConditionResult) -> str:
    return f"proved by experiment ({name}): {condition.why}; whether that is allowed is disputed"


def _fail(
    answers: list[RuleResult],
    findings: list[Finding],
    slug: str,
    name: str,
    condition: ConditionResult,
    audit: AuditResult,
) -> None:
    """Make a rule's answer a failure, with the witness as its finding."""
    message = f"Proved by experiment ({name}): {condition.why}."
    witness = condition.witness
    places: tuple[Place, ...] = ()
    steps: tuple[Step, ...] = ()
    if isinstance(witness, LeakWitness):
        steps = tuple(
            Step(text=s.text, place=Place(s.path, s.layer, s.line)) for s in witness.steps if s.line
        )
        places = tuple(dict.fromkeys(step.place for step in steps))
    before = next((a for a in answers if a.rule == slug), None)
    contradicts = before is not None and before.outcome is RuleOutcome.PASS
    if contradicts and before is not None:
        message += f" The static witness had passed it: {before.because}."
    claimed = audit.trace.claimed_report if audit.trace is not None else None
    findings.insert(
        0,
        Finding(
            rule=slug,
            outcome=RuleOutcome.FAIL,
            level=Level.ERROR,
            message=message,
            report=claimed.label if claimed is not None else None,
            locations=places or ((claimed.place,) if claimed is not None else ()),
            steps=steps,
            origin="replay",
        ),
    )
    failed = RuleResult(rule=slug, kind=Kind.EVALUATION, outcome=RuleOutcome.FAIL, because=message)
    if before is None:
        answers.append(failed)
    else:
        answers[answers.index(before)] = failed


def _suspected(audit: AuditResult, replay: ReplayResult, suspicion: Suspicion) -> str:
    """Slug of the rule that a suspicion bears on: of the rules about order the one that the recorded trace breaks."""
    if suspicion.rule not in ORDER_RULES:
        return suspicion.rule
    return next((slug for slug in offences_of(replay) if slug in ORDER_RULES), suspicion.rule)


def _suspect(
    answers: list[RuleResult], findings: list[Finding], suspicion: Suspicion, slug: str, audit: AuditResult
) -> None:
    """Let a rule's answer be no better than `review`, with what was seen as its finding."""
    message = f"Seen in an experiment: {suspicion.why}."
    before = next((a for a in answers if a.rule == slug), None)
    if before is not None and before.outcome is RuleOutcome.FAIL:
        return
    claimed = audit.trace.claimed_report if audit.trace is not None else None
    findings.append(
        Finding(
            rule=slug,
            outcome=RuleOutcome.REVIEW,
            level=Level.WARNING,
            message=message,
            report=claimed.label if claimed is not None else None,
            locations=(claimed.place,) if claimed is not None else (),
            origin="replay",
        )
    )
    doubtful = RuleResult(rule=slug, kind=Kind.EVALUATION, outcome=RuleOutcome.REVIEW, because=message)
    if before is None:
        answers.append(doubtful)
    elif before.outcome is not RuleOutcome.REVIEW:
        answers[answers.index(before)] = doubtful


def _lifted(answer: RuleResult) -> RuleResult:
    if answer.rule not in ORDER_RULES or answer.outcome is not RuleOutcome.UNKNOWN or answer.crashed:
        return answer
    because = (
        f"all four conditions hold by experiment; the static witness alone could not tell: {answer.because}"
    )
    return replace(answer, outcome=RuleOutcome.PASS, because=because)


def _contradictions(audit: AuditResult, replay: ReplayResult) -> Sequence[Finding]:
    """One finding for each rule that fails statically although the replay passed."""
    return [
        Finding(
            rule=answer.rule,
            outcome=RuleOutcome.REVIEW,
            level=Level.WARNING,
            message=(
                "The witnesses contradict each other: the replay passed all four conditions at toy size, the static "
                f"witness says: {answer.because}"
            ),
            locations=tuple(
                dict.fromkeys(
                    place
                    for f in audit.findings
                    if f.rule == answer.rule and f.outcome is RuleOutcome.FAIL
                    for place in f.locations
                )
            ),
            origin="replay",
        )
        for answer in audit.rules
        if answer.rule in ORDER_RULES and answer.outcome is RuleOutcome.FAIL
    ]
