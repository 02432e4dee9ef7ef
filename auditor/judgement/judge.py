"""Runs the rules on the evidence and keeps what each of them answers.

A rule that raises is named and counts as undecided, never as clean; this is the one place where any
exception is caught. Each reported number is judged by itself with the same rules.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from auditor.judgement.result import ReportResult, RuleResult, Verdict
from auditor.judgement.verdict import fold_evaluation, understood
from auditor.reading.counterfactuals import Alternative
from auditor.solver.solver import reset_budget
from auditor.trace.answer import Answer
from auditor.trace.events import Report
from auditor.trace.trace import Trace
from rules.core.rule import (
    Evidence,
    Finding,
    Judgement,
    Kind,
    Level,
    Outcome,
    Rule,
    Step,
)

MAX_REPORTS = 60
"""Reports judged one by one; a script that prints more is judged on its last ones and the claimed one."""


KEPT = (Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Answers and findings of all rules on one report."""

    answers: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]


def judge(
    rules: Sequence[type[Rule]],
    evidence: Evidence,
    alternatives: Iterable[Alternative] = (),
    *,
    opened: Trace | None = None,
) -> Judged:
    """Ask every rule about the claimed report.

    A rule that passes here and fails with a switch turned that nobody has seen gives `review`.

    Args:
        alternatives: the program with such a switch turned, for each of them; gone through where a rule passes.
        opened: what happens with all of them both ways; a rule that every report of it keeps is asked no more.
    """
    answers: list[RuleResult] = []
    findings: list[Finding] = []
    for rule in rules:
        judgement, crash = _ask(rule, evidence)
        if not crash and rule.kind is Kind.EVALUATION:
            judgement = _with_alternatives(rule, judgement, evidence, alternatives, opened)
        answers.append(
            RuleResult(
                rule=rule.slug,
                kind=rule.kind,
                outcome=judgement.outcome,
                because=judgement.because,
                crashed=crash,
            )
        )
        findings.extend(judgement.findings)
    return Judged(answers=tuple(answers), findings=_distinct(findings))


def _ask(rule: type[Rule], evidence: Evidence) -> tuple[Judgement, str]:
    if evidence.track not in rule.tracks:
        because = f"does not apply to the {evidence.track} track"
        return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because), ""
    reset_budget()  # what a rule may ask of the prover does not hang on what was asked before it
    try:
        return rule().judge(evidence), ""
    except Exception as error:  # noqa: BLE001  (a crash of one rule must be told, not spread)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        crash = f"{type(error).__name__}: {error} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"
        return Judgement(outcome=Outcome.UNKNOWN, because=f"the rule itself crashed: {crash}"), crash


def _with_alternatives(
    rule: type[Rule],
    judgement: Judgement,
    evidence: Evidence,
    alternatives: Iterable[Alternative],
    opened: Trace | None,
) -> Judgement:
    if judgement.outcome not in KEPT or (opened is not None and _kept_by_all(rule, evidence, opened)):
        return judgement
    for alternative in alternatives:
        if alternative.ran is Answer.NO:
            continue
        other, crash = _ask(rule, replace(evidence, trace=alternative.trace, coverage=None))
        if crash or other.outcome is not Outcome.FAIL:
            continue
        switch = alternative.switch
        message = (
            f"depends on {switch.name}, which is seen nowhere but as the source default {switch.value!r}: "
            f"with {switch.name}={alternative.value} this rule fails"
        )
        steps = [Step(text=f"{switch.name} = {switch.value!r} decides here", place=switch.place)]
        for finding in other.findings[:1]:
            steps += [
                Step(text=f"with {alternative.value}: {finding.message}", place=p)
                for p in finding.locations[:1]
            ]
            steps += finding.steps
        finding = Finding(
            rule=rule.slug,
            outcome=Outcome.REVIEW,
            level=Level.WARNING,
            message=message,
            locations=(switch.place,),
            steps=tuple(steps),
        )
        return Judgement(outcome=Outcome.REVIEW, because=message, findings=(*judgement.findings, finding))
    return judgement


