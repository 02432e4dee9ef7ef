"""Ties the claimed number to one report of the trace.

The log lines that reproduce `submission.json` are matched against the reports' templates; where the log does
not settle it, the label does; failing that the last report of the evaluation is taken and marked as assumed.
Finding the claim and its lines in the folder is the business of `auditor.records`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.trace.answer import Answer
from auditor.trace.events import Report
from auditor.trace.trace import Trace

MIN_TEMPLATE_CHARACTERS = 4
"""Constant characters a template needs to identify a line; below that it would match anything."""

MAX_LINE_CHARACTERS = 2000
"""Log lines are cut here before they are matched: metric lines of real logs are below 300 characters."""

REPRODUCES = "reproduces submission.json"
BY_LABEL = "matched by its label"
ASSUMED = "assumed: the last report of the evaluation"
ONLY = "the only report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A report and how it was tied to the claim."""

    report: Report
    how: str


def template_pattern(template: Sequence[str | None]) -> re.Pattern[str] | None:
    """A regular expression for the lines that a template prints, or None if too little of it is constant.

    Values stand for any text, runs of white space for any run; prefixes such as a rank or a timestamp are
    allowed.
    """
    constant = "".join(part for part in template if part is not None)
    if len(re.sub(r"\W", "", constant)) < MIN_TEMPLATE_CHARACTERS:
        return None
    pieces: list[str] = []
    for part in template:
        if part is None:
            if not pieces or pieces[-1] != ".*?":
                pieces.append(".*?")
        else:
            words = re.split(r"(\s+)", part)
            pieces.extend(r"\s*" if not word.strip() else re.escape(word) for word in words if word)
    return re.compile("".join(pieces) + (r"\s*$" if template[-1] is not None else ""))


def matches(report: Report, line: str) -> bool:
    """Whether the report's template could have printed the line."""
    pattern = template_pattern(report.template)
    return pattern is not None and pattern.search(line[:MAX_LINE_CHARACTERS]) is not None


def weight(report: Report) -> int:
    """How much of the template is constant: of several that match, the most specific one printed the line."""
    return sum(len(part.strip()) for part in report.template if part is not None)


def match_claim(
    trace: Trace, *, lines: Sequence[str] = (), label: str | None = None, log: Sequence[str] = ()
) -> Match | None:
    """The report that the submission claims, or None if the trace reports nothing.

    Args:
        lines: log lines that reproduce the claimed number.
        label: label of the metric that reproduces it.
        log: all lines of one such log in order; it tells apart reports that print the same text.
    """
    reports = [report for report in trace.reports if report.certain is not Answer.NO]
    if not reports:
        return None
    for line in lines:
        fitting = [report for report in reports if matches(report, line)]
        if fitting:
            most = max(weight(report) for report in fitting)
            fitting = [report for report in fitting if weight(report) == most]
            return Match(report=_nth(fitting, line, log), how=REPRODUCES)
    if label:
        wanted = _letters(label)
        fitting = [report for report in reports if wanted and wanted in _letters(report.label)]
        if fitting:
            return Match(report=fitting[-1], how=BY_LABEL)
    last = _last_of_evaluation(reports)
    return Match(report=last, how=ONLY if len(reports) == 1 else ASSUMED)


def _nth(fitting: Sequence[Report], line: str, log: Sequence[str]) -> Report:
    """Of reports that print the same text, the one whose turn it is at the claimed line."""
    alike = [entry for entry in log if matches(fitting[-1], entry)]
    if len(alike) == len(fitting) and line in alike:
        return fitting[alike.index(line)]
    return fitting[-1]


def _last_of_evaluation(reports: Sequence[Report]) -> Report:
    """The last report with scores behind it; reports inside a loop give way to one after it.

    What one score gained over another is no score, where there is another report.
    """
    scored = [report for report in reports if report.scores] or list(reports)
    scored = [report for report in scored if not _is_difference(report)] or scored
    final = [report for report in scored if not report.turns]
    return (final or scored)[-1]


def _is_difference(report: Report) -> bool:
    return bool(report.numbers) and all(number.formula.is_difference for number in report.numbers)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())
