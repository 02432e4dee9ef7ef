"""The audit as terminal text, 80 characters wide: the verdict first and last, and between them what it hangs on.

Colour only repeats what a word or a sign says already; without it (`NO_COLOR`, a pipe, a file) the same characters are
written. `verbose` adds the rest: every event, number, rule and setting.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.judgement.result import AuditResult, Verdict
from auditor.report.clean import clean_line
from auditor.report.console import printed
from auditor.report.folding import WIDTH, cut, folded, wrapped
from auditor.report.view import ShownFinding, level_word, shown_label, view
from auditor.trace.events import Place
from auditor.trace.lines import Mark, shown_place
from rules.core.rule import Finding, Kind, Level, Outcome

if TYPE_CHECKING:
    from rich.text import Text

_VARYING = re.compile(r"\d[\d,.]*")

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
    results: Sequence[AuditResult],
    notes: Sequence[str] = (),
    *,
    colour: bool = False,
    brief: bool = False,
    verbose: bool = False,
    width: int = WIDTH,
) -> str:
    """The whole report.

    Args:
        colour: with ANSI styles.
        brief: one line a submission.
        verbose: everything, and not only what the verdict hangs on.
        width: of a line, in characters.
    """
    return printed(_report(results, notes, brief=brief, verbose=verbose, width=width), colour=colour)


def _report(
    results: Sequence[AuditResult], notes: Sequence[str], *, brief: bool, verbose: bool, width: int
) -> Iterator[str | Text]:
    for index, result in enumerate(results):
        if brief:
            yield f"{clean_line(result.target.path)}: {view(result).headline}"
            continue
        if index:
            yield ""
        yield from _Page(result, verbose=verbose, width=width).lines()
    if len(results) > 1 and not brief:
        yield ""
        for result in results:
            yield from wrapped(
                f"{clean_line(result.target.path)}: {view(result).headline}", width, after="  "
            )
    for note in notes:
        yield from wrapped(f"note: {clean_line(note)}", width, after="  ")


class _Page:
    """One submission."""

    def __init__(self, result: AuditResult, *, verbose: bool, width: int) -> None:
        self.result = result
        self.shown = view(result)
        self.verbose = verbose
        self.width = width
        self.left_out: list[str] = []
        self.framed: set[Place] = set()

    def lines(self) -> Iterator[Text]:
        """The page from above."""
        yield from self._headline()
        yield from self._head()
        yield from self._timeline()
        yield from self._findings()
        yield from self._reports()
        yield from self._rules()
        yield from self._settings()
        yield from self._not_understood()
        yield from self._line("")
        if self.left_out:
            yield from self._line(f"Left out: {', '.join(self.left_out)}; --verbose shows them.", style="dim")
        yield from self._headline()

    def _headline(self) -> Iterator[Text]:
        yield from self._line(self.shown.headline, after="  ", style=_VERDICT_STYLE[self.result.verdict])

    def _line(self, text: str, *, first: str = "", after: str = "", style: str = "") -> Iterator[Text]:
        from rich.text import Text

        for part in wrapped(text, self.width, first=first, after=after):
            yield Text(part, style=style)

    def _head(self) -> Iterator[Text]:
        result, target = self.result, self.result.target
        where = f"{target.path} at {target.ref} ({target.head[:12]})" if target.head else target.path
        details = [f"policy {result.policy.value}", f"track {result.track}"]
        if result.layers:
            details.append("packed: " + ", ".join(clean_line(layer) for layer in result.layers))
        if result.language != "torch":
            details.append(f"language {result.language}")
        if result.record_verdict is not None:
            problems = [a.rule for a in result.rules if a.kind is Kind.RECORD and a.outcome is Outcome.FAIL]
            told = f": {', '.join(problems)}" if problems else ""
            details.append(f"record {result.record_verdict.value}{told}")
        rows = [("script", clean_line(where)), ("claim", self.shown.claim), ("judged", "; ".join(details))]
        rows += [("because", reason) for reason in self.shown.reasons]
        rows += [("note", clean_line(note)) for note in result.notes]
        for name, text in rows:
            yield from self._line(text, first=f"  {name:<8}  ", after=" " * 12)

    def _section(self, title: str) -> Iterator[Text]:
        from rich.text import Text

        yield Text("")
        yield Text(title, style="bold")

    def _timeline(self) -> Iterator[Text]:
        from rich.text import Text

        lines = self.shown.lines if self.verbose else self.shown.main_lines
        if not self.shown.lines:
            return
        hidden = len(self.shown.lines) - len(lines)
        if hidden:
            self.left_out.append(f"{hidden} lines of the timeline")
        yield from self._section("Timeline")
        for text, line in folded(lines, self.width - 2):
            shown = Text("  " + text, style=_MARK_STYLE[line.mark])
            if line.place and text.endswith(line.place):
                shown.stylize("cyan", len(shown) - len(line.place), len(shown))
            yield shown

    def _findings(self) -> Iterator[Text]:
        findings = self.shown.findings
        if not self.verbose:
            notes = [item for item in findings if item.on_claimed and item.finding.level is Level.NOTE]
            findings = tuple(item for item in findings if item.on_claimed and item not in notes)
            others = len(self.shown.findings) - len(findings) - len(notes)
            for count, one, more in (
                (others, "finding on another number", "findings on other numbers"),
                (len(notes), "note", "notes"),
            ):
                if count:
                    self.left_out.append(f"{count} {one if count == 1 else more}")
        if not findings:
            return
        yield from self._section("Findings")
        told: dict[tuple[str, Outcome], int] = {}
        alike = Counter(_shape(item.finding) for item in findings)
        for item in findings:
            key = (item.finding.rule, item.finding.outcome)
            told[key] = told.get(key, 0) + 1
            others = 0 if self.verbose else alike.pop(_shape(item.finding), 0) - 1
            if others >= 0:
                yield from self._finding(item, whole=self.verbose or told[key] == 1, more=others)

    def _finding(self, item: ShownFinding, *, whole: bool, more: int) -> Iterator[Text]:
        from rich.text import Text

        finding, home = item.finding, self.shown.home
        line = Text("  ")
        line.append(level_word(finding.level, finding.outcome), style=_LEVEL_STYLE[finding.level])
        line.append(f"  {finding.rule}", style="bold")
        if not item.on_claimed:
            line.append(f"  (not the claimed number: {cut(clean_line(finding.report or ''), 40)})")
        yield line
        if f"{finding.rule}: {finding.message}" not in self.shown.reasons:  # what is told above is told once
            like = f"; and {more} more like it" if more else ""
            yield from self._line(finding.message + like, first="    ", after="    ")
        if finding.where not in ("", ".") and not finding.locations:
            yield from self._line(f"in {clean_line(finding.where)}", first="    ", after="      ")
        if not whole:
            return
        for number, step in enumerate(finding.steps, 1):
            place = shown_place(step.place, home)
            told = step.text if place in step.text else f"{step.text} ({place})"
            yield from self._line(told, first=f"    {number}. ", after="       ")
        for frame in item.frames:
            if frame.place in self.framed and not self.verbose:
                continue
            self.framed.add(frame.place)
            yield Text(f"      {shown_place(frame.place, home)}", style="cyan")
            for number, text, marked in frame.lines:
                sign = ">" if marked else " "
                row = cut(f"      {sign}{number:>6} | {text}".rstrip(), self.width)
                yield Text(row, style="" if marked else "dim")

    def _reports(self) -> Iterator[Text]:
        from rich.text import Text

        reports = self.result.reports
        if len(reports) < 2:
            return
        yield from self._section("Reported numbers, each judged by itself")
        for report in reports:
            claimed = "  ◀ claimed" if report.claimed else ""
            place = shown_place(report.place, self.shown.home)
            room = self.width - 13 - len(place) - len(claimed) - 2
            line = Text("  ")
            line.append(f"{report.verdict.value:<11}", style=_VERDICT_STYLE[report.verdict])
            line.append(f"{cut(clean_line(shown_label(report.label)), max(room, 16))}  {place}{claimed}")
            yield line
            if report.failed and self.verbose:
                yield from self._line(f"breaks {', '.join(report.failed)}", first=" " * 13, after=" " * 13)

    def _rules(self) -> Iterator[Text]:
        """All with their reasons, or those of each outcome by name: what decides is told above."""
        from rich.text import Text

        yield from self._section("Rules")
        outcomes: dict[str, list[str]] = {}
        for answer in self.result.rules:
            word = "CRASHED" if answer.crashed else answer.outcome.value.replace("_", " ")
            outcomes.setdefault(word, []).append(answer.rule)
            if not self.verbose or answer.outcome is Outcome.NOT_APPLICABLE:
                continue
            style = "bold red" if answer.crashed else _OUTCOME_STYLE[answer.outcome]
            because = wrapped(
                clean_line(answer.because), self.width, first=f"  {word:<9} {answer.rule}: ", after=" " * 12
            )
            for number, part in enumerate(because):
                row = Text(part)
                if number == 0:
                    row.stylize(style, 2, 2 + len(word))
                yield row
        for word, names in outcomes.items():
            if not self.verbose or word == "not applicable":
                style = "dim" if word == "not applicable" else ""
                yield from self._line(f"{word}: {', '.join(names)}", first="  ", after="    ", style=style)
        if not self.verbose and "pass" in outcomes:
            self.left_out.append("the reasons of rules that pass")

    def _settings(self) -> Iterator[Text]:
        settings = self.shown.settings
        if not settings:
            return
        if not self.verbose:
            self.left_out.append(
                "1 setting" if len(settings) == 1 else f"{len(settings)} settings that decide"
            )
            return
        yield from self._section("Settings that decide")
        for entry in settings:
            home = self.shown.home
            where = shown_place(Place(entry.path, 0, entry.line), home) if entry.line else entry.path
            origin = f"from {entry.origin}" + (f" ({where})" if where else "")
            yield from self._line(
                f"{entry.name} = {entry.value or repr('')}   {origin}", first="  ", after="      "
            )

    def _not_understood(self) -> Iterator[Text]:
        if not self.shown.not_understood:
            return
        yield from self._section("Not understood")
        for doubt in self.shown.not_understood:
            yield from self._line(doubt, first="  ", after="    ")
        if self.shown.left_out:
            yield from self._line(
                f"and {self.shown.left_out} more (all of them in --format json)", first="  "
            )


def _shape(finding: Finding) -> tuple[str, ...]:
    """Findings on the entry that differ in numbers alone have one shape; any other its own."""
    if finding.origin != "records":
        return (finding.rule, finding.message, *(str(place) for place in finding.locations))
    return (finding.rule, finding.code, _VARYING.sub("0", finding.message))
