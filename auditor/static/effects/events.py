"""Scores, updates, resets and reports: where what happens to values becomes events."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from auditor.replacing import replace
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import FROM_OUTSIDE, MATCHED, Data
from auditor.static.domain.taint import NO_LOOKS, Looks
from auditor.static.domain.values import Const, Value
from auditor.static.effects.formulas import Formulas
from auditor.static.interpreter.machine import Machine
from auditor.static.names.scores import LABEL
from auditor.trace.events import Load, Report, Reset, Score, ScoreHow, Select, Update, UpdateHow
from auditor.trace.formula import LOST, Formula, Of, Printed
from auditor.trace.region import Region

REPORTS = re.compile(LABEL, re.IGNORECASE)
_A_WORD = re.compile(r"\s*[:=]\s*[A-Za-z]")

_CONVERSION = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[sdifeEgGr]")

PLAIN = Formula()
"""Negative log-probabilities as they are."""

TEXT = "text"
"""Marks text that a score was written into."""

REWRITING = frozenset(["replace", "partition", "rpartition", "translate", "sub", "subn", "float", "int"])
"""Functions and methods that take text apart or put other text into it."""


WRITTEN = re.compile(r"\b((?:final_|val_)+bpb)\s*[:=]\s*(\d+\.\d{2,})", re.IGNORECASE)
"""A result that stands in the source as text."""

STEPS_A_SCORE = 40
"""Statements that are evaluated in the time of a new score; scripts that mix many tables make them by thousands."""


class Scoring:
    """Records events."""

    def __init__(self, machine: Machine, formulas: Formulas) -> None:
        self.machine = machine
        self.budget = machine.budget
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.formulas = formulas
        self.known_scores: dict[object, int] = {}
        self.known_reports: set[object] = set()
        self.in_score: dict[int, frozenset[int]] = {}
        self.written_in_loops: dict[int, frozenset[int]] = {}
        self.match_origins: frozenset[int] = frozenset()
        self.variant: tuple[object, ...] = ()
        self.delimiters: set[int] = set()
        self.known_updates: dict[object, int] = {}
        self.in_looks: dict[int, Looks] = {}
        self.over_ranks: set[int] = set()
        self.known_counts: dict[object, int] = {}
        self.known_loads: dict[object, int] = {}
        self.known_restores: dict[object, int] = {}
        self.known_carries: dict[object, int] = {}

    def loss(
        self, target: Data, data: Data, node: ast.AST, how: ScoreHow = "softmax", formula: Formula = PLAIN
    ) -> Data:
        """Tokens are given a probability: `target` are the tokens, `data` all that went into the distribution."""
        regions = frozenset(r for r in target.regions if r.source == "val")
        if not regions:
            found = replace(data, rank=target.rank, span=None, array=None, template=None)
            return found.laid_out_as(target)
        number = self.score(regions, data, node, how, None)
        data = data.laid_out_as(target)
        return replace(
            data,
            regions=target.regions,
            losses=frozenset((number,)),
            rank=target.rank,
            turns=data.turns | target.turns,
            refs=frozenset(),
            span=None,
            array=None,
            template=None,
            by_kind=None,
            marks=data.marks - {"mask", "distribution", MATCHED},
            formula=self.formulas.of_targets(formula, target),
        )

    def score(
        self, regions: frozenset[Region], data: Data, node: ast.AST, how: ScoreHow, parent: int | None
    ) -> int:
        place = self.recorder.place(node)
        loads = self.outside_loads(data)
        restored = self.machine.apply.has_restored(data)
        made_of = (data.updates, data.doubts, data.looks, loads, restored)
        key = (place, regions, how, parent, self.variant, *made_of)
        known = self.known_scores.get(key)
        if known is not None:
            return known
        self.budget.tick(STEPS_A_SCORE + len(data.updates) + len(data.looks))
        states = tuple(sorted((s.state() for s in data.states), key=lambda s: s.number))
        event = Score(
            **self.recorder.common(node),
            regions=regions,
            states=states,
            absorbed=(),
            how=how,
            doubts=tuple(sorted(data.doubts)),
            refined_from=parent,
            loads=loads,
            restored=restored,
        )
        self.recorder.record(event)
        self.known_scores[key] = event.number
        self.recorder.scores += 1
        self.in_score[event.number] = data.updates | self.in_score.get(parent or 0, frozenset())
        self.in_looks[event.number] = data.looks
        self.written_in_loops[event.number] = data.written_in_loops | self.written_in_loops.get(
            parent or 0, frozenset()
        )
        return event.number

    def retract(self, last: int) -> None:
        """Forget the events since a number: what gave them is evaluated once more in another way."""
        for number in [n for n in self.recorder.events if n > last]:
            event = self.recorder.events.pop(number)
            leaf = self.recorder.leaves.pop(number, None)
            if leaf is not None:
                leaf.events.remove(event)
            self.in_score.pop(number, None)
            self.written_in_loops.pop(number, None)
            self.recorder.standing.discard(number)
        for known in (
            self.known_scores,
            self.known_updates,
            self.known_counts,
            self.known_loads,
            self.known_restores,
            self.known_carries,
        ):
            for key in [k for k, number in known.items() if number > last]:
                del known[key]

    def refine(self, data: Data, node: ast.AST) -> Data:
        """Scores narrowed to a part of their tokens by an index."""
        regions = frozenset(r for r in data.regions if r.source == "val")
        if not regions:
            return data
        parents = sorted(data.losses)
        how = self.how_of(parents[0])
        number = self.score(regions, data, node, how, parents[0])
        return replace(data, losses=frozenset((number,)))

    def picked_score(self, data: Data, target: Data, node: ast.AST) -> Data:
        """What a distribution says of the tokens of an index: their score."""
        regions = frozenset(r for r in target.regions if r.source == "val")
        if not regions:
            return data
        parent = min(data.losses)
        how = self.how_of(parent)
        number = self.score(regions, data, node, "softmax" if how == "distribution" else how, parent)
        event, looks = self.recorder.events[parent], self.in_looks.get(parent, NO_LOOKS)
        given = Data(regions=event.regions if isinstance(event, Score) else regions, looks=looks)
        form = (data.formula or LOST).as_scores()
        found = data.laid_out_as(target)
        return replace(
            found,
            regions=target.regions,
            rank=target.rank,
            losses=frozenset((number,)),
            marks=found.marks - {"distribution"},
            formula=self.formulas.of_targets(
                self.formulas.made_with_target(form, given, target, node), target
            ),
        )

    def how_of(self, number: int) -> ScoreHow:
        event = self.recorder.events[number]
        return event.how if isinstance(event, Score) else "unknown"

    def settle(self, data: Data, node: ast.AST) -> Data:
        """A score is added up or kept: what was mixed into it since it was taken belongs to it."""
        losses: set[int] = set()
        for number in sorted(data.losses):
            extra = data.updates - self.in_score.get(number, frozenset())
            event = self.recorder.events[number]
            if (MATCHED in data.marks or self.match_origins) and isinstance(event, Score):
                data = replace(data, origins=data.origins | self.match_origins)
                losses.add(self.score(event.regions, data, node, "stored", number))
            elif isinstance(event, Score) and (extra or data.looks):
                how = "mixture" if extra else event.how
                losses.add(self.score(event.regions, data, node, how, number))
            else:
                losses.add(number)
        marks = data.marks - {MATCHED}
        found = replace(data, losses=frozenset(losses), updates=frozenset(), refs=frozenset(), marks=marks)
        return replace(found, looks=NO_LOOKS)

    @contextmanager
    def where_matched(self, test: Value) -> Iterator[None]:
        """Run a branch: what is scored in it is scored because of what the test has compared."""
        before = self.match_origins
        if isinstance(test, Data) and MATCHED in test.marks:
            self.match_origins = before | test.origins
        try:
            yield
        finally:
            self.match_origins = before

    def outside_loads(self, data: Data) -> tuple[int, ...]:
        """The loads of files that the script never wrote, among what a value is made of."""
        found = [self.machine.apply.origin(number) for number in sorted(data.origins)]
        return tuple(e.number for e in found if isinstance(e, Load) and e.source == FROM_OUTSIDE)

    def update(self, target: Obj, regions: Iterable[object], node: ast.AST, how: UpdateHow, by: str) -> None:
        """The state changes because of tokens."""
        made_from = frozenset(
            self.without_delimiter(r) for r in regions if isinstance(r, Region) and r.source == "val"
        )
        if not made_from:
            return
        self.recorder.effects += 1
        if how == "table":
            self.heap.written.add(target.number)
        self.heap.put(target, Obj.touched, True)
        place = self.recorder.place(node)
        key = (target.number, place, made_from, how)
        number = self.known_updates.get(key)
        if number is None:
            event = Update(
                **self.recorder.common(node), state=target.state(), regions=made_from, how=how, by=by
            )
            self.recorder.record(event)
            number = self.known_updates[key] = event.number
        history = self.views.own_history(target)
        if number not in history:
            self.heap.put(target, Obj.history, history | {number})

    def without_delimiter(self, region: Region) -> Region:
        """The region without its first token, where that is known beforehand: it was found by what it equals.

        A document begins with the token that delimits documents, which is also the last one that the document before
        it is scored on: learning from it tells nothing.
        """
        start = region.start
        if start is None or start.constant or len(start.terms) != 1:
            return region
        symbol, coefficient = start.terms[0]
        if coefficient != 1 or symbol.kind != "at" or symbol.args[0] not in self.delimiters:
            return region
        return replace(region, start=start + 1)

    def gradient(self, regions: Iterable[object], node: ast.AST) -> Data:
        """A gradient taken by hand: whatever it is added to is fitted on its tokens."""
        carrier = self.heap.allocate("tensor", node, "gradient")
        self.update(carrier, regions, node, "gradient", "a gradient taken by hand")
        return Data(updates=self.views.history(carrier), marks=frozenset(("grad",)))

    def reset(self, target: Obj, node: ast.AST, by: str) -> None:
        """The state goes back to what the artifact gave."""
        if self.views.own_history(target):
            self.recorder.record(Reset(**self.recorder.common(node), state=target.state(), by=by))
            self.heap.put(target, Obj.history, frozenset())
        self.heap.put(target, Obj.pending, frozenset())

    def select(self, data: Data, node: ast.AST, by: str, repeated: str = "") -> Data:
        """A choice between scores."""
        event = Select(
            **self.recorder.common(node),
            scores=tuple(sorted(data.losses)),
            by=by,
            repeated=repeated,
        )
        self.recorder.record(event)
        return replace(data, selects=data.selects | {event.number})

    def report(self, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> None:
        """A line is printed or logged."""
        if self.frames.following:
            return
        args = filled_in(args)
        parts: list[str | None] = []
        for arg in args:
            if isinstance(arg, Const):
                parts.append(None if self.decisions.is_open(arg) else str(arg.value))
            elif isinstance(arg, Data) and arg.template is not None:
                parts.extend(arg.template)
            else:
                parts.append(None)
            parts.append(" ")
        template = tuple(parts[:-1])
        text = "".join(p if p is not None else "{}" for p in template)
        data = self.views.mix(*args)
        if not data.losses:
            numbers = self.numbers_of(args) or written_numbers(text)
            computed = None in template and not all(isinstance(a, Const) for a in args)
            if is_given_value(text) and (computed or numbers):
                self.note_report(text, template, data, node, untraced=True, numbers=numbers)
            return
        numbers = self.numbers_of(args)
        self.note_report(text, template, self.settle(data, node), node, untraced=False, numbers=numbers)

    def numbers_of(self, args: Sequence[Value]) -> tuple[Printed, ...]:
        """The numbers of a line that are made of scores; a bare one goes by the text before it."""
        found: list[Printed] = []
        before = ""
        for arg in args:
            record = self.views.data(arg)
            if record.losses and not record.printed:
                found.append(Printed(name=before.strip(" :=") or "loss", formula=record.formula or LOST))
            found.extend(record.printed)
            before = str(arg.value) if isinstance(arg, Const) else ""
        return tuple(dict.fromkeys(found))

    def rewritten(self, name: str, values: Sequence[Value], result: Value, node: ast.AST) -> Value:
        """What a function makes of values; of text with a score in it some make other text, or another number."""
        if name not in REWRITING or not isinstance(result, Data):
            return result
        records = [self.views.data(value) for value in values]
        if not any(TEXT in record.marks and record.losses for record in records):
            return result
        number = self.recorder.doubt("a printed number is changed as text", name, node)
        return replace(result, doubts=result.doubts | {number})

    def note_report(
        self,
        text: str,
        template: tuple[str | None, ...],
        data: Data,
        node: ast.AST,
        *,
        untraced: bool,
        numbers: tuple[Printed, ...] = (),
    ) -> None:
        place = self.recorder.place(node)
        self.machine.apply.lingering_doubts()
        key = (place, template, data.losses, data.origins, untraced, numbers, tuple(self.recorder.functions))
        if key in self.known_reports:
            return
        self.known_reports.add(key)
        self.recorder.record(
            Report(
                **self.recorder.common(node),
                label=text.strip()[:160],
                template=template,
                scores=tuple(sorted(data.losses)),
                doubts=tuple(sorted(data.doubts | self.recorder.standing)),
                untraced=untraced,
                selects=tuple(sorted(data.selects)),
                counts=tuple(n for n in sorted(data.origins) if self.machine.apply.origin(n) is not None),
                numbers=numbers,
                one_rank=bool(data.losses) and not any(map(self.is_over_ranks, data.losses)),
            )
        )

    def put_together(self, *values: Value) -> None:
        """Ranks put their values together: the scores in these are those of all ranks from now on."""
        for value in values:
            self.over_ranks |= self.origins_of(self.views.data(value).losses)

    def is_over_ranks(self, number: int) -> bool:
        return bool(self.origins_of((number,)) & self.over_ranks)

    def origins_of(self, losses: Iterable[int]) -> set[int]:
        """The scores that these were first taken as."""
        found: set[int] = set()
        for number in losses:
            event = self.recorder.events.get(number)
            while isinstance(event, Score) and event.refined_from is not None:
                event = self.recorder.events.get(event.refined_from)
            if event is not None:
                found.add(event.number)
        return found


def filled_in(args: Sequence[Value]) -> Sequence[Value]:
    """The arguments of a line that is logged as `("loss %f", loss)`: its pieces of text and its values by turns."""
    text = args[0].value if args and isinstance(args[0], Const) else None
    if not isinstance(text, str) or len(args) < 2:
        return args
    pieces = _CONVERSION.split(text)
    if len(pieces) != len(args):
        return args
    found: list[Value] = [Const(pieces[0])]
    for value, piece in zip(args[1:], pieces[1:], strict=True):
        found += [value, Const(piece)]
    return found


def is_given_value(text: str) -> bool:
    """Whether a line says of one of its metrics anything but a word: `val_bpb:enabled` gives no number."""
    return any(not _A_WORD.match(text, found.end()) for found in REPORTS.finditer(text))


def written_numbers(text: str) -> tuple[Printed, ...]:
    """Results that a line of constant text prints."""
    return tuple(
        Printed(name=name, formula=Formula(of=Of.NUMBER, factor=float(number)))
        for name, number in WRITTEN.findall(text)
    )
