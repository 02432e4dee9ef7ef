"""Parts of the evaluator, each made alone: what stands above it is a small fake, what stands below is real."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, cast

import pytest

from auditor.solver.expressions import Expr
from auditor.static.domain.heap import Env, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, SymbolicInt, Value
from auditor.static.effects.events import Scoring
from auditor.static.effects.formulas import Formulas
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter import budget
from auditor.static.interpreter.budget import Budget, StepsExhausted
from auditor.static.interpreter.heap import Heap
from auditor.static.interpreter.machine import Machine
from auditor.static.interpreter.recorder import Recorder
from auditor.static.syntax.arithmetic import Arithmetic
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.room import TransferRoom
from auditor.trace.events import Unresolved, Update
from auditor.trace.region import Region
from tests.static.conftest import NoSource

MAIN = (ast.parse("first = 1\nsecond = 2\n"), 0, "train_gpt.py")
NODE = MAIN[0].body[1]


class FakeEvaluator:
    """Knows lists of settled items, and nothing else."""

    def exact_items(self, value: Value) -> Sequence[Value] | None:
        return cast("tuple[Value, ...]", value.items) if isinstance(value, Obj) else None

    def length(self, value: Value) -> Expr | None:
        items = self.exact_items(value)
        return None if items is None else Expr(len(items))

    def element(self, container: Value, index: Expr) -> Value:
        items = self.exact_items(container)
        assert items is not None
        return items[index.constant]

    def in_any_turn(self, container: Value, element: Value) -> Value:
        return element


def machine() -> Machine:
    made = Machine(NoSource(), {}, MAIN)
    made.evaluate = cast("Any", FakeEvaluator())
    return made


def listed(made: Machine, *numbers: int) -> Obj:
    out = made.heap.allocate("list", NODE)
    out.items = tuple(map(Const, numbers))
    return out


# interpreter
def test_the_budget_ends_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_STEPS", 3)
    spent = Budget()
    spent.tick(2)
    spent.tick()
    with pytest.raises(StepsExhausted, match="after 4 steps"):
        spent.tick()


def test_the_recorder_tells_a_doubt_once_a_place() -> None:
    recorder = Recorder(MAIN)
    first = recorder.doubt("not followed", "Call", NODE)
    assert recorder.doubt("not followed", "Call", NODE) == first
    assert recorder.doubt("not followed", "Call", MAIN[0].body[0]) != first
    kept = [event for event in recorder.events.values() if isinstance(event, Unresolved)]
    assert [event.place.line for event in kept] == [2, 1]
    with recorder.standing_in(1, "inner.py"):
        assert recorder.place(NODE).path == "inner.py"
    assert recorder.place(NODE).path == "train_gpt.py"


def test_the_heap_undoes_what_was_put_since_a_mark() -> None:
    heap, scope = Heap(Recorder(MAIN)), Env()
    heap.put(scope, "a", Const(1))
    mark = heap.trail.mark()
    heap.put(scope, "a", Const(2))
    heap.put(scope, "b", Const(3))
    left = heap.trail.undo(mark)
    assert scope.d == {"a": Const(1)}
    assert {key: value for _, key, value in left.values()} == {"a": Const(2), "b": Const(3)}
    assert [heap.allocate("list", NODE).number for _ in range(2)] == [1, 2]


def test_values_are_seen_without_any_room() -> None:
    made = machine()
    inner = listed(made, 1)
    inner.items = (Data(marks=frozenset(("train",))), Const(2))
    assert made.views.data(inner).marks == {"train"}
    assert made.decisions.truth(SymbolicInt(Expr(3))) is True
    assert made.decisions.truth(made.decisions.join(Const(0), Const(1))) is None


# effects
def test_scoring_merges_an_update_at_one_place() -> None:
    made = machine()
    scoring = Scoring(made, Formulas(made))
    target = made.heap.allocate("module", NODE, "model")
    tokens = Region("val")
    scoring.update(target, [tokens], NODE, "gradient", "SGD.step")
    scoring.update(target, [tokens], NODE, "gradient", "SGD.step")
    (update,) = [event for event in made.recorder.events.values() if isinstance(event, Update)]
    assert (update.by, update.regions, update.state.name) == ("SGD.step", frozenset((tokens,)), "model")
    assert made.views.history(target) == {update.number}
    scoring.retract(update.number - 1)
    assert not made.recorder.events


# transfer
def test_lists_put_an_element_in_its_place() -> None:
    made = machine()
    lists, target = Lists(made), listed(made, 1, 3)
    lists.inserted(target, Const(2), Expr(1))
    assert target.items == (Const(1), Const(2), Const(3))


def test_lists_find_an_element_across_their_parts() -> None:
    made = machine()
    lists = Lists(made)
    parts = (listed(made, 10, 11), listed(made, 12))
    assert lists.joined_length(parts) == Expr(3)
    assert [lists.joined_element(parts, Expr(place)) for place in range(3)] == [
        Const(10),
        Const(11),
        Const(12),
    ]


# syntax
def test_arithmetic_computes_without_the_rest_of_syntax() -> None:
    made = machine()
    effects = EffectsRoom(made)
    arithmetic = Arithmetic(made, effects, TransferRoom(made, effects))
    assert arithmetic.binary(ast.FloorDiv(), Const(7), Const(2), NODE) == Const(3)
    counter = SymbolicInt(made.symbols.fresh("free"))
    assert arithmetic.binary(ast.Sub(), counter, counter, NODE) == SymbolicInt(Expr(0))
