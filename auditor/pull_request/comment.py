"""A review as one Markdown comment that a maintainer can paste, or as plain text.

Text of the submission stands in code blocks or is escaped. The long parts fold away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.pull_request.lineage import Relative
from auditor.pull_request.review import FolderReview, Review
from auditor.records.findings import RecordFinding
from auditor.records.text import claim_sentence, summary
from auditor.report.markdown import cell, code, escaped, fenced
from auditor.report.view import view
from auditor.result import AuditResult
from auditor.trace.render import aligned
from rules.base import Outcome


def render_markdown(review: Review) -> str:
    """The comment, sections in the order in which a maintainer asks."""
    return "\n".join(_lines(review)) + "\n"


def _lines(review: Review) -> Iterator[str]:
    yield f"## Compliance review of {code(review.ref)} ({review.head[:12]})"
    yield ""
    yield "| what | result |"
    yield "|---|---|"
    yield f"| scope | {cell(_scope_words(review))} |"
    for audit, _ in review.audits:
        yield f"| evaluation of {code(_short(audit))} | {cell(view(audit).headline)} |"
    for folder in review.folders:
        path = folder.records.facts.folder.path.rsplit("/", 1)[-1]
        yield f"| records {code(path)} | {cell(summary(folder.records.findings))} |"
        yield f"| claim | {cell(claim_sentence(folder.records))} |"
        if folder.significance is not None:
            yield f"| significance | {cell(folder.significance.sentence())} |"
    yield ""
    yield from _findings("Scope", review.scope.findings)
    for audit, related in review.audits:
        yield from _audit(audit, related)
    for folder in review.folders:
        yield from _folder(folder)
    for problem in review.problems:
        yield f"Not read: {escaped(problem)}"
        yield ""


def _short(audit: AuditResult) -> str:
    return "/".join(audit.target.path.rsplit("/", 2)[-2:])


def _scope_words(review: Review) -> str:
    if not review.scope.findings and len(review.scope.new_folders) == 1:
        return "one new folder, nothing else touched"
    if not review.scope.findings:
        return "no new records folder"
    return "; ".join(found.message for found in review.scope.findings)


def _audit(audit: AuditResult, related: Sequence[Relative]) -> Iterator[str]:
    shown = view(audit)
    yield f"### Evaluation: {code(_short(audit))}"
    yield ""
    for reason in shown.reasons:
        yield f"- {escaped(reason)}"
    told: set[str] = set()
    for found in shown.findings:
        if found.finding.outcome in (Outcome.FAIL, Outcome.REVIEW) and found.finding.origin != "records":
            place = str(found.finding.locations[0]) if found.finding.locations else ""
            where = f" ({code(place)})" if place else ""
            word, rule = found.finding.outcome.value, code(found.finding.rule)
            line = f"- **{word}** {rule}{where}: {escaped(found.finding.message)}"
            if line not in told:
                told.add(line)
                yield line
    yield ""
    if shown.lines:
        yield "<details><summary>Timeline of the evaluation</summary>"
        yield ""
        yield fenced("\n".join(text for text, _ in aligned(shown.lines)))
        yield ""
        yield "</details>"
        yield ""
    if related:
        yield "Shares functions with ruled pull requests:"
        yield ""
        for relative in related:
            names = ", ".join(code(name) for name in relative.shared[:4])
            more = f" and {len(relative.shared) - 4} more" if len(relative.shared) > 4 else ""
            broken = f" ({', '.join(relative.rules)})" if relative.rules else ""
            link = f"[#{relative.pr}]({relative.source})"
            yield f"- {link}, {relative.label}{broken}: {names}{more}. {escaped(relative.ruling)}"
        yield ""


def _folder(folder: FolderReview) -> Iterator[str]:
    records = folder.records
    yield from _findings(f"Records: {records.facts.folder.path}", records.findings)
    if folder.significance is None:
        return
    yield "### Significance"
    yield ""
    comparison = folder.significance.comparison
    for policy in comparison.policies:
        met = "cannot be told" if policy.met is None else "met" if policy.met else "not met"
        yield f"- {escaped(policy.policy)}: **{met}** ({escaped(policy.because)})"
    for warning in comparison.warnings:
        yield f"- {escaped(warning)}"
    yield ""


def _findings(title: str, findings: Sequence[RecordFinding]) -> Iterator[str]:
    if not findings:
        return
    yield f"### {escaped(title)}"
    yield ""
    yield "| severity | code | where | what |"
    yield "|---|---|---|---|"
    for found in findings:
        row = (found.severity.value, code(found.code), cell(found.where), cell(found.message))
        yield f"| {' | '.join(row)} |"
    yield ""
