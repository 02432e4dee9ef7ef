"""The audit as Markdown, for a comment under a pull request.

Text of the submission stands in code blocks or is escaped: it can neither break out of the table nor add
    links,
images or mentions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from auditor.judgement.result import AuditResult
from auditor.report.clean import clean, clean_line
from auditor.report.view import Frame, ShownFinding, View, level_word, shown_label, view
from auditor.trace.lines import aligned, shown_place


def render(results: Sequence[AuditResult], notes: Sequence[str] = ()) -> str:
    """One section a submission."""
    parts = [part for result in results for part in sections(result)]
    parts += [f"Note: {escaped(note)}" for note in notes]
    return "\n\n".join(parts) + "\n"


def sections(result: AuditResult) -> Iterator[str]:
    """The blocks of one submission, without a trailing newline each."""
    shown = view(result)
    target = result.target
    where = f" at `{target.ref}` ({target.head[:12]})" if target.head else ""
    yield f"## {escaped(shown.headline)}"
    yield f"{code(target.path)}{where}"
    facts = [f"- claim: {escaped(shown.claim)}", f"- policy: {result.policy.value}, track: {result.track}"]
    if result.record_verdict is not None:
        facts.append(f"- record: {result.record_verdict.value}")
    if result.layers:
        facts.append(f"- packed: {', '.join(code(layer) for layer in result.layers)}")
    facts += [f"- because {escaped(reason)}" for reason in shown.reasons]
    facts += [f"- note: {escaped(note)}" for note in result.notes]
    yield "\n".join(facts)
    if shown.lines:
        yield "### Timeline"
        yield fenced("\n".join(text for text, _ in aligned(shown.lines)))
    if shown.findings:
        yield "### Findings"
        for finding in shown.findings:
            yield from _finding(finding, shown.home)
    yield from _tables(shown)
    if shown.not_understood:
        more = [f"- and {shown.left_out} more"] if shown.left_out else []
        yield "### Not understood"
        yield "\n".join([f"- {escaped(doubt)}" for doubt in shown.not_understood] + more)


def _finding(shown: ShownFinding, home: str) -> Iterator[str]:
    finding = shown.finding
    other = "" if shown.on_claimed else f" (not the claimed number: {escaped(finding.report or '')})"
    word = level_word(finding.level, finding.outcome)
    yield f"**{word}** `{finding.rule}`{other}: {escaped(finding.message)}"
    if finding.steps:
        yield "\n".join(
            f"{number}. {escaped(step.text)} ({escaped(shown_place(step.place, home))})"
            for number, step in enumerate(finding.steps, 1)
        )
    for frame in shown.frames:
        yield fenced(_frame(frame, home))


def _frame(frame: Frame, home: str) -> str:
    rows = [f"{'>' if marked else ' '}{number:>6} | {text}".rstrip() for number, text, marked in frame.lines]
    return "\n".join([shown_place(frame.place, home), *rows])


def _tables(shown: View) -> Iterator[str]:
    result = shown.result
    if len(result.reports) > 1:
        yield "### Reported numbers, each judged by itself"
        rows = ["| number | where | verdict | breaks |", "|---|---|---|---|"]
        rows += [
            f"| {cell(shown_label(report.label))}{' (claimed)' if report.claimed else ''} "
            f"| {cell(shown_place(report.place, shown.home))} "
            f"| {report.verdict.value} | {', '.join(report.failed)} |"
            for report in result.reports
        ]
        yield "\n".join(rows)
    yield "### Rules"
    rows = ["| rule | outcome | because |", "|---|---|---|"]
    rows += [
        f"| `{a.rule}` | {'crashed' if a.crashed else a.outcome.value.replace('_', ' ')} "
        f"| {cell(a.because)} |"
        for a in result.rules
    ]
    yield "\n".join(rows)
    if shown.settings:
        yield "### Settings that decide"
        rows = ["| setting | value | from |", "|---|---|---|"]
        rows += [f"| {cell(e.name)} | {cell(e.value)} | {cell(e.origin)} |" for e in shown.settings]
        yield "\n".join(rows)


def escaped(text: str) -> str:
    """Text of the submission as plain Markdown text: no markup, mention, issue link or HTML comes alive."""
    plain = re.sub(r"([\\`*_{}\[\]<>|~])", r"\\\1", clean_line(text))
    plain = re.sub(r"^(\s*)([-+#>])", r"\1\\\2", plain)
    plain = re.sub(r"^(\s*\d+)([.)])(?=\s|$)", r"\1\\\2", plain)
    return re.sub(r"([@#])(?=\w)", "\\1\u2060", plain.replace("://", ":\u2060//"))


def cell(text: str) -> str:
    """As `escaped`, for one cell of a table."""
    return escaped(text) or " "


def code(text: str) -> str:
    """Inline code that its content cannot close."""
    flat = clean_line(text)
    runs = [len(run) for run in re.findall(r"`+", flat)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if runs else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fenced(text: str) -> str:
    """A code block that its content cannot close."""
    text = clean(text)
    runs = [len(run) for run in re.findall(r"`{3,}", text)]
    fence = "`" * (max(runs, default=2) + 1)
    return f"{fence}text\n{text}\n{fence}"
