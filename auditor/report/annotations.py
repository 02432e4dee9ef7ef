"""Findings as workflow commands of GitHub Actions: `::error file=…,line=…::…`, shown at the line in the pull request.

The runner shows ten errors and ten warnings of a step, so the gravest come first and what is left out is said. Text is
escaped as the runner's toolkit does: a line of ours holds one command, and text of a submission can begin none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.judgement.result import AuditResult
from auditor.report.clean import clean_line
from auditor.report.places import finding_places
from auditor.report.view import view
from auditor.trace.events import Place
from rules.core.rule import Finding, Kind, Level, Outcome

MAX_OF_A_LEVEL = 10
"""Annotations of one level that the runner shows of a step."""

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One remark at one place."""

    level: Level
    title: str
    text: str
    place: Place

    def command(self) -> str:
        """The line that the runner reads."""
        properties = (
            f"file={_property(self.place.path)},line={max(self.place.line, 1)},title={_property(self.title)}"
        )
        return f"::{_COMMANDS[self.level]} {properties}::{_data(self.text)}"


def render(
    results: Sequence[AuditResult], notes: Sequence[str] = (), *, about: Sequence[Finding] = ()
) -> str:
    """One command a line, errors first.

    Args:
        about: findings on the pull request as a whole, each with its place.
    """
    found = annotated(results, about)
    lines: list[str] = []
    for level in (Level.ERROR, Level.WARNING):
        own = [note for note in found if note.level is level]
        lines += [note.command() for note in own[:MAX_OF_A_LEVEL]]
        if len(own) > MAX_OF_A_LEVEL:
            lines.append(
                f"::notice::{len(own) - MAX_OF_A_LEVEL} more of level {level.value} are in the summary"
            )
    lines += [f"::notice::{_data(clean_line(note))}" for note in notes]
    return "".join(f"{line}\n" for line in lines)


def annotated(results: Sequence[AuditResult], about: Sequence[Finding] = ()) -> list[Annotation]:
    """What a person must see, each once: of the claimed numbers, of the entries, of the pull request."""
    found = [note for result in results for note in _of_result(result)]
    found += [_of_finding(finding, finding.locations[0]) for finding in about]
    return list(dict.fromkeys(found))


def _of_result(result: AuditResult) -> Iterator[Annotation]:
    script = Place(result.target.path, 0, 1)
    told: set[str] = set()
    for shown in view(result).findings:
        if not shown.on_claimed or (shown.finding.level is Level.NOTE):
            continue
        told.add(shown.finding.rule)
        place = next(iter(finding_places(shown.finding, result)), script)
        yield _of_finding(shown.finding, place)
    for answer in result.rules:  # a rule that objects without a finding of its own
        if answer.outcome in (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN) and answer.rule not in told:
            failed = answer.outcome is Outcome.FAIL
            level = Level.ERROR if failed else Level.WARNING
            if answer.kind is Kind.EVALUATION or failed:
                yield Annotation(
                    level=level, title=answer.rule, text=clean_line(answer.because), place=script
                )


def _of_finding(finding: Finding, place: Place) -> Annotation:
    level = finding.level
    if finding.outcome in (Outcome.REVIEW, Outcome.UNKNOWN):
        level = Level.WARNING
    text = clean_line(finding.message)
    if place.layer:
        text = f"{text} (decoded layer {place.layer}, line {place.line})"
        place = Place(place.path, 0, 1)
    title = f"{finding.rule}: {finding.code}" if finding.code else finding.rule
    return Annotation(level=level, title=title, text=text, place=place)


def _data(text: str) -> str:
    """As `escapeData` of the toolkit (actions/toolkit, packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As `escapeProperty` of the toolkit."""
    return _data(clean_line(text)).replace(":", "%3A").replace(",", "%2C")
