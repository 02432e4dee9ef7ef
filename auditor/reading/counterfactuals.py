"""Asks what would change if a switch that only the source's default decides stood the other way.

A script whose fine-tuning on validation tokens hides behind a flag that is off in the source, and on in
nobody's sight, must not read as compliant. First the program is evaluated once with every such switch both ways:
what keeps a rule there keeps it whichever way they stand. Only where something breaks it, or the log prints what
only that evaluation does, each switch is turned once and the program evaluated again.

A log is evidence both ways: a line that only the turned program prints says that it ran; a line that the turned
program is sure to print, and the log lacks, says that it did not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from auditor.reading.claim_matching import matches, template_pattern, weight
from auditor.trace.answer import Answer
from auditor.trace.events import Report
from auditor.trace.trace import Switch, Trace

MAX_SWITCHES = 24
"""Switches turned per script; of the real scripts tried the most has 16 that guard updates or scores."""

DEFAULT = "default"


class ExplorationSpent(Exception):
    """The bound on evaluating one program again and again is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """The program with one switch turned.

    Attributes:
        switch: as it stands in the source.
        value: what it was set to.
        trace: what then happens.
        ran: YES if a log shows that this is what ran, NO if a log refutes it, MAYBE if nothing tells.
        shown_by: the log line that settles `ran`, or the label that is missing, or "".
    """

    switch: Switch
    value: str
    trace: Trace
    ran: Answer
    shown_by: str = ""


