"""A review for the terminal: the answer first and last, what to mend and to look at, significance, common code.

What folds away in the comment is left to the commands that show it whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.exit_codes import ExitCode
from auditor.pull_request.review import FolderReview, Review
from auditor.records.findings import RecordFinding, Severity
from auditor.records.grouping import grouped
from auditor.report.clean import clean_line
from auditor.report.console import printed
from auditor.report.folding import WIDTH
from auditor.report.pull_request_comment import MAX_STEPS, conclusion, scope_words
from auditor.report.records_text import claim_sentence
from auditor.report.stats_text import met_words
from auditor.report.view import View, view
from auditor.trace.lines import shown_place
from rules.core.rule import Outcome

if TYPE_CHECKING:
    from rich.text import Text

_STYLE = {ExitCode.CLEAN: "bold green", ExitCode.REVIEW: "bold yellow"}


def render(review: Review, *, colour: bool = False, width: int = WIDTH) -> str:
    """The review in lines of at most `width` characters."""
    return printed(_lines(review), colour=colour, width=width)


def _lines(review: Review) -> Iterator[str | Text]:
    views = [view(audit) for audit in (*(audit for audit, _ in review.audits), *review.unjudged)]
    yield _headline(review)
    yield f"  {review.ref} ({review.head[:12]})"
    yield ""
    yield f"  scope         {scope_words(review)}"
    for shown in views:
        yield f"  script        {shown.result.target.path}"
        yield f"  evaluation    {shown.headline}"
    for folder in review.folders:
        yield f"  claim         {claim_sentence(folder.records)}"
        if folder.significance is not None:
            yield f"  significance  {folder.significance.sentence()}"
    yield from _section("Accepted", [f"  {line}" for line in review.told_accepted()])
    yield from _section("To be mended", _points(review, views, Outcome.FAIL, Severity.FAIL))
    yield from _section("To be looked at", _points(review, views, Outcome.REVIEW, Severity.WARN))
    for folder in review.folders:
        yield from _section("Significance", _significance(folder))
    yield from _section("Code in common with ruled pull requests", _common(review))
    yield from _section("Not read", [f"  {problem}" for problem in review.problems])
    yield ""
    yield "auditor audit and auditor records, with the same --git and --ref, show timeline,"
    yield "code and runs; --format markdown makes the comment."
    yield _headline(review)


def _headline(review: Review) -> Text:
    from rich.text import Text

    return Text(conclusion(review), style=_STYLE.get(review.exit_code(), "bold red"))


def _section(title: str, lines: Sequence[str]) -> Iterator[str | Text]:
    from rich.text import Text

    if lines:
        yield ""
        yield Text(title, style="bold")
        yield from lines


def _points(review: Review, views: Sequence[View], outcome: Outcome, severity: Severity) -> list[str]:
    """Findings of one weight: of the evaluation with their steps, of the scope, of the folders."""
    lines: list[str] = []
    for shown in views:
        lines += _of_evaluation(shown, outcome)
    lines += _of_records(review.scope.findings, severity)
    for folder in review.folders:
        lines += _of_records(folder.records.findings, severity)
    return lines


def _of_evaluation(shown: View, outcome: Outcome) -> Iterator[str]:
    findings, reasons = shown.points(outcome)
    for item in findings:
        finding = item.finding
        other = "" if item.on_claimed else f" (not the claimed number: {clean_line(finding.report or '')})"
        yield f"  {finding.rule}{other}: {finding.message}"
        for number, step in enumerate(finding.steps[:MAX_STEPS] if item.on_claimed else (), 1):
            yield f"    {number}. {step.text} ({shown_place(step.place, shown.home)})"
    yield from (f"  {reason}" for reason in reasons)


def _of_records(findings: Sequence[RecordFinding], severity: Severity) -> Iterator[str]:
    for group in grouped(findings):
        if group.severity is severity:
            where = f" ({group.where})" if group.where != "." else ""
            yield f"  {group.code}{where}: {group.sentence}"


def _significance(folder: FolderReview) -> list[str]:
    if folder.significance is None:
        return []
    comparison = folder.significance.comparison
    told = [f"  {p.policy}: {met_words(p.met)} ({p.because})" for p in comparison.policies]
    return told + [f"  {warning}" for warning in comparison.warnings]


def _common(review: Review) -> list[str]:
    lines = []
    for _, related in review.audits:
        for relative in related.relatives:
            broken = f" ({', '.join(relative.rules)})" if relative.rules else ""
            names = ", ".join(relative.shared[:4])
            more = f" and {len(relative.shared) - 4} more" if len(relative.shared) > 4 else ""
            lines.append(f"  #{relative.pr}, {relative.label}{broken}: {names}{more}. {relative.ruling}")
    return lines
