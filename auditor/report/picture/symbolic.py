"""A static trace as rows: each event of the evaluator's abstract turns stands where its tokens are.

Nothing is simulated: the evaluator takes a loop's first turns one by one and lets the last stand for all later
ones, and so does the picture. What a score had learnt from is what the trace says of that very score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from auditor.report.picture.blame import Blame
from auditor.report.picture.loops import CALIBRATION, WHOLE, Key, Loops, TokenEvent
from auditor.report.picture.palette import tint_of
from auditor.report.picture.scene import TONES, Cell, Ink, Row
from auditor.trace.answer import Answer
from auditor.trace.events import Place, Score, Update
from auditor.trace.lines import shown_place
from auditor.trace.trace import Trace
from auditor.trace.tree import Node

MAX_ROWS = 44
"""Rows of an evaluation; beyond, later turns are left out first."""

_LIMITS = ((3, 3), (3, 2), (2, 2), (2, 1), (1, 1))
"""Turns shown of a loop over tokens and of one that repeats them, from the fullest picture to the shortest."""


@dataclass(slots=True)
class Draft:
    """A row before the axis is known: its events by the columns that they cover."""

    row: Row
    events: list[TokenEvent] = field(default_factory=list)

    @property
    def is_tokens(self) -> bool:
        return self.row.ink in (Ink.SCORE, Ink.UPDATE)


class Drafter:
    """Groups the shown events of one picture into rows."""

    def __init__(self, trace: Trace, shown: Sequence[TokenEvent], blame: Blame, home: str) -> None:
        self.trace, self.blame, self.home = trace, blame, home
        self.loops = Loops(trace, shown)
        report = trace.claimed_report
        self.claimed = frozenset(report.scores) if report is not None else frozenset()
        self.absorbed = {a.update.number for e in shown if isinstance(e, Score) for a in e.absorbed}
        self.charged = {
            (a.update.place, a.update.state.name)
            for e in shown
            if isinstance(e, Score) and e.number in self.claimed
            for a in e.absorbed
            if blame.of(e, a) is not None
        }
        claimed = [e for e in shown if e.number in self.claimed]
        self.depth = max([1, *(len(self.loops.column_loops(event)) for event in claimed)])
        self.limits = _LIMITS[-1]
        for limits in _LIMITS:
            self.limits = limits
            rows = sum(draft.is_tokens for draft in self.drafts(shown))
            if rows <= MAX_ROWS:
                break

    def drafts(self, events: Iterable[TokenEvent]) -> list[Draft]:
        """The rows of some events in order of time."""
        ordered = sorted(events, key=lambda event: event.number)
        return _merged(self._emit([(e, self.loops.splits(e)) for e in ordered], 0))

    def _emit(
        self, events: Sequence[tuple[TokenEvent, list[tuple[Node, int]]]], depth: int
    ) -> Iterator[Draft]:
        def next_loop(item: tuple[TokenEvent, list[tuple[Node, int]]]) -> int:
            around = item[1]
            return id(around[depth][0]) if len(around) > depth else 0

        for loop, group in groupby(events, key=next_loop):
            inside = list(group)
            if not loop:
                yield from self._rows([event for event, _ in inside])
                continue
            node = inside[0][1][depth][0]
            yield from self._turns(node, inside, depth)

    def _turns(
        self, node: Node, events: Sequence[tuple[TokenEvent, list[tuple[Node, int]]]], depth: int
    ) -> Iterator[Draft]:
        over_tokens = self.loops.is_over_tokens(node)
        limit = self.limits[0 if over_tokens else 1]
        turns = sorted({around[depth][1] for _, around in events})
        repeats = not over_tokens and self.loops.is_mixed(node)
        name = loop_name(node)
        for turn in turns[:limit]:
            own = [item for item in events if item[1][depth][1] == turn]
            if turn > 1 and (fresh := self._fresh(node, own, depth)):
                yield Draft(Row(ink=Ink.RESET, state=fresh[0], tint=fresh[1], turn=f"{fresh[0]} afresh"))
            if repeats:
                yield Draft(Row(ink=Ink.GAP, turn=f"{name} {turn}"))
            for draft in self._emit(own, depth + 1):
                if not draft.row.turn and draft.is_tokens and not over_tokens and not repeats:
                    draft.row = replace(draft.row, turn=f"{name} {turn}")
                yield draft
        shown = turns[:limit]
        if node.count is None or node.count > shown[-1]:
            first, last = shown[-1] + 1, node.count if node.count is not None else "n"
            told = f"{name} {first}" if first == last else f"{name} {first} … {last}"
            yield Draft(Row(ink=Ink.GAP, turn=told, onward=over_tokens))

    def _fresh(
        self, node: Node, events: Sequence[tuple[TokenEvent, list[tuple[Node, int]]]], depth: int
    ) -> tuple[str, str] | None:
        """A state that is made anew in each turn of a loop that holds other turns which fit it."""
        if not any(len(around) > depth + 1 for _, around in events):
            return None
        for event, _ in events:
            if isinstance(event, Update) and event.state.fresh_in:
                inner = event.state.fresh_in[-1]
                if inner in node.entries:
                    return event.state.name, tint_of(event.state, event.how)
        return None

    def _rows(self, events: Sequence[TokenEvent]) -> Iterator[Draft]:
        """Statements in one turn of their loops, in order of their first event."""
        sites: dict[tuple[str, Place], list[TokenEvent]] = {}
        for event in events:
            sites.setdefault((type(event).__name__, event.place), []).append(event)
        for same in sites.values():
            yield self._draft(same)

    def _draft(self, events: list[TokenEvent]) -> Draft:
        first = events[0]
        folded = [n.count for n in self.loops.folded(first) if n.count and n.count > 1]
        turn = f"× {folded[0]}" if folded and isinstance(first, Update) else ""
        onward = any(
            reach.high == WHOLE
            or not any(self.loops.is_mixed(loop) for loop in self.loops.column_loops(event))
            for event in events
            for reach in self.loops.reaches(event, self.depth)
        )
        if isinstance(first, Update):
            updates = [event for event in events if isinstance(event, Update)]
            main = max(updates, key=self._weight)
            name = main.state.name or main.state.kind
            row = Row(
                ink=Ink.UPDATE,
                place=first.place,
                state=name,
                tint=tint_of(main.state, main.how),
                turn=turn,
                onward=onward,
            )
            return Draft(row, [event for event in updates if event.state.name == main.state.name])
        claimed = any(event.number in self.claimed for event in events)
        row = Row(ink=Ink.SCORE, place=first.place, claimed=claimed, onward=onward, turn=turn)
        return Draft(row, list(events))

    def _weight(self, update: Update) -> tuple[bool, int, bool, int]:
        """Of several states that one statement changes: one that is objected to, else the one told best."""
        return (
            (update.place, update.state.name) in self.charged,
            len(update.state.fresh_in),
            update.number in self.absorbed,
            -len(update.regions),
        )

    # -- with the axis --------------------------------------------------------------------------

    def columns(self, drafts: Iterable[Draft]) -> list[Key]:
        """The columns that occur, in the order of the tokens."""
        keys = {
            key
            for draft in drafts
            for event in draft.events
            for reach in self.loops.reaches(event, self.depth)
            for key in (reach.low, reach.high)
            if key
        }
        inner = [key for key in keys if not any(k != key and k[: len(key)] == key for k in keys)]
        return sorted(inner) or [(1,)]

    def covered(self, event: TokenEvent, columns: Sequence[Key]) -> list[int]:
        reaches = self.loops.reaches(event, self.depth)
        return [n for n, column in enumerate(columns) if any(reach.holds(column) for reach in reaches)]

    def finished(
        self, drafts: Sequence[Draft], columns: Sequence[Key], spans: Sequence[tuple[float, float]]
    ) -> list[Row]:
        """The rows with their cells, colours and words."""
        learnt: dict[int, int] = {}
        updates = [draft for draft in drafts if draft.row.ink is Ink.UPDATE]
        for index, draft in enumerate(updates):
            learnt |= {event.number: index for event in draft.events}
        rows = []
        for draft in drafts:
            if not draft.is_tokens:
                rows.append(draft.row)
                continue
            cells: dict[tuple[int, ...], list[TokenEvent]] = {}
            for event in draft.events:
                for run in _runs(self.covered(event, columns)):
                    cells.setdefault(tuple(run), []).append(event)
            row = draft.row
            if row.ink is Ink.SCORE and updates:
                last = [
                    updates[learnt[a.update.number]].row
                    for event in draft.events
                    if isinstance(event, Score)
                    for a in event.absorbed
                    if a.update.number in learnt
                ]
                source = last[-1] if last else updates[-1].row
                row = replace(row, state=source.state, tint=source.tint)
            made = [
                self._cell(row, events, spans[run[0]][0], spans[run[-1]][1], learnt)
                for run, events in sorted(cells.items())
            ]
            rows.append(replace(row, cells=tuple(made)))
        return rows

    def _cell(
        self, row: Row, events: list[TokenEvent], start: float, stop: float, learnt: dict[int, int]
    ) -> Cell:
        leak, tone, told = Answer.NO, 0 if learnt else 2, ""
        for event in events:
            if not isinstance(event, Score):
                continue
            tone = max(
                tone, len({learnt[a.update.number] for a in event.absorbed if a.update.number in learnt})
            )
            for absorbed in event.absorbed if event.number in self.claimed else ():
                charge = self.blame.of(event, absorbed)
                if charge is None:
                    continue
                answer = Answer.MAYBE if absorbed.overlap is Answer.MAYBE else charge.answer
                if answer.rank > leak.rank:
                    leak = answer
                    told = f", {_LEAKS[answer]} {absorbed.update.state.name} at :{absorbed.update.place.line}"
        where = shown_place(events[0].place, self.home)
        what = "scored" if row.ink is Ink.SCORE else f"{row.state} learns"
        counted = "" if row.ink is Ink.UPDATE or row.claimed else ", not in the claimed number"
        return Cell(
            start=start,
            stop=stop,
            event=events[0].number,
            leak=leak,
            tone=min(tone, TONES - 1),
            words=f"{what} at {where}{told}{counted}",
        )


_LEAKS = {
    Answer.YES: "after these tokens were learnt by",
    Answer.MAYBE: "perhaps after these tokens were learnt by",
}


def loop_name(node: Node) -> str:
    """The variable of a loop, short."""
    name = node.text.removeprefix("for ").split(" in ")[0].strip()
    return "turn" if not name or name.startswith("while") else name.split(",")[0][:12]


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Neighbouring numbers together."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _is_calibration(draft: Draft) -> bool:
    return all(isinstance(event, Update) and event.how == CALIBRATION for event in draft.events)


def _merged(drafts: Iterable[Draft]) -> list[Draft]:
    """Neighbours of one statement that stand in no turn are one row: arms of a branch, one after the other."""
    kept: list[Draft] = []
    for draft in drafts:
        last = kept[-1] if kept else None
        if (
            last is not None
            and draft.is_tokens
            and (last.row.ink, last.row.state) == (draft.row.ink, draft.row.state)
            and (last.row.place == draft.row.place or (_is_calibration(last) and _is_calibration(draft)))
            and not (last.row.turn or draft.row.turn)
            and draft.row.onward
        ):
            last.events += draft.events
        else:
            kept.append(draft)
    return kept