class Exploration:
    """What a program could have been besides its trace; evaluated when it is asked for."""

    def __init__(
        self,
        trace: Trace,
        evaluate: Callable[[Mapping[str, str]], Trace],
        evaluate_both_ways: Callable[[], Trace],
        *,
        log: Sequence[str] = (),
        known: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Prepare it.

        Args:
            evaluate: the program with settings forced.
            evaluate_both_ways: the program with every switch both ways.
            log: lines of the claimed run's log.
            known: switch → the texts that the program compares it with.
        """
        self._known = known or {}
        self._trace = trace
        self._evaluate = evaluate
        self._evaluate_both_ways = evaluate_both_ways
        self._log = log
        self.skipped: list[str] = []
        """One sentence for each switch that was to be turned and could not be."""

    @cached_property
    def opened(self) -> Trace | None:
        """The program with every switch both ways, or None where that was too much to evaluate."""
        try:
            opened = self._evaluate_both_ways()
        except ExplorationSpent:
            return None
        return opened if opened.complete else None

    @property
    def was_opened(self) -> bool:
        """Whether the program has been evaluated with every switch both ways."""
        return "opened" in self.__dict__

    @property
    def alternatives_so_far(self) -> list[Alternative] | None:
        """The program with one switch turned, for each switch; None if nobody has asked for them yet."""
        return self._alternatives if "_alternatives" in self.__dict__ else None

    @cached_property
    def _alternatives(self) -> list[Alternative]:
        found, self.skipped = explore(self._trace, self._evaluate, log=self._log, known=self._known)
        return found

    def __iter__(self) -> Iterator[Alternative]:
        """The program with one switch turned, for each switch."""
        return iter(self._alternatives)

    def __bool__(self) -> bool:
        """Whether there is a switch to turn."""
        return bool(hidden_switches(self._trace))

    def shown(self) -> Alternative | None:
        """An alternative that the log shows to be what ran."""
        if not self or not self._log:
            return None
        if self.opened is not None and _told_by_log(self._trace, self.opened, self._log)[0] is not Answer.YES:
            return None
        return next((alternative for alternative in self if alternative.ran is Answer.YES), None)


def positions(value: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Values that may turn a switch the other way, the likeliest first.

    A number or a word for yes and no has one opposite; for the name of a mode there are the other names that the
    program knows, and "none of it".
    """
    text = value.strip().lower()
    words = {"true": "False", "false": "True", "yes": "no", "no": "yes", "on": "off", "off": "on", "": "1"}
    if text in words:
        return (words[text],)
    try:
        number = float(text)
    except ValueError:
        others = tuple(name for name in known if name.strip().lower() != text)
        return (*others, *(("1",) if text == "none" else ("", "0", "none")))
    return ("0",) if number > 0 else ("1",)


def hidden_switches(trace: Trace) -> list[Switch]:
    """Switches that guard updates or scores and that nothing but a source default decides, each name once.

    A size (a stride of 64) that is compared with nothing is no switch: to turn it off is another program.
    """
    found: dict[str, Switch] = {}
    for switch in trace.switches:
        if switch.guards and switch.origin == DEFAULT and not _is_size(switch.value):
            found.setdefault(switch.name, switch)
    return list(found.values())


def _is_size(value: str) -> bool:
    try:
        return float(value) > 1
    except ValueError:
        return False


def explore(
    trace: Trace,
    evaluate: Callable[[Mapping[str, str]], Trace],
    *,
    log: Sequence[str] = (),
    known: Mapping[str, Sequence[str]] | None = None,
) -> tuple[list[Alternative], list[str]]:
    """Evaluate the program once per hidden switch with that switch turned.

    Returns:
        the alternatives, and one sentence for each switch that could not be turned.
    """
    switches = hidden_switches(trace)
    skipped = [f"{s.name} was not turned: more than {MAX_SWITCHES} switches" for s in switches[MAX_SWITCHES:]]
    found: list[Alternative] = []
    for switch in switches[:MAX_SWITCHES]:
        try:
            value, other = _turn(switch, evaluate, (known or {}).get(switch.name, ()))
        except ExplorationSpent:
            skipped.append(f"{switch.name} was not turned: the program is too large to evaluate once more")
            continue
        if other is None:
            skipped.append(
                f"{switch.name} = {switch.value!r} decides at {switch.place}, is seen nowhere but in the "
                "source, and no value was found that decides otherwise"
            )
            continue
        ran, shown_by = _told_by_log(trace, other, log)
        found.append(Alternative(switch=switch, value=value, trace=other, ran=ran, shown_by=shown_by))
    return found, skipped


def _turn(
    switch: Switch, evaluate: Callable[[Mapping[str, str]], Trace], known: Sequence[str]
) -> tuple[str, Trace | None]:
    """The first value that makes the branch go the other way, and what then happens.

    A plain opposite needs no proof that it does: where the branch goes on as before, the switch does not
        decide it.
    """
    values = positions(switch.value, known)
    if len(values) == 1:
        return values[0], evaluate({switch.name: values[0]})
    for value in values:
        other = evaluate({switch.name: value})
        same = [s for s in other.switches if s.name == switch.name and s.place == switch.place]
        if not any(s.taken == switch.taken for s in same):
            return value, other
    return "", None


def _told_by_log(base: Trace, other: Trace, log: Sequence[str]) -> tuple[Answer, str]:
    if not log:
        return Answer.MAYBE, ""
    known = {report.template for report in base.reports if report.certain is not Answer.NO}
    base_reports = [report for report in base.reports if report.certain is not Answer.NO]
    new = [
        report
        for report in other.reports
        if report.template not in known and template_pattern(report.template)
    ]
    for report in new:
        for line in log:
            if matches(report, line) and not _better_match(base_reports, report, line):
                return Answer.YES, line.strip()
    if not any(matches(report, line) for report in base_reports for line in log):
        return Answer.MAYBE, ""
    for report in new:
        if report.certain is Answer.YES and not any(matches(report, line) for line in log):
            return Answer.NO, report.label
    return Answer.MAYBE, ""


def _better_match(reports: Sequence[Report], found: Report, line: str) -> bool:
    """Whether the program as it stands prints the line at least as specifically."""
    return any(weight(report) >= weight(found) and matches(report, line) for report in reports)
