"""The straight line: a target becomes submissions, each a program, a trace, findings and a verdict.

One call an arrow; every stage is a package of its own and is loaded when it is reached. Facts about the
submission travel as values; what the user must mend is raised as `AuditorError` by the first stages.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from auditor.errors import InputError
from auditor.judgement.judge import judge, judge_reports, merged, without_evaluation
from auditor.judgement.nothing import nothing_to_judge
from auditor.judgement.other_reported_numbers import besides_the_claim
from auditor.judgement.record_findings import fold_folder, record_findings
from auditor.judgement.result import AuditResult, AuditTarget, Claim, Verdict
from auditor.judgement.verdict import fold_evaluation, understood
from auditor.reading.claim_matching import Match
from auditor.reading.gc_pause import patient_collector
from auditor.reading.reading import Reading, read_submission
from auditor.submission.model import Submission, Track
from auditor.trace.events import Place
from auditor.trace.trace import Trace
from rules import ALL
from rules.core.rule import CodeProblem, Evidence, Policy, Rule

if TYPE_CHECKING:
    from auditor.program.model import Problem, Program
    from auditor.records.validate import RecordsResult

TRACKS = {Track.RECORD_10MIN_16MB: "record", Track.NON_RECORD: "non-record", Track.UNKNOWN: "unknown"}


@patient_collector()
def audit_submission(
    submission: Submission,
    *,
    overrides: Mapping[str, str] | None = None,
    policy: Policy = Policy.RULINGS,
    rules: Sequence[type[Rule]] = ALL,
    reading: Reading | None = None,
) -> AuditResult:
    """Audit one script with everything that travels with it.

    Args:
        overrides: hyperparameters that outrank every other source.
        rules: which rules to ask; all of them unless a test asks for one.
        reading: what `read_submission` gave, where the caller has it already.

    Raises:
        AuditorError: the script itself cannot be read.
    """
    started = time.perf_counter()
    reading = reading or read_submission(submission, overrides=overrides)
    program, records, claim, witness = reading.program, reading.records, reading.claim, reading.witness
    trace, match, exploration = reading.trace, reading.match, reading.exploration
    problems = tuple(_problem(problem) for problem in program.problems) + witness.problems
    evidence = Evidence(
        trace=trace,
        policy=policy,
        problems=problems,
        layers=_layers(program),
        language=witness.language,
        records=records,
        track=TRACKS[submission.track],
        claimed_bpb=claim.val_bpb,
        date=submission.date,
        forward_passes=witness.forward_passes(trace),
        coverage=None if trace is None or match is None else witness.coverage(trace, match.report),
    )
    judged = judge(rules, evidence, exploration or (), opened=exploration.opened if exploration else None)
    reports, others = judge_reports(rules, evidence, judged)
    doubts = _doubts(trace, match) + witness.doubts + besides_the_claim(reports, _json_text(submission))
    if reading.foreign_log:
        doubts = (f"the log behind the claim was made by other code: {reading.foreign_log}", *doubts)
    verdict = fold_evaluation(judged.answers, understood=not doubts)
    findings = merged(judged.findings, [*others, *record_findings(records, rules)])
    if verdict is Verdict.REVIEW and (
        why := nothing_to_judge(trace, problems, is_entry=_is_entry(submission, records))
    ):
        verdict, doubts, judged = Verdict.NOTHING, (why,), without_evaluation(judged, why)
        findings = merged(judged.findings, record_findings(records, rules))
    return AuditResult(
        target=target_of(submission),
        policy=policy,
        track=evidence.track,
        language=witness.language,
        verdict=verdict,
        record_verdict=None if records is None else fold_folder(records, judged.answers),
        claim=Claim(val_bpb=claim.val_bpb, source=claim.source, how=match.how if match is not None else ""),
        rules=judged.answers,
        findings=findings,
        reports=reports,
        configuration=witness.configuration(trace),
        trace=trace,
        problems=problems,
        doubts=doubts,
        notes=reading.notes + (() if records is None else records.problems),
        layers=_layers(program),
        texts={(layer.path, layer.index): tuple(layer.text.split("\n")) for layer in program.layers},
        seconds=time.perf_counter() - started,
    )


def _is_entry(submission: Submission, records: RecordsResult | None) -> bool:
    """Whether the script is what a run of its folder starts; a script by itself is no entry."""
    return records is not None and submission.contents.relative(submission.script) == records.facts.entry


def _json_text(submission: Submission) -> str | None:
    """The text of `submission.json`; None without one that can be read, which the records rules tell."""
    if submission.submission_json is None:
        return None
    try:
        return submission.submission_json.text()
    except InputError:
        return None


def _doubts(trace: Trace | None, match: Match | None) -> tuple[str, ...]:
    if understood(trace, match.report if match is not None else None):
        return ()
    return ("no reported number could be followed to its scores",)


def _layers(program: Program) -> tuple[str, ...]:
    return tuple(layer.how for layer in program.layers if layer.parent is not None)


def _problem(problem: Problem) -> CodeProblem:
    place = Place(problem.path, problem.layer, problem.line, problem.column)
    return CodeProblem(kind=_kind(problem), reason=problem.reason, place=place)


def _kind(problem: Problem) -> str:
    """The kind of problem as the rules know it; code that can never be text is told apart."""
    if problem.kind == "outside":
        return "missing"
    if problem.kind != "opaque":
        return problem.kind
    never_text = ("bytecode", "native")
    return next((kind for kind in never_text if kind in problem.reason), "undecoded")


def target_of(submission: Submission) -> AuditTarget:
    """What the audit of a submission is said to be of."""
    target = submission.target
    path = submission.script.path
    if target.kind == "script":
        path = target.path
    elif target.kind == "folder":
        path = f"{target.path.rstrip('/')}/{path}"
    return AuditTarget(
        kind=target.kind, path=path, ref=target.ref, head=target.head, folder=submission.folder
    )
