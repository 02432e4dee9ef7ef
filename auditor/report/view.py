"""What a reader is shown of an audit, before any format: the same parts in text, Markdown and HTML.

All text of the submission passes `clean` here, so that no format can forget it.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.judgement.result import AuditResult, Verdict
from auditor.reading.configuration_entry import ConfigurationEntry
from auditor.report.clean import clean, clean_line
from auditor.report.relevance import relevant
from auditor.trace.events import Place, Report, Unresolved
from auditor.trace.lines import Line, Matters, shown_place
from auditor.trace.render import timeline
from rules import by_slug
from rules.core.rule import Finding, Kind, Level, Outcome

FRAME_CONTEXT = 2
"""Source lines shown before and after a marked one."""

MAX_FRAME_CHARACTERS = 140
MAX_FRAMES = 4
MAX_NOT_UNDERSTOOD = 12
MAX_OTHER_FINDINGS = 12

_ORDER = (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN, Outcome.PASS, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A few lines of source around a place: (number, text, marked)."""

    place: Place
    lines: tuple[tuple[int, str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """A finding with its rule's title and the code it points at."""

    finding: Finding
    title: str
    frames: tuple[Frame, ...]
    on_claimed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The parts of a report, ready to be laid out.

    Attributes:
        home: folder whose files are shown by their path inside it.
        headline: the verdict in words, with the rules that decide it.
        claim: one line about the claimed number.
        reasons: what decides the verdict, one sentence each.
        lines: the timeline.
        main_lines: the part of it that the verdict hangs on.
        findings: most severe first, those of the claimed report before the others.
        settings: configuration that the timeline hangs on.
        not_understood: what could not be followed on the way to the claimed number, then elsewhere.
        left_out: how many more of these there are.
    """

    result: AuditResult
    home: str
    headline: str
    claim: str
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]
    main_lines: tuple[Line, ...]
    findings: tuple[ShownFinding, ...]
    settings: tuple[ConfigurationEntry, ...]
    not_understood: tuple[str, ...]
    left_out: int

    def points(self, outcome: Outcome) -> tuple[list[ShownFinding], list[str]]:
        """Findings of the evaluation with one outcome, each once, and the reasons for a review that none of them tells.

        Findings of the records are not among them: they stand with their folder.
        """
        found: dict[tuple[str, str], ShownFinding] = {}
        for item in self.findings:
            if item.finding.outcome is outcome and item.finding.origin != "records":
                found.setdefault((item.finding.rule, item.finding.message), item)
        reasons: list[str] = []
        if outcome is Outcome.REVIEW and self.result.verdict is Verdict.REVIEW:
            rules = {rule for rule, _ in found}
            reasons = [r for r in self.reasons if not set(r.partition(":")[0].split(", ")) <= rules]
        return list(found.values()), reasons


def view(result: AuditResult) -> View:
    """Lay out one result."""
    values = {entry.name: entry.value for entry in result.configuration}
    home = posixpath.dirname(result.trace.root.place.path) if result.trace is not None else ""
    lines = _timeline(result, values, home, None)
    main_lines = _timeline(result, values, home, matters) if (matters := relevant(result)) else lines
    shown, more = _not_understood(result, home)
    return View(
        result=result,
        home=home,
        headline=_headline(result),
        claim=_claim(result, home),
        reasons=_reasons(result, home),
        lines=lines,
        main_lines=main_lines,
        findings=_findings(result, home),
        settings=tuple(_cleaned(entry) for entry in _settings(result)),
        not_understood=shown,
        left_out=more,
    )


def _timeline(
    result: AuditResult, values: Mapping[str, str], home: str, matters: Matters | None
) -> tuple[Line, ...]:
    if result.trace is None:
        return ()
    lines = timeline(result.trace, values=values, home=home, matters=matters)
    return tuple(replace(line, text=clean_line(line.text)) for line in lines)


def _told(text: str, home: str) -> str:
    """A sentence that names files of `home` by their path inside it; "…" stands for printed values."""
    flat = clean_line(text.replace("{}", "…"))
    return flat.replace(f"{home}/", "") if home else flat


def _headline(result: AuditResult) -> str:
    word = result.verdict.value.upper()
    failed = result.slugs(Outcome.FAIL, kind=Kind.EVALUATION)
    if result.verdict is Verdict.VIOLATION:
        return f"{word}: {', '.join(failed)}"
    if result.verdict is Verdict.NOTHING:
        return f"{word} TO JUDGE: {result.doubts[0] if result.doubts else 'no evaluation'}"
    if result.verdict is Verdict.REVIEW:
        kind = Kind.EVALUATION
        undecided = result.slugs(Outcome.REVIEW, kind=kind) + result.slugs(Outcome.UNKNOWN, kind=kind)
        return f"{word}: {', '.join(undecided or result.doubts[:1])}"
    return word


def _claim(result: AuditResult, home: str) -> str:
    claim = result.claim
    report = result.trace.claimed_report if result.trace is not None else None
    if claim.val_bpb is not None:
        number = f"val_bpb {claim.val_bpb:.8g}"
    else:
        number = "no number is claimed" if report is None else "none stated; taken for it is what is"
    parts = [number + (f" ({clean_line(claim.source)})" if claim.source else "")]
    if report is not None:
        printed = f"printed at {shown_place(report.place, home)}"
        parts = [f"{parts[0]} {printed}"] if claim.val_bpb is None else [*parts, printed]
    if claim.how:
        parts.append(clean_line(claim.how))
    return ", ".join(parts)


def _reasons(result: AuditResult, home: str) -> tuple[str, ...]:
    decisive = {
        Verdict.VIOLATION: (Outcome.FAIL,),
        Verdict.REVIEW: (Outcome.REVIEW, Outcome.UNKNOWN),
        Verdict.COMPLIANT: (),
        Verdict.NOTHING: (),
    }[result.verdict]
    told: dict[str, list[str]] = {}
    for answer in result.rules:
        if answer.outcome in decisive and answer.kind is Kind.EVALUATION:
            told.setdefault(_told(answer.because, home), []).append(answer.rule)
    # what several rules say alike is said once
    reasons = [f"{', '.join(rules)}: {because}" for because, rules in told.items()]
    if result.verdict in (Verdict.REVIEW, Verdict.NOTHING):
        reasons += [_told(doubt, home) for doubt in result.doubts]
    return tuple(reasons)


def _findings(result: AuditResult, home: str) -> tuple[ShownFinding, ...]:
    claimed = result.trace.claimed_report if result.trace is not None else None
    shown = [_shown(finding, result, claimed, home) for finding in result.findings]
    shown.sort(key=lambda item: (not item.on_claimed, _ORDER.index(item.finding.outcome)))
    own = [item for item in shown if item.on_claimed]
    return tuple(own + [item for item in shown if not item.on_claimed][:MAX_OTHER_FINDINGS])


def _shown(finding: Finding, result: AuditResult, claimed: Report | None, home: str) -> ShownFinding:
    rule = by_slug(finding.rule)
    # each step has its lines, in the order of the steps; what no step names comes last
    places = list(dict.fromkeys([*(step.place for step in finding.steps), *finding.locations]))
    frames = [
        frame for place in places[:MAX_FRAMES] if (frame := code_frame(place, result.texts)) is not None
    ]
    return ShownFinding(
        finding=replace(
            finding,
            message=_told(finding.message, home),
            report=None if finding.report is None else shown_label(finding.report),
            steps=tuple(replace(step, text=_told(step.text, home)) for step in finding.steps),
        ),
        title=rule.title if rule is not None else finding.rule,
        frames=tuple(frames),
        on_claimed=finding.report is None or claimed is None or finding.report == claimed.label,
    )


def code_frame(place: Place, texts: Mapping[tuple[str, int], Sequence[str]]) -> Frame | None:
    """The lines around a place, long ones cut; None if the text is not at hand."""
    lines = texts.get((place.path, place.layer))
    if lines is None or not 0 < place.line <= len(lines):
        return None
    first = max(place.line - FRAME_CONTEXT, 1)
    last = min(place.line + FRAME_CONTEXT, len(lines))
    shown = []
    for number in range(first, last + 1):
        column = place.column if number == place.line else 0
        shown.append((number, _cut_around(lines[number - 1], column), number == place.line))
    return Frame(place=place, lines=tuple(shown))


def _cut_around(line: str, column: int) -> str:
    """The part of a long (minified) line around a column."""
    if len(line) <= MAX_FRAME_CHARACTERS:
        return clean(line)
    start = max(0, min(column - MAX_FRAME_CHARACTERS // 3, len(line) - MAX_FRAME_CHARACTERS))
    part = clean(line[start : start + MAX_FRAME_CHARACTERS])
    return ("…" if start else "") + part + ("…" if start + MAX_FRAME_CHARACTERS < len(line) else "")


def _settings(result: AuditResult) -> list[ConfigurationEntry]:
    """Settings that decide, or that do not come from the source alone and are read by the timeline."""
    return [entry for entry in result.configuration if entry.decides]


def _cleaned(entry: ConfigurationEntry) -> ConfigurationEntry:
    return replace(
        entry, name=clean_line(entry.name), value=clean_line(entry.value), origin=clean_line(entry.origin)
    )


def _not_understood(result: AuditResult, home: str) -> tuple[tuple[str, ...], int]:
    trace = result.trace
    if trace is None:
        return (), 0
    claimed = trace.claimed_report
    on_the_way = trace.doubts_of(claimed) if claimed is not None else []
    rest = [event for event in trace.unresolved if event.touches_scores]
    texts = list(Counter(_doubt(event, home) for event in [*on_the_way, *rest]))
    return tuple(texts[:MAX_NOT_UNDERSTOOD]), max(len(texts) - MAX_NOT_UNDERSTOOD, 0)


def _doubt(event: Unresolved, home: str) -> str:
    return clean_line(f"{shown_place(event.place, home)}: {event.what}: {event.reason}")


def level_word(level: Level, outcome: Outcome) -> str:
    """The word before a finding: what the reader has to do about it."""
    return outcome.value if outcome is not Outcome.PASS else level.value


def shown_label(label: str) -> str:
    """A report's label with "…" where values stand."""
    return clean_line(label.replace("{}", "…"))
