"""What is asked about particular tokens: entries of tables by keys made of tokens, and comparisons with them.

Each lookup becomes an event only if its answer goes into a reported score; until then it is a number in the
looks of the values that depend on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.replacing import replace
from auditor.solver.expressions import Expr, Symbol
from auditor.static.domain.flow import RunningLoop
from auditor.static.domain.heap import Obj
from auditor.static.domain.lattice import combine, scored
from auditor.static.domain.provenance import Data
from auditor.static.domain.taint import Look, blended, choosing, divided, joined, spreading, tokens_of
from auditor.static.domain.values import Const, Slice, TupleValue, Value
from auditor.static.effects.events import Scoring
from auditor.static.interpreter.machine import Machine
from auditor.static.interpreter.provenance_of import TOKENS_A_STEP
from auditor.trace.answer import Answer
from auditor.trace.blending import Found, held
from auditor.trace.events import Blend, BlendForm, Event, Lookup, LookupHow, Score, Update
from auditor.trace.region import Region
from auditor.trace.tree import Node

FIRST_TURN = 1
"""Number of the first turn that the evaluator follows of a loop."""

TABLES = ("tensor", "dict", "list")
"""Kinds of heap objects that entries are looked up in."""


@dataclass(slots=True)
class Asked:
    """A lookup that is not an event yet: where in the tree it stands, and what its table had taken in."""

    event: Lookup
    node: Node
    updates: frozenset[int]


class Lookups:
    """Records lookups and says of each score which of them went into it."""

    def __init__(self, machine: Machine, scoring: Scoring) -> None:
        self.budget = machine.budget
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.scoring = scoring
        self.asked: dict[int, Asked] = {}
        self.known_lookups: dict[object, int] = {}
        self.same_turn: set[int] = set()
        self.known_held: dict[tuple[frozenset[Region], frozenset[Region]], Found] = {}

    # reading
    def key_tokens(self, record: Data) -> frozenset[Region]:
        """The validation tokens that an index is made of, directly or through tables that they were looked up in."""
        if record.losses or "mask" in record.marks:
            return frozenset()
        self.budget.tick(sum(len(look.regions) for look in record.looks) // TOKENS_A_STEP)
        found = record.regions | tokens_of(frozenset(k for k in record.looks if k.form != "chosen"))
        return frozenset(region for region in found if region.source == "val")

    def with_lookup(self, found: Data, owner: Value, items: Sequence[Value], node: ast.AST) -> Data:
        """What was found at an index, with the tokens that the index is made of."""
        keys = [self.views.data(item) for item in items if not isinstance(item, (Slice, Const))]
        ends = not isinstance(items[-1], (Slice, Const))
        if not any(key.regions or key.looks for key in keys):
            return found
        if scored(found) == 1:
            made_of_tokens = [key for key in keys if self.key_tokens(key)]
            return self.scoring.picked_score(found, made_of_tokens[-1], node) if made_of_tokens else found
        looks = found.looks
        for position, key in enumerate(keys, start=1):
            if key.looks:
                chosen = key.looks if "mask" in key.marks else [k for k in key.looks if k.form == "chosen"]
                looks = joined(looks, choosing(frozenset(chosen)))
            tokens = self.key_tokens(key)
            if tokens:
                last = ends and position == len(keys)
                how: LookupHow = "entry" if len(items) == 1 else "column" if last else "row"
                looks = joined(looks, frozenset((self.look(owner, how, key, tokens, node),)))
        return found if looks is found.looks else replace(found, looks=looks)

    def placed_by(self, written: Data, owner: Value, args: Sequence[Value], node: ast.AST) -> Data:
        """What a table that is made in this turn holds: where its numbers stand, tokens have decided."""
        looks = written.looks
        for arg in args[:2]:
            for part in arg.items if isinstance(arg, TupleValue) else (arg,):
                key = self.views.data(part)
                tokens = frozenset() if key.losses or key.states else self.key_tokens(key)
                if tokens:
                    looks = joined(
                        looks, choosing(frozenset((self.look(owner, "entry", key, tokens, node),)))
                    )
        return written if looks is written.looks else replace(written, looks=looks)

    def look(self, owner: Value, how: LookupHow, key: Data, tokens: frozenset[Region], node: ast.AST) -> Look:
        record = self.views.data(owner)
        tables = [o for o in record.refs or record.states if o.kind in TABLES]
        if not record.refs and how in ("entry", "column") and not isinstance(owner, Obj):
            how = "pick" if "computed" in record.marks else how
        number = self.ask(tables, how, combined="combined" in key.marks, updates=record.updates, node=node)
        return Look(number, tokens)

    def ask(
        self,
        tables: Iterable[Obj],
        how: LookupHow,
        *,
        combined: bool,
        updates: frozenset[int],
        node: ast.AST,
        where: str = "",
    ) -> int:
        """The number of a lookup: the same for one place and table; `where` in code that is not Python."""
        states = tuple(sorted((table.state() for table in tables), key=lambda s: s.number))
        key = (self.recorder.place(node), tuple(s.number for s in states), how, where, combined)
        number = self.known_lookups.get(key)
        if number is None:
            event = Lookup(
                **self.recorder.common(node), states=states, how=how, where=where, combined=combined
            )
            number = self.known_lookups[key] = event.number
            self.asked[number] = Asked(event, self.recorder.node, updates)
        else:
            self.asked[number].updates |= updates
        return number

    def with_comparison(self, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        """A comparison of tokens with other numbers tells something about these tokens."""
        a, b = self.views.data(left), self.views.data(right)
        if isinstance(left, Const) or isinstance(right, Const) or out.losses:
            return out
        tokens = frozenset(r for r in a.regions | b.regions if r.source == "val")
        if not tokens:
            return out
        number = self.ask((), "comparison", combined=False, updates=frozenset(), node=node)
        return replace(out, looks=joined(out.looks, frozenset((Look(number, tokens),))))

    def in_vocabulary(self, record: Data) -> bool:
        """Whether it was computed by a model from tokens: what its last axis runs over is the vocabulary."""
        return bool(record.regions) and any(state.kind == "module" for state in record.states)

    def arithmetic_looks(self, op: ast.operator, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        """What a sum, product or quotient does to keys in the making and to counts that were looked up."""
        a, b = self.views.data(left), self.views.data(right)
        for logit, normaliser in ((a, b), (b, a)):
            if "picked" in logit.marks and not logit.losses and scored(normaliser) == 1:
                out = self.scoring.picked_score(replace(out, marks=out.marks - {"picked"}), logit, node)
        marks = out.marks | {"computed"}
        if self.makes_one_key(a, b):
            marks |= {"combined"}
        looks = out.looks
        if isinstance(op, (ast.Add, ast.Sub)) and a.losses and b.losses:
            looks = joined(blended(a.looks), blended(b.looks))
        scaling = isinstance(op, (ast.Mult, ast.Div, ast.FloorDiv))
        if scaling and "total" in a.marks | b.marks and not (a.losses and b.losses):
            # tokens per byte and the like: it is not in any token's probability
            looks = a.looks if a.losses else b.looks
        elif isinstance(op, (ast.Div, ast.FloorDiv)) and a.looks and not isinstance(right, Const):
            looks = joined(divided(a.looks, scored=bool(a.losses)), b.looks)
        elif isinstance(op, (ast.Div, ast.Pow)) and scored(a) == 2 and b.looks and not b.losses:
            looks = joined(a.looks, spreading(b.looks))
        return replace(out, marks=marks, looks=looks)

    def makes_one_key(self, a: Data, b: Data) -> bool:
        """Whether two numbers are made of different tokens, so that what is computed from both mixes them."""
        if a.losses or b.losses:
            return False
        tokens_a, tokens_b = self.key_tokens(a), self.key_tokens(b)
        return bool(tokens_a and tokens_b and tokens_a != tokens_b)

    def taken_in(self, content: Data, record: Data) -> Data:
        """What a buffer holds after something was added to it, or mixed in, in place."""
        out = combine(content, record)
        if self.makes_one_key(content, record):
            return replace(out, marks=out.marks | {"combined"})
        return out

    # places of loops
    def carried(self, target: Obj, record: Data, index: Value) -> Data:
        """What is stored at the place of a loop's turn: what earlier turns left behind are the tokens before it.

        A buffer's elements are joined into one record; what each owes to the turns before its own is kept apart
        from what it owes to its own tokens by the place of these tokens, as a look one token behind.
        """
        place = self.views.number(index)
        loop = self.loop_of(place) if place is not None else None
        if loop is None or target.number in self.same_turn:
            return record
        before = {n for n in record.updates if self.is_earlier_turn(n, loop)}
        taken = {region for region in record.regions if built_by(region, loop.entry)}
        old = {look for look in record.looks if any(built_by(r, loop.entry) for r in look.regions)}
        if (taken or old) and loop.iteration == FIRST_TURN:
            self.same_turn.add(target.number)  # a turn may read what it has stored itself
            return record
        tokens = taken.union(*(self.recorder.events[n].regions for n in before))  # type: ignore[attr-defined]
        tokens = tokens.union(*(look.regions for look in old))
        behind = frozenset(one_behind(region, loop) for region in tokens)
        if not behind or None in behind:
            return record
        number = self.carrier(index, record, loop)
        look = Look(number, frozenset(region for region in behind if region is not None))
        return replace(
            record,
            updates=record.updates - before,
            regions=record.regions - taken,
            looks=joined(record.looks - old, frozenset((look,))),
        )

    def loop_of(self, place: Expr) -> RunningLoop | None:
        """The running loop whose turn a place is numbered by."""
        for loop in reversed(self.recorder.running):
            if not any(
                symbol.args[0] == loop.entry for symbol in (place - Expr.of(loop.counter)).iterations()
            ):
                return loop
        return None

    def is_earlier_turn(self, number: int, loop: RunningLoop) -> bool:
        event = self.recorder.events[number]
        return (
            isinstance(event, Update)
            and event.how == "table"
            and any(t.entry == loop.entry and t.iteration < loop.iteration for t in event.turns)
        )

    def carrier(self, index: Value, record: Data, loop: RunningLoop) -> int:
        """The lookup that stands for what earlier turns of a loop left behind."""
        key = ("carried", loop.entry)
        number = self.known_lookups.get(key)
        if number is None:
            node = ast.Pass(lineno=self.recorder.line, col_offset=0)
            event = Lookup(**self.recorder.common(node), states=(), how="carried")
            number = self.known_lookups[key] = event.number
            self.asked[number] = Asked(event, self.recorder.node, frozenset())
        return number

    # scoring
    def added_up(self, record: Data, total: Value | None, node: ast.AST) -> Data:
        """Scores of tokens go into a sum over tokens, and are final; `total` is what they are added to, if told."""
        settled = self.scoring.settle(record, node)
        if total is not None and self.views.data(total).looks:
            return settled
        return replace(settled, marks=settled.marks | {"total"})

    def blends(self, score: Score) -> tuple[Blend, ...]:
        """The lookups by its own tokens that went into a score or into the one it was made of."""
        found: dict[tuple[int, str], Blend] = {}
        number: int | None = score.number
        while number is not None:
            event = self.recorder.events[number]
            assert isinstance(event, Score)
            for look in sorted(self.scoring.in_looks.get(number, ()), key=lambda k: (k.number, k.form)):
                blend = self.blend(event, look)
                if blend is not None:
                    known = found.get((look.number, blend.form))
                    if known is None or known.target is Answer.MAYBE:
                        found[look.number, blend.form] = blend
            number = event.refined_from
        return tuple(found.values())

    def blend(self, score: Score, look: Look) -> Blend | None:
        key = (score.regions, look.regions)
        found = self.known_held.get(key)
        if found is None:
            found = self.known_held[key] = held(*key)
        target, earlier, why = found
        if target is Answer.NO:
            return None
        lookup = self.shown_lookup(look.number)
        form: BlendForm = "blended" if look.form == "" or look.form == "share" else look.form
        return Blend(lookup=lookup, target=target, combined=lookup.combined or earlier, form=form, why=why)

    def shown_lookup(self, number: int) -> Lookup:
        """Make a lookup an event of the trace."""
        known = self.recorder.events.get(number)
        if isinstance(known, Lookup):
            return known
        asked = self.asked[number]
        memory = any(state.number in self.heap.written for state in asked.event.states) or any(
            is_table_update(self.recorder.events.get(n)) for n in asked.updates
        )
        event = replace(asked.event, memory=memory)
        self.recorder.events[number] = event
        asked.node.child("event", "Lookup", event.place).events.append(event)
        return event


def built_by(region: Region, entry: int) -> bool:
    """Whether it is a token that a turn of a loop had put into a container."""
    if region.source != "val" or region.start is None:
        return False
    return any(
        symbol.kind == "at" and isinstance(symbol.args[0], tuple) and symbol.args[0][1:] == (entry,)
        for symbol, _ in region.start.terms
    )


def one_behind(region: Region, loop: RunningLoop) -> Region | None:
    """The token of the turn before this one, for the token of some earlier turn; None where that is not told."""
    if region.start is None or region.stop is None:
        return None
    turn = Expr.of(loop.counter) - 1

    def change(symbol: Symbol) -> Expr | None:
        numbered = symbol.kind == "iter" and symbol.args[0] == loop.entry
        built = (
            symbol.kind == "at" and isinstance(symbol.args[0], tuple) and symbol.args[0][1:] == (loop.entry,)
        )
        return turn if numbered or built else None

    moved = region.mapped(change)
    if moved == region or moved.start is None or moved.stop is None:
        return None
    rises = any(
        symbol is loop.counter or symbol == loop.counter for symbol, factor in moved.start.terms if factor > 0
    )
    return replace(moved, turns=frozenset(), row=None) if rises else None


def is_table_update(event: Event | None) -> bool:
    return isinstance(event, Update) and event.how == "table"
