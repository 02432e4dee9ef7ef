"""The audit as terminal text, laid out by rich.

Colour only repeats what a word or a sign says already; without it (`NO_COLOR`, a pipe, a file) the same
characters are written. Lines of the timeline and of code are never wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.judgement.result import AuditResult, Verdict
from auditor.report.clean import clean_line
from auditor.report.console import printed
from auditor.report.view import Frame, ShownFinding, View, level_word, shown_label, view
from auditor.trace.events import Place
from auditor.trace.render import Line, Mark, aligned, shown_place
from rules.core.rule import Kind, Level, Outcome

if TYPE_CHECKING:
    from rich.text import Text

_VERDICT_STYLE = {
    Verdict.COMPLIANT: "bold green",
    Verdict.VIOLATION: "bold red",
    Verdict.REVIEW: "bold yellow",
    Verdict.NOTHING: "bold",
}
_LEVEL_STYLE = {Level.ERROR: "bold red", Level.WARNING: "bold yellow", Level.NOTE: "bold cyan"}
_MARK_STYLE = {
    Mark.NONE: "",
    Mark.HIT: "red",
    Mark.DOUBT: "yellow",
    Mark.DEAD: "dim",
    Mark.CLAIMED: "bold",
}
_OUTCOME_STYLE = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.REVIEW: "yellow",
    Outcome.UNKNOWN: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
}


def render(
    results: Sequence[AuditResult], notes: Sequence[str] = (), *, colour: bool = False, brief: bool = False
) -> str:
    """The whole report; with `colour` with ANSI styles, with `brief` one line a submission."""
    return printed(_report(results, notes, brief=brief), colour=colour)


def _report(results: Sequence[AuditResult], notes: Sequence[str], *, brief: bool) -> Iterator[str | Text]:
    for index, result in enumerate(results):
        if brief:
            yield f"{clean_line(result.target.path)}: {view(result).headline}"
            continue
        if index:
            yield ""
        yield from _lines(view(result))
    for note in notes:
        yield f"note: {clean_line(note)}"


def _lines(shown: View) -> Iterator[Text]:
    from rich.text import Text

    result = shown.result
    yield Text(shown.headline, style=_VERDICT_STYLE[result.verdict])
    yield from _head(shown)
    if shown.lines:
        yield from _section("Timeline")
        for text, line in aligned(shown.lines):
            yield _timeline_line(text, line)
    if shown.findings:
        yield from _section("Findings")
        for finding in shown.findings:
            yield from _finding(finding, shown.home)
    yield from _reports(shown)
    yield from _section("Rules")
    for answer in result.rules:
        if answer.outcome is Outcome.NOT_APPLICABLE:
            continue
        word = "CRASHED" if answer.crashed else answer.outcome.value.replace("_", " ")
        style = "bold red" if answer.crashed else _OUTCOME_STYLE[answer.outcome]
        yield Text.assemble("  ", (f"{word:<15}", style), f"{answer.rule:<24} {_short(answer.because)}")
    if silent := result.slugs(Outcome.NOT_APPLICABLE):
        yield Text(f"  not applicable: {', '.join(silent)}", style="dim")
    if shown.settings:
        yield from _section("Settings that decide")
        for entry in shown.settings:
            where = shown_place(Place(entry.path, 0, entry.line), shown.home) if entry.line else entry.path
            origin = f"from {entry.origin}" + (f" ({where})" if where else "")
            yield Text(f"  {entry.name} = {entry.value or repr('')}   {origin}")
    if shown.not_understood:
        yield from _section("Not understood")
        for doubt in shown.not_understood:
            yield Text(f"  {doubt}")
        if shown.left_out:
            yield Text(f"  and {shown.left_out} more (all of them in --format json)")


def _head(shown: View) -> Iterator[Text]:
    from rich.text import Text

    result = shown.result
    target = result.target
    where = f"{target.path} at {target.ref} ({target.head[:12]})" if target.head else target.path
    yield Text(f"  script    {clean_line(where)}")
    yield Text(f"  claim     {shown.claim}")
    details = [f"policy {result.policy.value}", f"track {result.track}"]
    if result.layers:
        details.append("packed: " + ", ".join(clean_line(layer) for layer in result.layers))
    if result.language != "torch":
        details.append(f"language {result.language}")
    if result.record_verdict is not None:
        problems = [a.rule for a in result.rules if a.kind is Kind.RECORD and a.outcome is Outcome.FAIL]
        details.append(
            f"record {result.record_verdict.value}" + (f": {', '.join(problems)}" if problems else "")
        )
    yield Text(f"  judged    {'; '.join(details)}")
    for reason in shown.reasons:
        yield Text(f"  because   {reason}")
    for note in result.notes:
        yield Text(f"  note      {clean_line(note)}")


def _section(title: str) -> Iterator[Text]:
    from rich.text import Text

    yield Text("")
    yield Text(title, style="bold")


def _timeline_line(text: str, line: Line) -> Text:
    from rich.text import Text

    shown = Text("  " + text, style=_MARK_STYLE[line.mark])
    if line.place:
        shown.stylize("cyan", len(shown) - len(line.place), len(shown))
    return shown


def _finding(shown: ShownFinding, home: str) -> Iterator[Text]:
    from rich.text import Text

    finding = shown.finding
    line = Text("  ")
    line.append(level_word(finding.level, finding.outcome), style=_LEVEL_STYLE[finding.level])
    line.append(f"  {finding.rule}", style="bold")
    if not shown.on_claimed:
        line.append(f"  (not the claimed number: {_short(finding.report or '')})")
    yield line
    yield Text(f"    {finding.message}")
    if finding.where not in ("", ".") and not finding.locations:
        yield Text(f"    in {clean_line(finding.where)}")
    for number, step in enumerate(finding.steps, 1):
        yield Text(f"    {number}. {step.text}   {shown_place(step.place, home)}")
    for frame in shown.frames:
        yield from _frame(frame, home)


def _frame(frame: Frame, home: str) -> Iterator[Text]:
    from rich.text import Text

    yield Text(f"      {shown_place(frame.place, home)}", style="cyan")
    for number, text, marked in frame.lines:
        sign = ">" if marked else " "
        yield Text(f"      {sign}{number:>6} | {text}".rstrip(), style="" if marked else "dim")


def _reports(shown: View) -> Iterator[Text]:
    from rich.text import Text

    reports = shown.result.reports
    if len(reports) < 2:
        return
    yield from _section("Reported numbers, each judged by itself")
    for report in reports:
        line = Text("  ")
        line.append(f"{report.verdict.value:<11}", style=_VERDICT_STYLE[report.verdict])
        failed = f"   {', '.join(report.failed)}" if report.failed else ""
        claimed = "   ◀ claimed" if report.claimed else ""
        line.append(
            f"{_short(shown_label(report.label))}   {shown_place(report.place, shown.home)}{failed}{claimed}"
        )
        yield line


def _short(text: str) -> str:
    flat = clean_line(text)
    return flat if len(flat) <= 120 else flat[:119] + "…"
