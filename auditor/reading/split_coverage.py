"""How much of the split the claimed number is made of: counted out on one rank, and the first of eight checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from auditor.solver.expressions import Condition, Expr
from auditor.solver.operations import atoms_exchanged, operation, replace_atoms
from auditor.trace.answer import Answer
from auditor.trace.coverage import Coverage, covered
from auditor.trace.events import LoopEnd, Report
from auditor.trace.loop_turns import NoValue, Split
from auditor.trace.multiplicity import times
from auditor.trace.region import Region
from auditor.trace.trace import Trace

ALONE = {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}
"""Settings of a run on one rank: that rank scores what all of them score together."""

SLACK = 0.9
"""Of its part of the split, what the first of several ranks reaches at least: parts are cut at windows or documents."""


def split_coverage(trace: Trace, report: Report, ranks: int, alone: Callable[[], Trace | None]) -> Coverage:
    """Count out the scores of a report.

    Args:
        ranks: of the run that was followed.
        alone: the same run on one rank, or None if it cannot be followed.
    """
    split = Split.drawn()
    found = _reached(trace, report, ranks, alone, split)
    return replace(found, counted=_counted(trace, report, split))


def _reached(
    trace: Trace, report: Report, ranks: int, alone: Callable[[], Trace | None], split: Split
) -> Coverage:
    own = _of(trace, report, split)
    if own.unknown or not own.unscored or ranks <= 1 or report.one_rank:
        return own
    other = alone()
    same = (
        []
        if other is None
        else [r for r in other.reports if (r.place, r.template) == (report.place, report.template)]
    )
    if other is None or not same:
        return Coverage(unknown="its share of a run on several ranks was not followed")
    whole = _of(other, same[-1], split)
    if whole.unknown or whole.unscored or own.share * ranks >= SLACK:
        return whole
    return replace(
        own, share=own.share * ranks, unscored=round((1 - own.share * ranks) * split.tokens), first_tokens=0
    )


def _of(trace: Trace, report: Report, split: Split) -> Coverage:
    scores = trace.scores_of(report)
    checked = {
        number
        for check in trace.self_checks
        if trace.before(check, report) is Answer.YES
        for number in check.scores
    }
    if scores and all(score.number in checked for score in scores):
        return Coverage(checked=True)
    regions = dict.fromkeys(region for score in scores for region in score.regions)
    try:
        return covered([in_turns_taken(region, trace.loop_ends) for region in regions], split)
    except NoValue as why:
        return Coverage(unknown=str(why))


def in_turns_taken(region: Region, ends: Sequence[LoopEnd]) -> Region:
    """The region in the turns that its loops took: every turn before it went on.

    Raises:
        NoValue: a loop is broken off, and where is not known.
    """
    facts = list(region.facts)
    for symbol in sorted(region.iterations, key=lambda symbol: symbol.number):
        for end in ends:
            if end.counter.args[0] != symbol.args[0]:
                continue
            if end.room is None:
                raise NoValue(f"where the loop around it is broken off ({end.what}, {end.place})")
            before = Expr.of(symbol) - 1
            room = replace_atoms(end.room, atoms_exchanged({end.counter: before}))
            facts.append(operation("ite", Condition(">=", before), room, Expr(0)))
    return replace(region, facts=tuple(dict.fromkeys(facts)))


def _counted(trace: Trace, report: Report, split: Split) -> float:
    """How often the bytes of a token are counted for each time that it is scored, where both are known."""
    counts = trace.counts_of(report)
    if any(count.masked for count in counts):
        return 1.0
    scored = times({r for score in trace.scores_of(report) for r in score.regions}, split)
    sizes = times({r for count in counts for r in count.regions}, split)
    return 1.0 if scored is None or sizes is None else max(sizes / scored, 1.0)
