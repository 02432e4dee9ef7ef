"""A review as one Markdown comment that a maintainer can paste: the answer first, what to mend, then the evidence.

Text of the submission stands in code blocks or is escaped. What only some readers want folds away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.judgement.result import AuditResult, Verdict
from auditor.pull_request.lineage import Lineage
from auditor.pull_request.review import FolderReview, Review
from auditor.records.findings import RecordFinding, Severity
from auditor.records.grouping import FindingGroup, grouped
from auditor.report.markdown import cell, code, escaped, fenced
from auditor.report.records_text import FACTS, claim_sentence, run_facts
from auditor.report.stats_text import met_words
from auditor.report.view import ShownFinding, View, view
from auditor.submission.loaded import NOTHING_CHANGED
from auditor.trace.lines import aligned, shown_place
from rules.core.rule import Outcome

MAX_COMMENT = 65_536
"""Bytes of a whole comment: the characters that GitHub takes, and each of ours is one byte at least."""

MAX_TIMELINE_CHARACTERS = 24_000
MAX_STEPS = 8
MAX_LISTED = 30
"""Findings, runs and settings listed in one place; the JSON has them all."""


def render_markdown(review: Review) -> str:
    """The comment, sections in the order in which a maintainer asks; no longer than a comment may be."""
    return fitted(["\n".join(block) + "\n" for block in _blocks(review) if block])


def fitted(blocks: Sequence[str], limit: int = MAX_COMMENT) -> str:
    """Blocks one after the other in at most `limit` bytes.

    A later block gives way to an earlier one, as a whole, so that no fold or fence stays open; of the first, which is
    plain lists, as many lines stay as fit. A last line says what was left out.
    """
    kept: list[str] = []
    room = limit - 200
    left_out = 0
    for number, block in enumerate(blocks):
        size = len(block.encode("utf-8"))
        if size <= room:
            kept.append(block)
            room -= size
            continue
        left_out += 1
        if number == 0:
            lines = block.split("\n")
            while lines and len("\n".join(lines).encode("utf-8")) > room:
                lines.pop()
            kept.append("\n".join(lines) + "\n")
            room -= len(kept[-1].encode("utf-8"))
    if left_out:
        parts = "1 part" if left_out == 1 else f"{left_out} parts"
        kept.append(
            f"\n{parts} left out or cut: a comment holds {limit:,} characters. `--format json` has everything.\n"
        )
    return "".join(kept)


def _blocks(review: Review) -> Iterator[list[str]]:
    """The comment in parts that can be left out: the answer first, then what folds away."""
    views = [view(audit) for audit in (*(audit for audit, _ in review.audits), *review.unjudged)]
    yield [
        f"## Compliance review of {code(review.ref)} ({review.head[:12]})",
        "",
        f"**{escaped(conclusion(review))}**",
        "",
        *_overview(review, views),
        *_accepted(review),
        *_to_mend(review, views),
    ]
    yield list(_to_look_at(review, views))
    for folder in review.folders:
        yield list(_significance(folder))
    for audit, related in review.audits:
        yield list(_lineage(audit, related))
    yield [line for problem in review.problems for line in (f"Not read: {escaped(problem)}", "")]
    for shown in views:
        yield list(_timeline(shown))
        yield list(_settings(shown))
    for folder in review.folders:
        yield list(_runs(folder))
    yield list(_remarks(review))


def conclusion(review: Review) -> str:
    """The answer in one sentence: evaluation, entry, scope."""
    if review.nothing_changed:
        return f"There is no entry: {NOTHING_CHANGED}."
    verdicts = [audit.verdict for audit, _ in review.audits]
    if not verdicts:
        told = "No script could be judged" if review.unjudged else "There is no entry to judge"
    elif Verdict.VIOLATION in verdicts:
        slugs = {
            slug for audit, _ in review.audits for slug in view(audit).headline.partition(": ")[2].split(", ")
        }
        broken = ", ".join(sorted(slug for slug in slugs if slug))
        told = f"The evaluation breaks the rules ({broken})"
    elif Verdict.REVIEW in verdicts or review.unjudged:
        told = "The evaluation needs a person's judgement"
    elif all(verdict is Verdict.NOTHING for verdict in verdicts):
        told = "No script holds an evaluation to judge; a person must ask for it"
    else:
        told = "The evaluation is compliant"
    parts = [review.scope.findings, *(folder.records.findings for folder in review.folders)]
    failed = sum(group.severity is Severity.FAIL for findings in parts for group in grouped(findings))
    if not failed and not verdicts:
        return f"{told}{'; a person must look at it' if review.unjudged else ''}."
    if not failed:
        return f"{told}; the entry is in order."
    return f"{told}; {'1 thing' if failed == 1 else f'{failed} things'} in the entry must be mended."


def _overview(review: Review, views: Sequence[View]) -> Iterator[str]:
    yield "| what | result |"
    yield "|---|---|"
    yield f"| scope | {cell(scope_words(review))} |"
    for shown in views:
        which = f" of {code(_short(shown.result))}" if len(views) > 1 else ""
        yield f"| evaluation{which} | {cell(shown.headline)} |"
    for folder in review.folders:
        which = f" of {code(_name(folder))}" if len(review.folders) > 1 else ""
        yield f"| claim{which} | {cell(claim_sentence(folder.records))} |"
        if folder.significance is not None:
            yield f"| significance{which} | {cell(folder.significance.sentence())} |"
    yield ""


def _short(audit: AuditResult) -> str:
    return "/".join(audit.target.path.rsplit("/", 2)[-2:])


def _name(folder: FolderReview) -> str:
    return folder.records.facts.folder.path.rsplit("/", 1)[-1]


def scope_words(review: Review) -> str:
    if review.scope.findings:
        return "; ".join(found.message for found in review.scope.findings)
    if len(review.scope.new_folders) == 1:
        return "one new folder, nothing else touched"
    return "no new records folder"


def _accepted(review: Review) -> Iterator[str]:
    told = review.told_accepted()
    if told:
        yield from ("### Accepted", "", *(f"- {escaped(line)}" for line in told), "")


def _to_mend(review: Review, views: Sequence[View]) -> Iterator[str]:
    yield from _section("To be mended", review, views, Outcome.FAIL, Severity.FAIL)


def _to_look_at(review: Review, views: Sequence[View]) -> Iterator[str]:
    yield from _section("To be looked at", review, views, Outcome.REVIEW, Severity.WARN)


def _section(
    title: str, review: Review, views: Sequence[View], outcome: Outcome, severity: Severity
) -> Iterator[str]:
    """One list for all that weighs alike: of the evaluation, of the scope, of the folders."""
    lines = [line for shown in views for line in _of_evaluation(shown, outcome, len(views) > 1)]
    lines += _of_records(review.scope.findings, severity)
    for folder in review.folders:
        lines += _of_records(
            folder.records.findings, severity, _name(folder) if len(review.folders) > 1 else ""
        )
    if lines:
        yield from (f"### {title}", "", *lines, "")


def _of_evaluation(shown: View, outcome: Outcome, several: bool) -> list[str]:
    """Each finding once, with its steps; reasons that no finding tells."""
    which = f" of {code(_short(shown.result))}" if several else ""
    findings, reasons = shown.points(outcome)
    lines = [line for item in findings for line in _evaluation_finding(item, shown, which)]
    return lines + [f"- {escaped(reason)}{which}" for reason in reasons]


def _evaluation_finding(item: ShownFinding, shown: View, which: str) -> Iterator[str]:
    finding = item.finding
    other = "" if item.on_claimed else f" (not the claimed number: {escaped(finding.report or '')})"
    yield f"- {code(finding.rule)}{which}{other}: {escaped(finding.message)}"
    if item.on_claimed:
        for number, step in enumerate(finding.steps[:MAX_STEPS], 1):
            yield f"  {number}. {escaped(step.text)} ({code(shown_place(step.place, shown.home))})"


def _of_records(findings: Sequence[RecordFinding], severity: Severity, folder: str = "") -> list[str]:
    which = f" of {code(folder)}" if folder else ""
    groups = [group for group in grouped(findings) if group.severity is severity]
    lines = [_group(group, which) for group in groups[:MAX_LISTED]]
    if len(groups) > MAX_LISTED:
        lines.append(f"- and {len(groups) - MAX_LISTED} more")
    return lines


def _group(group: FindingGroup, which: str) -> str:
    where = f" ({group.where})" if group.where != "." else ""
    return f"- {code(group.code)}{which}{escaped(where)}: {escaped(group.sentence)}"


def _significance(folder: FolderReview) -> Iterator[str]:
    if folder.significance is None:
        return
    comparison = folder.significance.comparison
    yield "### Significance"
    yield ""
    for policy in comparison.policies:
        yield f"- {escaped(policy.policy)}: **{met_words(policy.met)}** ({escaped(policy.because)})"
    for warning in comparison.warnings:
        yield f"- {escaped(warning)}"
    yield ""


def _lineage(audit: AuditResult, related: Lineage) -> Iterator[str]:
    if not related.relatives and not related.common:
        return
    yield "### Code in common with ruled pull requests"
    yield ""
    yield "The same functions, names and layout aside. That proves nothing by itself: the rulings say where to look."
    yield ""
    for relative in related.relatives:
        names = ", ".join(code(name) for name in relative.shared[:4])
        more = f" and {len(relative.shared) - 4} more" if len(relative.shared) > 4 else ""
        broken = f" ({', '.join(relative.rules)})" if relative.rules else ""
        link = f"[#{relative.pr}]({relative.source})"
        yield f"- {link}, {relative.label}{broken}: {names}{more}. {escaped(relative.ruling)}"
    for name, counts in related.common.items():
        words = ", ".join(f"{count} {label}" for label, count in counts.items())
        yield f"- {code(name)} stands in {sum(counts.values())} ruled pull requests ({words})"
    yield ""


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"<details><summary>{title}</summary>", "", *lines, "", "</details>", "")


def _timeline(shown: View) -> Iterator[str]:
    lines = [text for text, _ in aligned(shown.lines)]
    kept: list[str] = []
    used = 0
    for text in reversed(lines):
        used += len(text) + 1
        if used > MAX_TIMELINE_CHARACTERS:
            kept.append(f"({len(lines) - len(kept)} lines before)")
            break
        kept.append(text)
    if lines:
        title = f"Timeline of {escaped(_short(shown.result))}"
        yield from _folded(title, [fenced("\n".join(reversed(kept)))])


def _settings(shown: View) -> Iterator[str]:
    rows = [f"| {cell(e.name)} | {cell(e.value)} | {cell(e.origin)} |" for e in shown.settings[:MAX_LISTED]]
    if rows:
        yield from _folded("Settings that decide", ["| setting | value | from |", "|---|---|---|", *rows])


def _runs(folder: FolderReview) -> Iterator[str]:
    """The logs side by side, each fact a column."""
    records = folder.records
    told = [(run.path, dict(run_facts(run, records))) for run in records.runs[:MAX_LISTED]]
    columns = [name for name in FACTS if any(name in facts for _, facts in told)]
    if columns:
        rows = [f"| log | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        rows += [
            f"| {cell(path)} | {' | '.join(cell(facts.get(name, '')) for name in columns)} |"
            for path, facts in told
        ]
        yield from _folded(f"Runs of {escaped(_name(folder))}", rows)


def _remarks(review: Review) -> Iterator[str]:
    lines = _of_records(review.scope.findings, Severity.INFO)
    for folder in review.folders:
        lines += _of_records(folder.records.findings, Severity.INFO)
    yield from _folded("Remarks", lines)
