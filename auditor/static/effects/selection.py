"""Choices that looked at scores: which of two scores is kept, and what a comparison of scores decided.

A branch whose condition asked something about tokens tells it to every value that it changes. A branch, a conditional
or a mask whose condition was computed from the scores of tokens chooses with hindsight. Where
what it keeps are scores, that is a `Select`; where it keeps anything else (a temperature, a step, an index), the kept
value has been fitted to these tokens: an `Update` of a selection.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.flow import Choice
from auditor.static.domain.heap import Obj, View
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import Data
from auditor.static.domain.taint import choosing
from auditor.static.domain.taint import joined as together
from auditor.static.domain.values import Const, Keyed, SymbolicInt, TupleValue, Union, Value
from auditor.static.effects.events import Scoring
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Score
from auditor.trace.region import Region


class Choices:
    """Follows what conditions on scores decide."""

    def __init__(self, machine: Machine, scoring: Scoring) -> None:
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.scoring = scoring
        self.selections: dict[int, Obj] = {}

    def choice(self, test: Value, node: ast.AST) -> Choice | None:
        """The condition as a choice that looked at tokens or at their scores; None for any other.

        A whole distribution (its entropy, its maximum) is known before the token is.
        """
        record = self.views.data(test)
        return Choice(record, node) if scored(record) == 2 or record.looks else None

    def chooses_score(self, condition: Value, first: Value, second: Value) -> bool:
        test, a, b = self.views.data(condition), self.views.data(first), self.views.data(second)
        return bool(test.losses and a.losses and b.losses and a.losses != b.losses)

    def kept(self, first: object, second: object, joined: object, choice: Choice) -> object:
        """What a cell holds after a branch that looked at scores left `first` or `second` in it."""
        if isinstance(first, TupleValue) or isinstance(second, TupleValue):
            return self.kept_beside(first, second, joined, choice)
        if not isinstance(first, Value) or not isinstance(second, Value) or not isinstance(joined, Value):
            return joined
        if self.decisions.same(first, second):
            return joined
        a, b = self.views.data(first), self.views.data(second)
        joined = self.told(joined, choice)
        if scored(choice.test) < 2:
            return joined
        if a.losses and b.losses:
            if a.losses == b.losses:
                loop = self.repeating_loop(a.losses)
                if loop is None or a.losses != choice.test.losses:
                    return joined
                return self.scoring.select(
                    self.decisions.as_record(joined), choice.node, "a branch", repeated=loop
                )
            return self.scoring.select(self.decisions.as_record(joined), choice.node, "a branch")
        if a.losses or b.losses or isinstance(joined, SymbolicInt) or not isinstance(joined, (Data, Const)):
            return joined  # the first score that is kept, or a counter
        return self.selected(joined, choice)

    def kept_beside(self, first: object, second: object, joined: object, choice: Choice) -> object:
        """What a branch left in a tuple: a score, and beside it what the score decided on."""
        if scored(choice.test) < 2 or first == second or not isinstance(joined, (TupleValue, Union)):
            return joined
        options = [
            self.selected_beside(o, choice)
            for o in (joined.options if isinstance(joined, Union) else (joined,))
        ]
        return options[0] if isinstance(joined, TupleValue) else replace(joined, options=tuple(options))

    def selected_beside(self, value: Value, choice: Choice) -> Value:
        if not isinstance(value, TupleValue):
            return value
        return TupleValue(
            tuple(
                self.selected(item, choice)
                if isinstance(item, (Data, Const)) and not self.views.data(item).losses
                else item
                for item in value.items
            )
        )

    def repeating_loop(self, losses: frozenset[int]) -> str | None:
        """The variable of the innermost loop, where its turns score the same tokens; None where they do not."""
        if not self.recorder.running:
            return None
        entry = self.recorder.running[-1].entry
        for number in losses:
            event = self.recorder.events.get(number)
            if not isinstance(event, Score):
                return None
            for region in event.regions:
                if region.partial or any(
                    symbol.args[0] == entry for symbol in region.iterations | region.turns
                ):
                    return None
        return self.recorder.running[-1].variable

    def picked_by_score(self, container: Value, picked: Value, node: ast.AST, by: str) -> Value:
        """One of the scores in a container, or of what stands beside them, that was chosen by their values."""
        losses = self.views.data(container).losses
        turns = self.turns_of(container)
        repeated = next(filter(None, (self.repeated_in(number, turns) for number in sorted(losses))), "")
        if len(losses) < 2 and not repeated:
            return picked
        return self.with_choice(picked, losses, node, by, repeated)

    def with_choice(
        self, picked: Value, losses: frozenset[int], node: ast.AST, by: str, repeated: str
    ) -> Value:
        if isinstance(picked, TupleValue):
            return TupleValue(tuple(self.with_choice(i, losses, node, by, repeated) for i in picked.items))
        record = self.views.data(picked)
        if not record.losses:
            return picked
        return replace(
            self.scoring.select(replace(record, losses=losses), node, by, repeated), refs=frozenset()
        )

    def turns_of(self, container: Value) -> list[tuple[Value, tuple[int, ...]]]:
        """The elements of a container, with the loops that put each of them there."""
        found: list[tuple[Value, tuple[int, ...]]] = []
        waiting = [container]
        seen: set[int] = set()
        while waiting:
            value = waiting.pop()
            value = value.base if isinstance(value, View) else value
            if isinstance(value, TupleValue):
                found += [(item, ()) for item in value.items]
            if not isinstance(value, Obj) or value.number in seen:
                continue
            seen.add(value.number)
            made_by = value.entries
            entries = made_by if isinstance(made_by, tuple) else ()
            for name, cell in value.d.items():
                if name in (Obj.parts, Obj.joined) and isinstance(cell, tuple):
                    waiting += cell
                elif name is Obj.base and isinstance(cell, Value):
                    waiting.append(cell)
                elif name in (Obj.items, Obj.elements) and isinstance(cell, tuple):
                    found += [(e.value, e.entries) if isinstance(e, Keyed) else (e, entries) for e in cell]
                elif isinstance(name, tuple) and name[0] == "key" and isinstance(cell, Value):
                    found.append((cell, ()))
        return found

    def repeated_in(self, number: int, elements: list[tuple[Value, tuple[int, ...]]]) -> str:
        """The variable of a loop each of whose turns puts one score of the same tokens there; "" if there is none."""
        event = self.recorder.events.get(number)
        if not isinstance(event, Score) or any(region.partial for region in event.regions):
            return ""
        holding = [entries for value, entries in elements if number in self.views.data(value).losses]
        depends = {symbol.args[0] for r in event.regions for symbol in r.iterations | r.turns}
        for turn in event.turns:
            if turn.entry not in depends and any(turn.entry in entries for entries in holding):
                return turn.variable
        return "_" if len(holding) > 1 and not any(holding) else ""

    def told(self, value: Value, choice: Choice) -> Value:
        """A value that a branch left, with what the branch was told about tokens; sums over tokens aside."""
        if not isinstance(value, Data) or "total" in value.marks or not choice.test.looks:
            return value
        return replace(value, looks=together(value.looks, choosing(choice.test.looks)))

    def decided(self, record: Data, condition: Value, node: ast.AST) -> Data:
        """A value picked by a condition: it carries what the condition has absorbed, and that it looked at scores."""
        seen = self.views.data(condition)
        found = replace(record, updates=record.updates | seen.updates, doubts=record.doubts | seen.doubts)
        choice = self.choice(seen, node)
        if choice is None or scored(seen) < 2 or record.losses:
            return found
        return self.decisions.as_record(self.selected(found, choice))

    def selected(self, value: Value, choice: Choice) -> Value:
        """A value that a comparison of scores decided on."""
        record = self.decisions.as_record(value)
        regions: set[Region] = set()
        for number in choice.test.losses:
            event = self.recorder.events[number]
            if isinstance(event, Score):
                regions |= event.regions
        if not regions:
            return value
        carrier = self.selections.get(id(choice.node))
        if carrier is None:
            carrier = self.selections[id(choice.node)] = self.heap.allocate(
                "selection", choice.node, "choice"
            )
        self.scoring.update(carrier, regions, choice.node, "selection", "a choice by scores")
        return replace(record, updates=record.updates | self.views.history(carrier))