def _kept_by_all(rule: type[Rule], evidence: Evidence, opened: Trace) -> bool:
    """Whether a rule is kept whichever of the reports that have scores is claimed."""
    different = {(r.scores, r.doubts, r.selects): r.number for r in opened.reports if r.scores}
    for claimed in different.values() or (None,):
        judgement, crash = _ask(
            rule, replace(evidence, trace=replace(opened, claimed=claimed), coverage=None)
        )
        if crash or judgement.outcome not in KEPT:
            return False
    return True


def judge_reports(
    rules: Sequence[type[Rule]], evidence: Evidence, claimed: Judged
) -> tuple[tuple[ReportResult, ...], tuple[Finding, ...]]:
    """A verdict for each reported number, and the violations of those that are not claimed.

    Reports that print the same text at the same place (one per turn of a loop) are one; their worst verdict
    counts.
    """
    trace = evidence.trace
    if trace is None:
        return (), ()
    evaluation = [rule for rule in rules if rule.kind is Kind.EVALUATION]
    groups: dict[tuple[object, ...], list[Report]] = {}
    for report in trace.reports:
        if report.certain is not Answer.NO:
            groups.setdefault((report.place, report.template, report.scores), []).append(report)
    results: dict[tuple[object, ...], ReportResult] = {}
    extra: list[Finding] = []
    own = evidence.claimed
    for reports in list(groups.values())[-MAX_REPORTS:]:
        report = reports[-1]
        is_claimed = own is not None and any(r.number == own.number for r in reports)
        judged = claimed if is_claimed else judge(evaluation, _claiming(evidence, trace, report))
        key = (report.place, report.template)
        result = ReportResult(
            label=report.label,
            claimed=is_claimed,
            verdict=fold_evaluation(judged.answers, understood=understood(trace, report)),
            place=report.place,
            failed=tuple(
                a.rule for a in judged.answers if a.outcome is Outcome.FAIL and a.kind is Kind.EVALUATION
            ),
        )
        if not is_claimed:
            extra += [f for f in judged.findings if f.outcome is Outcome.FAIL and f.report == report.label]
        before = results.get(key)
        results[key] = result if before is None or _supersedes(result, before) else before
    return tuple(results.values()), _distinct(extra)


def without_evaluation(judged: Judged, because: str) -> Judged:
    """The answers where there is no evaluation to judge: those of the record rules stand, the others do not apply."""
    return Judged(
        answers=tuple(
            answer
            if answer.kind is not Kind.EVALUATION or answer.crashed
            else replace(answer, outcome=Outcome.NOT_APPLICABLE, because=because)
            for answer in judged.answers
        ),
        findings=tuple(finding for finding in judged.findings if finding.origin == "records"),
    )


def _claiming(evidence: Evidence, trace: Trace, report: Report) -> Evidence:
    return replace(evidence, trace=replace(trace, claimed=report.number), coverage=None)


def _supersedes(new: ReportResult, old: ReportResult) -> bool:
    order = (Verdict.COMPLIANT, Verdict.REVIEW, Verdict.VIOLATION)
    if new.claimed != old.claimed:
        return new.claimed
    return order.index(new.verdict) > order.index(old.verdict)


def _distinct(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once: turns of a loop repeat them."""
    seen: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.rule, finding.message, finding.report, finding.locations, finding.where)
        seen.setdefault(key, finding)
    return tuple(seen.values())


def merged(first: Sequence[Finding], second: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings of the claimed report, then those of the others that say something new.

    Several reports often break one rule at one place; the table of reports says which.
    """
    known = {(f.rule, f.message, f.locations) for f in first if f.locations}
    new = []
    for finding in second:
        key = (finding.rule, finding.message, finding.locations)
        if not finding.locations or key not in known:
            known.add(key)
            new.append(finding)
    return _distinct([*first, *new])
