"""A replayed trace as rows: each event of a real run at the positions of its tokens, to scale.

A long run is drawn thin: so many events share a row that all fit, each row in order of its first event.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from auditor.report.clean import clean_line
from auditor.report.picture.loops import TokenEvent
from auditor.report.picture.palette import tint_of
from auditor.report.picture.phases import EVALUATE, TRAIN
from auditor.report.picture.scene import TONES, Arrow, Band, Cell, Column, Ink, Row, Scene, Station
from auditor.report.picture.sentence import in_words
from auditor.report.view_text import short_label
from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, Place, Report, Score, Update
from auditor.trace.region import Region
from auditor.trace.trace import Trace

MAX_FULL_ROWS = 40
"""Rows drawn at full height; of more, all are thin."""

MAX_ROWS = 180
HEIGHT = 360.0
"""Height in pixels of all thin rows together."""

RESOLUTION = 600
"""Places along the axis that are told apart."""

MARKS = 4


def measured(trace: Trace, *, passed: bool, failed: bool, number: str = "") -> Scene | None:
    """The picture of a replayed run; None without a number that was followed to scores.

    Args:
        passed: every condition was proved to hold; only then the sentence says "score first".
        failed: a condition was refuted.
        number: the claimed number in words.
    """
    report = trace.claimed_report
    if report is None or not report.scores:
        return None
    wanted = set(report.scores)
    events: list[TokenEvent] = [
        event
        for event in trace
        if isinstance(event, (Score, Update)) and (event.number in wanted or isinstance(event, Update))
    ]
    events = [event for event in events if any(region.positions for region in event.regions)]
    if not events:
        return None
    events.sort(key=lambda event: event.number)
    total = 1 + max(max(r.positions) for e in events for r in e.regions if r.positions)
    groups = _groups(events)
    state = next((e.state.name for e in events if isinstance(e, Update)), "")
    rows = [_row(group, total, state, events) for group in groups]
    bands = [
        *_training(trace, report),
        Band(kind=EVALUATE, title=_function(events), place=events[0].place, rows=tuple(rows)),
    ]
    arrow = _arrow(events, groups, rows, len(bands) - 1)
    home = posixpath.dirname(trace.root.place.path)
    label = short_label(report.label)
    return Scene(
        sentence=_sentence(events, state, passed=passed, failed=failed),
        words=tuple(in_words(bands, arrow, "", label, report.place, home)),
        axis="positions",
        columns=tuple(
            Column(start=n / MARKS, stop=n / MARKS, label=f"{total * n // MARKS:,}")
            for n in range(1, MARKS + 1)
        ),
        bands=tuple(bands),
        arrow=arrow,
        report=label,
        report_place=report.place,
        number=number or "claimed",
        schematic=False,
        thin=HEIGHT / len(rows) if len(rows) > MAX_FULL_ROWS else 0.0,
    )


def _function(events: Sequence[TokenEvent]) -> str:
    """Where the scores are made."""
    return next((e.function for e in events if isinstance(e, Score) and e.function), "evaluation")


def _groups(events: Sequence[TokenEvent]) -> list[list[TokenEvent]]:
    """Events that share a row: neighbours of one statement where there are more than fit."""
    share = -(-len(events) // MAX_ROWS) if len(events) > MAX_FULL_ROWS else 1
    groups: list[list[TokenEvent]] = []
    for at in range(0, len(events), share):
        kinds: dict[tuple[str, Place], list[TokenEvent]] = {}
        for event in events[at : at + share]:
            kinds.setdefault((type(event).__name__, event.place), []).append(event)
        groups += kinds.values()
    return groups


def _row(group: Sequence[TokenEvent], total: int, state: str, events: Sequence[TokenEvent]) -> Row:
    first = group[0]
    update = first if isinstance(first, Update) else None
    learns = update or next((e for e in events if isinstance(e, Update)), None)
    tint = tint_of(learns.state, learns.how) if learns is not None else "model"
    parts: dict[tuple[bool, int], tuple[set[int], int]] = {}
    for event in group:
        leak = isinstance(event, Score) and any(a.overlap is Answer.YES for a in event.absorbed)
        tone = min(len(event.absorbed), TONES - 1) if isinstance(event, Score) else 2
        places, number = parts.setdefault((leak, tone), (set(), event.number))
        places |= _places(event.regions, total)
    cells = []
    for (leak, tone), (places, number) in parts.items():
        for start, stop in _intervals(places):
            told = f"{update.state.name} learns" if update is not None else "scored"
            told += f" at :{first.place.line}"
            told += f", after {state} had learnt from these tokens" if leak else ""
            cells.append(
                Cell(
                    start=start / RESOLUTION,
                    stop=stop / RESOLUTION,
                    event=number,
                    leak=Answer.YES if leak else Answer.NO,
                    words=told,
                    tone=tone if learns is not None else 2,
                )
            )
    return Row(
        ink=Ink.UPDATE if update is not None else Ink.SCORE,
        cells=tuple(sorted(cells, key=lambda cell: cell.start)),
        place=first.place,
        state=clean_line(update.state.name if update is not None else state),
        tint=tint,
        claimed=update is None,
    )


def _places(regions: Iterable[Region], total: int) -> set[int]:
    return {
        position * RESOLUTION // total for region in regions for position in (region.positions or frozenset())
    }


def _intervals(places: Iterable[int]) -> list[tuple[int, int]]:
    """Half-open runs of neighbouring numbers."""
    found: list[tuple[int, int]] = []
    for place in sorted(places):
        if found and place <= found[-1][1]:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found


def _training(trace: Trace, report: Report) -> list[Band]:
    steps = [c for c in trace.clocks if c.phase == TRAINING_STEP and c.number < report.number]
    if not steps:
        return []
    says = f"{len(steps):,} steps at toy size; none on a validation token"
    return [Band(kind=TRAIN, title=TRAIN, place=steps[-1].place, says=says)]


def _sentence(events: Sequence[TokenEvent], state: str, *, passed: bool, failed: bool) -> str:
    scores = [event for event in events if isinstance(event, Score)]
    leaks = sum(any(a.overlap is Answer.YES for a in score.absorbed) for score in scores)
    if leaks:
        return f"Replayed: {leaks:,} of {len(scores):,} scores were made after {state} had learnt from their tokens."
    if failed:
        return f"Replayed: the recorded order of {len(scores):,} scores shows no offence; an experiment does."
    if not passed:
        return f"Replayed: {len(scores):,} scores, no offence in their order; not every condition is proved."
    if not state:
        return f"Replayed: {len(scores):,} scores, and nothing learns from their tokens."
    return f"Replayed: {len(scores):,} scores, each made before {state} learnt from its tokens."


def _arrow(
    events: Sequence[TokenEvent], groups: Sequence[Sequence[TokenEvent]], rows: Sequence[Row], band: int
) -> Arrow | None:
    """The first score that came from its own tokens, and the last update before it that did."""
    row_of = {event.number: index for index, group in enumerate(groups) for event in group}
    for event in events:
        if not isinstance(event, Score):
            continue
        own = [a.update for a in event.absorbed if a.overlap is Answer.YES and a.update.number in row_of]
        if not own:
            continue
        end_row, update = row_of[event.number], own[-1]
        end = next(n for n, cell in enumerate(rows[end_row].cells) if cell.leak is Answer.YES)
        cell, source = rows[end_row].cells[end], rows[row_of[update.number]]
        start = next(
            (n for n, c in enumerate(source.cells) if c.start < cell.stop and cell.start < c.stop), 0
        )
        return Arrow(
            stations=(
                Station(
                    band=band,
                    row=row_of[update.number],
                    cell=start,
                    says="learnt from",
                    place=update.place,
                ),
                Station(band=band, row=end_row, cell=end, says="scored with that", place=event.place),
            ),
            proved=True,
            rule="",
        )
    return None
