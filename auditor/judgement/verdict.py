"""Folds rule outcomes into verdicts and verdicts into exit codes.

The fold is monotone: an outcome that is worse never makes the verdict better, and nothing that was not
    understood
is ever compliant. Which rules exist and how they judge is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.exit_codes import ExitCode, worst_exit
from auditor.judgement.result import AuditResult, RecordVerdict, RuleResult, Verdict
from auditor.trace.events import Report
from auditor.trace.trace import Trace
from rules.core.rule import Kind, Outcome


def fold_evaluation(answers: Sequence[RuleResult], *, understood: bool) -> Verdict:
    """The verdict of one reported number.

    Args:
        understood: whether a score and the report itself were followed; without it nothing is compliant.
    """
    outcomes = {answer.outcome for answer in answers if answer.kind is Kind.EVALUATION}
    if Outcome.FAIL in outcomes:
        return Verdict.VIOLATION
    if outcomes & {Outcome.REVIEW, Outcome.UNKNOWN} or not understood:
        return Verdict.REVIEW
    if any(answer.crashed for answer in answers if answer.kind is Kind.EVALUATION):
        return Verdict.REVIEW
    return Verdict.COMPLIANT


def fold_records(answers: Sequence[RuleResult], *, failed: bool = False) -> RecordVerdict:
    """The verdict on the folder: any failed or crashed record rule is a problem.

    Args:
        failed: whether the records validator found a fail that belongs to no rule asked.
    """
    records = [answer for answer in answers if answer.kind is Kind.RECORD]
    bad = failed or any(answer.outcome is Outcome.FAIL or answer.crashed for answer in records)
    return RecordVerdict.PROBLEMS if bad else RecordVerdict.COMPLETE


def understood(trace: Trace | None, report: Report | None) -> bool:
    """Whether the report and at least one score it was made from were followed."""
    if trace is None or report is None or report.untraced:
        return False
    return bool(trace.scores_of(report))


def exit_of(results: Sequence[AuditResult]) -> ExitCode:
    """The exit code of a target: the worst of its audits.

    Where all hold nothing to judge, an entry is for a person to ask about, and anything else is no target.
    """
    if results and all(result.verdict is Verdict.NOTHING for result in results):
        entry = any(result.record_verdict is not None for result in results)
        return ExitCode.REVIEW if entry else ExitCode.UNUSABLE
    return worst_exit(exit_code(result) for result in results)


def exit_code(result: AuditResult) -> ExitCode:
    """The exit code of one audit: by its verdict, unless a rule crashed."""
    if result.crashed:
        return ExitCode.CRASHED
    if result.verdict is Verdict.VIOLATION:
        return ExitCode.VIOLATION
    return ExitCode.REVIEW if result.verdict is Verdict.REVIEW else ExitCode.CLEAN
