"""A result becomes a picture: which events are shown, on which axis, and which pair the arrow joins."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from auditor.judgement.result import AuditResult
from auditor.report.clean import clean_line
from auditor.report.picture.blame import Blame, Charge
from auditor.report.picture.loops import CALIBRATION, Key, TokenEvent
from auditor.report.picture.phases import TRAIN, phases
from auditor.report.picture.scene import Arrow, Band, Cell, Column, Ink, Row, Scene, Station
from auditor.report.picture.sentence import in_words, sentence
from auditor.report.picture.symbolic import Draft, Drafter, loop_name
from auditor.report.view_text import short_label
from auditor.trace.answer import Answer
from auditor.trace.events import Place, Report, Score, Update
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from rules.core.rule import Outcome

TAIL = 0.7
"""Room behind the last column for the turns that are not shown, in columns."""

GROUP_GAP = 0.25


def picture_of(result: AuditResult) -> Scene | None:
    """The picture of a result; None without a number that was followed to scores."""
    trace = result.trace
    report = trace.claimed_report if trace is not None else None
    if trace is None or report is None or not report.scores:
        return None
    home = posixpath.dirname(trace.root.place.path)
    blame = Blame(result, report)
    shown = _shown(trace, report, blame.charges)
    drafter = Drafter(trace, shown, blame, home)
    settings = {entry.name: entry.value for entry in result.configuration}
    parts = phases(trace, frozenset(event.number for event in shown), settings)
    numbers = {event.number: event for event in shown}
    drafts: list[list[Draft]] = []
    for phase in parts:
        own = [numbers[e.number] for e in phase.events if e.number in numbers]
        drafts.append(drafter.drafts(own))
    every = [draft for some in drafts for draft in some]
    keys = drafter.columns(every)
    names = [loop_name(n) for n in _axis_loops(drafter, shown, frozenset(report.scores))]
    columns = _columns(keys, names)
    rows = drafter.finished(every, keys, [(c.start, c.stop) for c in columns])
    learns = _outcome(result, "val-in-training") in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    bands, at = [], 0
    for phase, some in zip(parts, drafts, strict=True):
        own_rows = tuple(rows[at : at + len(some)])
        at += len(some)
        says = phase.says
        if phase.kind == TRAIN and learns:
            says += "; no validation token is learnt from"
        bands.append(
            Band(kind=phase.kind, title=clean_line(phase.title), place=phase.place, says=says, rows=own_rows)
        )
    arrow = _arrow(bands, every, blame, frozenset(report.scores))
    axis = " → ".join(names)
    label = short_label(report.label)
    claim = result.claim.val_bpb
    return Scene(
        sentence=sentence(result, rows, arrow, blame.charges),
        words=tuple(in_words(bands, arrow, axis, label, report.place, home)),
        axis=axis,
        columns=tuple(columns),
        bands=tuple(bands),
        arrow=arrow,
        report=label,
        report_place=report.place,
        number=f"{claim:.4f} claimed" if claim is not None else "claimed",
        also=blame.also,
    )


def _outcome(result: AuditResult, slug: str) -> Outcome | None:
    return next((answer.outcome for answer in result.rules if answer.rule == slug), None)


def _shown(trace: Trace, report: Report, charges: Sequence[Charge]) -> list[TokenEvent]:
    """The scores of the claimed number, the updates that were in them, and the first scores that a finding names."""
    scores = [score for score in trace.scores_of(report) if score.certain is not Answer.NO]
    updates = {a.update.number: a.update for score in scores for a in score.absorbed}
    sites = {(update.place, update.state.name) for update in updates.values()}
    end = max((score.number for score in scores), default=0)
    start = min((score.number for score in scores), default=0)
    for update in trace.updates:
        # the last turn's update is in no score any more, and belongs to its statement all the same
        if (update.place, update.state.name) in sites and update.certain is not Answer.NO:
            if update.number < end or any(turn.entry in _entries(scores) for turn in update.turns):
                updates[update.number] = update
    earlier = {charge.earlier for charge in charges if charge.earlier is not None}
    firsts = [
        score
        for score in trace.scores
        if score.place in earlier and start > score.number and score.number not in report.scores
    ]
    shown: list[TokenEvent] = [*scores, *firsts, *(u for u in updates.values() if _on_validation(u))]
    return sorted(shown, key=lambda event: event.number)


def _entries(scores: Sequence[Score]) -> set[int]:
    return {turn.entry for score in scores for turn in score.turns}


def _on_validation(update: Update) -> bool:
    return any(region.source == "val" for region in update.regions)


def _axis_loops(drafter: Drafter, shown: Sequence[TokenEvent], claimed: frozenset[int]) -> list[Node]:
    own = [event for event in shown if event.number in claimed]
    loops = max((drafter.loops.column_loops(event) for event in own), key=len, default=[])
    return list(loops[: drafter.depth])


def _columns(keys: Sequence[Key], names: Sequence[str]) -> list[Column]:
    """Columns of one width; a gap stands where an outer loop takes its next turn."""
    places, x = [], 0.0
    for index, key in enumerate(keys):
        if index and len(key) > 1 and keys[index - 1][:-1] != key[:-1]:
            x += GROUP_GAP
        places.append(x)
        x += 1.0
    whole = x + TAIL
    columns = []
    for index, (key, at) in enumerate(zip(keys, places, strict=True)):
        starts = not index or keys[index - 1][:-1] != key[:-1]
        inner = names[len(key) - 1] if len(key) <= len(names) else ""
        group = ""
        if len(key) > 1 and starts:
            group = ", ".join(f"{n} {k}" for n, k in zip(names, key[:-1], strict=False))
        label = f"{inner} {key[-1]}".strip() if starts else str(key[-1])
        columns.append(Column(start=at / whole, stop=(at + 0.97) / whole, label=label, group=group))
    return columns


def _arrow(
    bands: Sequence[Band], drafts: Sequence[Draft], blame: Blame, claimed: frozenset[int]
) -> Arrow | None:
    """The pair of the gravest charge that is shown, in a column that is not the first if there is one."""
    where = [(b, r) for b, band in enumerate(bands) for r in range(len(band.rows))]
    rows = [bands[b].rows[r] for b, r in where]
    weights = {
        e.place for draft in drafts for e in draft.events if isinstance(e, Update) and e.how != CALIBRATION
    }
    for charge in sorted(
        blame.charges, key=lambda c: (c.answer is not Answer.YES, c.update not in weights, c.earlier is None)
    ):
        found = []
        for index, row in enumerate(rows):
            if row.ink is not Ink.SCORE or row.place != charge.score or not row.claimed:
                continue
            learnt = _learnt(drafts[index], charge, claimed)
            for number, cell in enumerate(row.cells):
                if cell.leak is not charge.answer:
                    continue
                before = _before(rows[:index], drafts, learnt, charge, cell)
                if before:
                    stations = [
                        Station(band=where[i][0], row=where[i][1], cell=c, says=says, place=place)
                        for i, c, says, place in before
                    ]
                    says = "scored again" if len(before) > 1 else "scored with that"
                    band, at = where[index]
                    end = Station(band=band, row=at, cell=number, says=says, place=charge.score)
                    found.append(
                        (
                            cell.start == 0.0,
                            Arrow(
                                stations=(*stations, end),
                                proved=charge.answer is Answer.YES,
                                rule=charge.rule,
                            ),
                        )
                    )
        if found:
            return min(found, key=lambda pair: pair[0])[1]
    return None


def _learnt(draft: Draft, charge: Charge, claimed: frozenset[int]) -> set[int]:
    """The updates that a row's scores had taken in, of the statement that a charge names."""
    return {
        absorbed.update.number
        for event in draft.events
        if isinstance(event, Score) and event.number in claimed
        for absorbed in event.absorbed
        if absorbed.overlap is not Answer.NO and absorbed.update.place == charge.update
    }


def _before(
    rows: Sequence[Row], drafts: Sequence[Draft], learnt: set[int], charge: Charge, cell: Cell
) -> list[tuple[int, int, str, Place]]:
    """Row, cell, words and place of the update, and of the first score before it if the charge names one."""
    candidates = [
        (_over(rows[i], cell) is not None, i)
        for i in range(len(rows))
        if rows[i].ink is Ink.UPDATE and any(event.number in learnt for event in drafts[i].events)
    ]
    if not candidates:
        return []
    update = max(candidates)[1]
    at = _over(rows[update], cell)
    found = [(update, len(rows[update].cells) - 1 if at is None else at, "learnt from", charge.update)]
    for index in range(update - 1, -1, -1):
        row = rows[index]
        if charge.earlier is not None and row.ink is Ink.SCORE and row.place == charge.earlier:
            at = _over(row, cell)
            if at is not None:
                return [(index, at, "scored", row.place), *found]
    return found


def _over(row: Row, cell: Cell) -> int | None:
    """The cell of a row that shares tokens with another."""
    for number, own in enumerate(row.cells):
        if own.start < cell.stop and cell.start < own.stop:
            return number
    return None
