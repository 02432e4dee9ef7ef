"""What the static witness leads one to expect of a run, and where the toy run took another road.

A replay proves something of the road it took. A branch that the toy sizes decide otherwise than the claimed run's,
or an update that the static witness sees and the run never reached, was not replayed.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from auditor.replay.runs.run_record import Frames
from auditor.trace.answer import Answer
from auditor.trace.events import Place, Report, Update
from auditor.trace.trace import Trace

if TYPE_CHECKING:
    from auditor.program.model import Program
    from auditor.reading.counterfactuals import Exploration
    from auditor.static.domain.settings import Setting
    from rules.core.rule import Rule


ORDER_RULES: Final = (
    "train-before-score",
    "rescore-after-update",
    "two-pass-rescore",
    "same-token-adaptation",
    "hindsight-selection",
)
"""Rules about order and causality, which a replay proves or refutes."""

BY_HAND: Final = "a gradient taken by hand"
"""How the static witness calls a gradient that is changed in place, which is no state of its own."""


def expected_places(trace: Trace, report: Report | None) -> list[tuple[str, Place]]:
    """What makes the claimed number in the static witness's eyes: its scores, and updates before it, by place."""
    found = {
        (f"update of {u.state.name or u.state.kind}", u.place): None for u in expected_updates(trace, report)
    }
    if report is not None:
        found |= {("score", score.place): None for score in trace.scores_of(report)}
    return list(found)


SWITCHES: Final = re.compile(r"TTT|NGRAM|PASS|SLOT|CACHE|RESCORE|ADAPT|PPM|MIX|LORA|KNN|HEDGE|ONLINE")
"""Words in the names of switches that put something between the model and the reported number."""

OFF: Final = ("0", "", "False", "false", "off", "no")


def open_switches(
    trace: Trace,
    exploration: Exploration | None,
    reads: Mapping[str, str | None],
    settings: Mapping[str, Setting],
) -> list[str]:
    """What the order may depend on and nobody has seen, one sentence each.

    A script is then replayed with its defaults, which proves nothing of the run that is claimed. Where the static
    witness has an answer it also knows which switch would change it; where it has none, any that is off may.

    Args:
        reads: environment names that the script reads, with constant defaults.
        settings: what the claimed run is known to have had.
    """
    from auditor.judgement.judge import judge
    from rules.core.rule import Evidence, Outcome

    plain = _outcomes(trace)
    found = []
    if Outcome.UNKNOWN.value in plain.values():
        found = [
            f"{name} is seen nowhere but as the source default {default!r}, and the static witness could not tell "
            "what it decides"
            for name, default in reads.items()
            if default in OFF and name not in settings and SWITCHES.search(name)
        ]
    if exploration is None:
        return found
    evidence = Evidence(trace=trace)
    judged = judge(_order_rules(), evidence, exploration, opened=exploration.opened)
    return found + [
        f"{answer.rule}: {answer.because}"
        for answer in judged.answers
        if answer.outcome is Outcome.REVIEW and plain[answer.rule] != Outcome.REVIEW.value
    ]


def verdict_changes(
    trace: Trace, report: Report, program: Program, settings: Mapping[str, Setting], toy: Mapping[str, str]
) -> list[str]:
    """Rules about order that the static witness answers otherwise under the toy environment, one sentence each.

    A script whose order depends on its sizes (as one that looks for a harness does) is not proved by a toy run.
    """
    from auditor.static.domain.settings import Setting
    from auditor.static.predict import trace_program

    merged = {**settings, **{name: Setting(value, "replay") for name, value in toy.items()}}
    other = trace_program(program, merged, forced={}).trace
    same = [r for r in other.reports if r.place == report.place and r.certain is not Answer.NO]
    if not same:
        return [
            f"with the toy sizes the claimed number at {report.place} would not be printed{_because(trace, other)}"
        ]
    claimed = _outcomes(replace(trace, claimed=report.number))
    replayed = _outcomes(replace(other, claimed=same[-1].number))
    return [
        f"the static witness answers {slug} with {claimed[slug]}, and with {replayed[slug]} under the toy "
        f"sizes{_because(trace, other)}"
        for slug in claimed
        if {claimed[slug], replayed[slug]} == {"fail", "pass"}
    ]


def _outcomes(trace: Trace) -> dict[str, str]:
    from auditor.judgement.judge import judge
    from rules.core.rule import Evidence

    judged = judge(_order_rules(), Evidence(trace=trace))
    return {answer.rule: answer.outcome.value for answer in judged.answers}


def _order_rules() -> list[type[Rule]]:
    from rules import ALL

    return [rule for rule in ALL if rule.slug in ORDER_RULES]


def _because(trace: Trace, other: Trace) -> str:
    """The first switch that guards something and is decided otherwise."""
    here = {(switch.name, switch.place): switch for switch in other.switches}
    for switch in trace.switches:
        replayed = here.get((switch.name, switch.place))
        if replayed is None or replayed.taken == switch.taken or replayed.value == switch.value:
            continue
        if switch.guards or replayed.guards:
            return f": {switch.name} is {switch.value} in the claimed run and {replayed.value} here ({switch.place})"
    return ""


def expected_updates(trace: Trace, report: Report | None) -> list[Update]:
    """Updates from validation tokens before the claimed report, one a place, undecided ones included."""
    found: dict[Place, Update] = {}
    for update in trace.updates:
        of_validation = any(region.source == "val" for region in update.regions)
        before = report is None or update.number < report.number
        if of_validation and before and update.certain is not Answer.NO and update.by != BY_HAND:
            found.setdefault(update.place, update)
    return list(found.values())


def reached(places: Iterable[Frames], names: Mapping[int, tuple[str, int]]) -> set[tuple[str, int, int]]:
    """Every (path, layer, line) at which something happened, callers included."""
    return {(*names[frame.file], frame.line) for frames in places for frame in frames if frame.file in names}


def is_reached(place: Place, lines: set[tuple[str, int, int]], texts: Mapping[tuple[str, int], str]) -> bool:
    """Whether something happened in the statement that a place stands in."""
    first, last = statement_lines(texts.get((place.path, place.layer), ""), place.line)
    return any((place.path, place.layer, line) in lines for line in range(first, last + 1))


@functools.lru_cache(maxsize=4)
def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def statement_lines(text: str, line: int) -> tuple[int, int]:
    """First and last line of the simple statement around a line; the line itself if none is found."""
    tree = _tree(text)
    if tree is None:
        return line, line
    best = (line, line)
    size = 10**9
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.end_lineno is not None:
            if node.lineno <= line <= node.end_lineno and node.end_lineno - node.lineno < size:
                best, size = (node.lineno, node.end_lineno), node.end_lineno - node.lineno
    return best
