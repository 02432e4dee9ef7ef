"""The straight line: a target becomes submissions, each a program, a trace, findings and a verdict.

One call an arrow; every stage is a package of its own and is loaded when it is reached. Facts about the
submission travel as values; what the user must mend is raised as `AuditorError` by the first stages.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.errors import InputError
from auditor.judgement.judge import judge, judge_reports, merged, without_evaluation
from auditor.judgement.nothing import nothing_to_judge
from auditor.judgement.other_reported_numbers import besides_the_claim
from auditor.judgement.record_findings import fold_folder, record_findings
from auditor.judgement.result import AuditResult, AuditTarget, Claim, Verdict
from auditor.judgement.verdict import fold_evaluation, understood
from auditor.reading.claim_matching import Match
from auditor.reading.counterfactuals import Exploration
from auditor.reading.explored import Explored
from auditor.reading.gc_pause import patient_collector
from auditor.reading.grounds import Grounds, grounds_of
from auditor.reading.reading import Reading, read_submission
from auditor.submission.model import Submission, Track
from auditor.trace.trace import Trace
from rules import ALL
from rules.core.rule import Evidence, Policy, Rule

if TYPE_CHECKING:
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
    grounds: Grounds | None = None,
) -> AuditResult:
    """Audit one script with everything that travels with it.

    Args:
        overrides: hyperparameters that outrank every other source.
        rules: which rules to ask; all of them unless a test asks for one.
        reading: what `read_submission` gave, where the caller has it already.
        grounds: what `grounds_of` gave for that reading, likewise.

    Raises:
        AuditorError: the script itself cannot be read.
    """
    started = time.perf_counter()
    reading = reading or read_submission(submission, overrides=overrides)
    result = judge_submission(
        submission,
        grounds or grounds_of(reading),
        reading.exploration,
        reading.records,
        policy=policy,
        rules=rules,
    )
    return replace(result, seconds=time.perf_counter() - started)


def judge_submission(
    submission: Submission,
    grounds: Grounds,
    exploration: Exploration | Explored | None,
    records: RecordsResult | None,
    *,
    policy: Policy,
    rules: Sequence[type[Rule]] = ALL,
) -> AuditResult:
    """Judge what was read of a script.

    Raises:
        NotExplored: the exploration is a kept one, and a rule asks for more than it holds.
    """
    trace, match, problems = grounds.trace, grounds.match, grounds.problems
    evidence = Evidence(
        trace=trace,
        policy=policy,
        problems=problems,
        layers=grounds.layers,
        language=grounds.language,
        records=records,
        track=TRACKS[submission.track],
        claimed_bpb=grounds.claimed_bpb,
        date=submission.date,
        forward_passes=grounds.forward_passes,
        coverage=grounds.coverage,
    )
    judged = judge(rules, evidence, exploration or (), opened=exploration.opened if exploration else None)
    reports, others = judge_reports(rules, evidence, judged)
    doubts = (
        _doubts(trace, match)
        + _not_evaluated(grounds, exploration)
        + besides_the_claim(reports, _json_text(submission))
    )
    if (foreign := grounds.foreign_log) is not None:
        doubts = (
            f"the log behind the claim was made by other code: {foreign.message} ({foreign.where})",
            *doubts,
        )
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
        language=grounds.language,
        verdict=verdict,
        record_verdict=None if records is None else fold_folder(records, judged.answers),
        claim=Claim(
            val_bpb=grounds.claimed_bpb,
            source=grounds.claim_source,
            how=match.how if match is not None else "",
        ),
        rules=judged.answers,
        findings=findings,
        reports=reports,
        configuration=grounds.configuration,
        trace=trace,
        problems=problems,
        doubts=doubts,
        notes=grounds.notes + (() if records is None else records.problems),
        layers=grounds.layers,
        texts=grounds.texts,
    )


def _not_evaluated(grounds: Grounds, exploration: Exploration | Explored | None) -> tuple[str, ...]:
    """What was not evaluated, one sentence each; complete when the rules have been asked."""
    skipped = () if exploration is None else tuple(exploration.skipped)
    if grounds.cut_short:
        skipped += ("the evaluation is larger than the witness's bounds and was cut short",)
    return skipped


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
