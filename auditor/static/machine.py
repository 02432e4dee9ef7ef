"""The state of one abstract evaluation, and what every part of the evaluator needs of it.

The parts (`statements`, `loops`, `expressions`, …) are mix-ins of one class; this base declares what they
call of each other. Caps make every evaluation end; reaching one is recorded and leaves the trace incomplete.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from auditor.native.sources import NativeFunction
from auditor.static.by_kind import ByKind
from auditor.static.heap import BOUNDS, STORED, TOUCHED, Env, Holder, Obj, Trail
from auditor.static.looks import Looks
from auditor.static.values import (
    EMPTY,
    MAX_ALTERNATIVES,
    NONE,
    UNKNOWN,
    Alt,
    Class,
    Columns,
    Const,
    Consume,
    Data,
    Func,
    Generator,
    Keyed,
    Lib,
    Method,
    Num,
    Partial,
    Truth,
    Tup,
    Value,
    View,
    by_entry,
    join_data,
    substitute,
)
from auditor.trace.answer import Answer
from auditor.trace.events import Blend, Event, Numbering, Place, Score, Turn, Unresolved
from auditor.trace.linear import Atom, Condition, Expr
from auditor.trace.operations import operation
from auditor.trace.prover import proves
from auditor.trace.region import Region
from auditor.trace.trace import Switch
from auditor.trace.tree import Node

if TYPE_CHECKING:
    from auditor.static.choices import Choice
    from auditor.static.loops import Body

MAX_STEPS = 1_500_000
MAX_DEPTH = 24
MAX_NESTING = 12
MAX_CONSTANTS = 8
"""Constants that a number may be one of, for these to be kept apart from the conditions that chose them."""


WHOLE = Region("val", Expr(0), Expr.of(Atom("free", (0, "val_tokens"), 1)))
"""The whole validation split, as one interval; it is not empty."""


Changes = dict[tuple[int, object], tuple[Holder, object, object]]
"""Cells and their values, as an arm of a branch left them."""


Deferral = tuple[str, Changes, "Choice | None"]
"""How an arm of a branch ended, what it had left, and the choice that the branch was."""


class StepsExhausted(Exception):
    """The evaluation reached its cap of steps."""


class Source(Protocol):
    """What the evaluator needs of a program (`auditor.program.model.Program`)."""

    def inner(self, node: ast.Call) -> tuple[ast.Module, int, str] | None:
        """The decoded program that this `exec` runs: its tree, layer number and path."""

    def unresolved(self, node: ast.Call) -> str | None:
        """Why the text of this `exec` could not be had."""

    def sibling(self, name: str) -> tuple[ast.Module, int, str] | None:
        """A helper module of the submission by dotted name."""

    def native(self, name: str) -> NativeFunction | str:
        """A function of the submission that is not Python, or why there is none of that name."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value given to an environment name from outside the source; None where it is known to be left unset."""

    value: str | None
    origin: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Resolved:
    """An environment value that the script read."""

    name: str
    value: str | None
    origin: str
    path: str
    line: int


@dataclass(slots=True)
class RunningLoop:
    """A loop that is running: its entry, abstract iteration, counter and name."""

    entry: int
    iteration: int
    counter: Atom
    variable: str


class Machine:
    """State and shared services of the evaluator."""

    def __init__(
        self, source: Source, settings: Mapping[str, Setting], main: tuple[ast.Module, int, str]
    ) -> None:
        self.source = source
        self.settings = dict(settings)
        self.main = main
        self.globals = Env()
        self.trail = Trail()
        self.numbering = Numbering()
        self.events: dict[int, Event] = {}
        self.leaves: dict[int, Node] = {}
        self.switches: list[Switch] = []
        self.resolved: dict[str, Resolved] = {}
        self.layer, self.path = main[1], main[2]
        self.root = Node(kind="root", text="", place=Place(self.path, self.layer, 1))
        self.node = self.root
        self.running: list[RunningLoop] = []
        self.certainty: list[Answer] = []
        self.conditions: list[Condition] = []
        self.counts: dict[int, Expr] = {}
        self.deferred: list[Deferral] = []
        self.functions: list[str] = []
        self.counter_functions: dict[int, bool] = {}
        self.active: list[int] = []
        self.returns: list[Value | None] = []
        self.consumers: list[Consume] = []
        self.yielding: dict[int, bool] = {}
        self.stopped = False
        self.trying = 0
        self.disk: Data = UNKNOWN
        self.steps = 0
        self.effects = 0
        self.scores = 0
        self.standing: set[int] = set()
        self.delimiters: set[int] = set()
        self.broken_off = False
        self.looking: set[Obj] = set()
        self.known_updates: dict[object, int] = {}
        self.selections: dict[int, Obj] = {}
        self.line = 1
        self.complete = True
        self.both_ways = False
        self.last_entry = 0
        self.last_object = 0
        self.last_symbol = 0
        self.environment_writes: dict[str, Value] = {}
        self.written: set[int] = set()
        self.in_looks: dict[int, Looks] = {}
        self.sibling_modules: dict[str, Obj] = {}
        self.trees: dict[tuple[int, str], ast.AST] = {(self.layer, self.path): main[0]}
        self.interest: dict[int, bool] = {}
        self.known_counts: dict[object, int] = {}
        self.known_loads: dict[object, int] = {}
        self.known_carries: dict[object, int] = {}

    # what the mix-ins provide to each other
    def block(self, body: Sequence[ast.stmt], env: Env) -> str | None:
        raise NotImplementedError

    def evaluate(self, node: ast.expr, env: Env) -> Value:
        raise NotImplementedError

    def merge(
        self,
        changes: Changes,
        condition: Condition | None = None,
        *,
        flipped: bool = True,
        choice: Choice | None = None,
    ) -> None:
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value, env: Env) -> None:
        raise NotImplementedError

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        raise NotImplementedError

    def binary(self, operator: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def subscript(self, owner: Value, index: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def element(self, container: Value, index: Expr | None, turns: frozenset[Atom] = frozenset()) -> Value:
        raise NotImplementedError

    def store(
        self, owner: Value, index: Value, value: Value, node: ast.AST, env: Env, *, augmented: bool
    ) -> None:
        raise NotImplementedError

    def append(self, target: Obj, value: Value, key: Expr | None = None) -> None:
        raise NotImplementedError

    def call(self, func: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def call_function(
        self, func: Func, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def call_library(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def call_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def call_module(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def construct(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def loss(self, target: Data, data: Data, node: ast.AST, how: str = "softmax") -> Data:
        raise NotImplementedError

    def either(self, ways: Sequence[Callable[[], Value]]) -> Value:
        raise NotImplementedError

    def tail(self, target: Obj) -> Obj | None:
        raise NotImplementedError

    def joined_element(self, parts: Sequence[object], index: Expr) -> Value:
        raise NotImplementedError

    def joined_length(self, parts: Sequence[object]) -> Expr | None:
        raise NotImplementedError

    def concatenated_lists(self, parts: Sequence[Value], node: ast.AST) -> Obj:
        raise NotImplementedError

    def show(self, out: Obj, base: Value) -> None:
        raise NotImplementedError

    def show_shuffled(self, out: Obj, base: Value) -> None:
        raise NotImplementedError

    def become(self, target: Obj, cell: str, value: object) -> None:
        raise NotImplementedError

    def inserted(self, target: Obj, value: Value) -> None:
        raise NotImplementedError

    def shuffled(self, target: Obj) -> None:
        raise NotImplementedError

    def taken(self, target: Obj, args: Sequence[Value]) -> Value | None:
        raise NotImplementedError

    def saved(self, record: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def loaded(self, given: Data) -> Data:
        raise NotImplementedError

    def from_disk(self, record: Data) -> Data:
        raise NotImplementedError

    def load_state(self, module: Obj, source: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def copy_state(self, target: Obj, given: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def copy_part(self, target: Obj, given: Data, node: ast.AST) -> None:
        raise NotImplementedError

    def settle(self, data: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def where_matched(self, test: Value) -> AbstractContextManager[None]:
        raise NotImplementedError

    def retract(self, last: int) -> None:
        raise NotImplementedError

    def update(self, target: Obj, regions: Iterable[object], node: ast.AST, how: str, by: str) -> None:
        raise NotImplementedError

    def key_tokens(self, record: Data) -> frozenset[Region]:
        raise NotImplementedError

    def with_lookup(self, found: Data, owner: Value, items: Sequence[Value], node: ast.AST) -> Data:
        raise NotImplementedError

    def with_comparison(self, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def picked_score(self, data: Data, target: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def in_vocabulary(self, record: Data) -> bool:
        raise NotImplementedError

    def taken_in(self, content: Data, record: Data) -> Data:
        raise NotImplementedError

    def added_up(self, record: Data, total: Value | None, node: ast.AST) -> Data:
        raise NotImplementedError

    def arithmetic_looks(self, op: ast.operator, left: Value, right: Value, out: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def ask(
        self, tables: Iterable[Obj], how: str, *, combined: bool, updates: frozenset[int], node: ast.AST
    ) -> int:
        raise NotImplementedError

    def stacked(self, args: Sequence[Value], keywords: dict[str, Value]) -> Columns | None:
        raise NotImplementedError

    def by_column(
        self, name: str, owner: Columns, args: Sequence[Value], keywords: dict[str, Value]
    ) -> Value | None:
        raise NotImplementedError

    def column_at(self, owner: Columns, index: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def store_columns(self, owner: Columns, index: Value, value: Value) -> Value:
        raise NotImplementedError

    def inverted(self, owner: Columns) -> Columns:
        raise NotImplementedError

    def constant_mask(self, value: Value) -> bool | None:
        raise NotImplementedError

    def untouched(self, target: Obj) -> bool:
        raise NotImplementedError

    def closed(self, op: ast.cmpop, left: Value, right: Value) -> Const | None:
        raise NotImplementedError

    def carried(self, target: Obj, record: Data, index: Value) -> Data:
        raise NotImplementedError

    def native_call(
        self, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def blends(self, score: Score) -> tuple[Blend, ...]:
        raise NotImplementedError

    def reset(self, target: Obj, node: ast.AST, by: str) -> None:
        raise NotImplementedError

    def report(self, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> None:
        raise NotImplementedError

    def environment(self, name: str, default: Value | None, node: ast.AST) -> Value:
        raise NotImplementedError

    def interesting(self, nodes: Sequence[ast.AST]) -> bool:
        raise NotImplementedError

    def refine(self, data: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def select(self, data: Data, node: ast.AST, by: str) -> Data:
        raise NotImplementedError

    def gradient(self, regions: Iterable[object], node: ast.AST) -> Data:
        raise NotImplementedError

    def chooses_score(self, condition: Value, first: Value, second: Value) -> bool:
        """Whether a value is one of two scores, picked by a condition that looked at scores."""
        raise NotImplementedError

    def choice(self, test: Value, node: ast.AST) -> Choice | None:
        raise NotImplementedError

    def told(self, value: Value, choice: Choice) -> Value:
        raise NotImplementedError

    def kept(self, first: object, second: object, joined: object, choice: Choice) -> object:
        raise NotImplementedError

    def decided(self, record: Data, condition: Value, node: ast.AST) -> Data:
        raise NotImplementedError

    def masked(self, record: Data, mask: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def thinned(self, record: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def write_mask(self, target: Obj, index: Value, value: Const) -> None:
        raise NotImplementedError

    def let_through(self, target: Obj, content: Data) -> Data:
        raise NotImplementedError

    def starts_empty(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> bool:
        raise NotImplementedError

    def text_of(self, value: Value) -> str:
        raise NotImplementedError

    def note_carries(self, module: Obj, node: ast.AST) -> None:
        raise NotImplementedError

    def file_named(self, pattern: str, node: ast.AST) -> Data:
        raise NotImplementedError

    def embedded(self, text: Const, node: ast.AST) -> Data:
        raise NotImplementedError

    def origin(self, number: int) -> Event | None:
        raise NotImplementedError

    def wrote(self, path: Value) -> None:
        raise NotImplementedError

    def content_of(self, args: Sequence[Value], node: ast.AST) -> Data | None:
        raise NotImplementedError

    def by_kind_of(self, value: Value | None) -> object:
        raise NotImplementedError

    def looked_up(self, owner: Value, index: Value) -> Value | ByKind | None:
        raise NotImplementedError

    def combined(self, operator: ast.operator, left: Value, right: Value) -> ByKind | None:
        raise NotImplementedError

    def transformed(self, operator: ast.unaryop, value: Value) -> ByKind | None:
        raise NotImplementedError

    def compared(self, operator: ast.cmpop, left: Value, right: Value) -> ByKind | None:
        raise NotImplementedError

    def conjoined(self, values: Sequence[Value], *, conjunction: bool) -> ByKind | None:
        raise NotImplementedError

    def picked(self, condition: Value, first: Value, second: Value) -> ByKind | None:
        raise NotImplementedError

    def measured(self, value: Value) -> ByKind | None:
        raise NotImplementedError

    def store_by_kind(self, target: Obj, index: Value, value: Value) -> bool:
        raise NotImplementedError

    def spoil(self, target: Obj) -> None:
        raise NotImplementedError

    def note_stored(self, target: Obj, value: Const) -> None:
        raise NotImplementedError

    def counted(self, record: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def added(self, old: frozenset[int], new: frozenset[int], node: ast.AST) -> frozenset[int]:
        raise NotImplementedError

    def tokenizer(self, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        raise NotImplementedError

    def tokenizer_method(
        self, owner: Obj, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def kinds_to_visit(self, node: ast.For | ast.AsyncFor, iterable: Value, env: Env) -> list[Value] | None:
        raise NotImplementedError

    def kinds_listed(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, env: Env) -> Obj | None:
        raise NotImplementedError

    def distribution(self, record: Data, node: ast.AST) -> Data:
        raise NotImplementedError

    def exact_items(self, value: Value) -> Sequence[Value] | None:
        raise NotImplementedError

    def known_items(self, iterable: Value) -> Sequence[Value] | None:
        raise NotImplementedError

    def length(self, value: Value) -> Expr | None:
        raise NotImplementedError

    def cast_bits(self, name: str, args: list[Value], keywords: dict[str, Value]) -> int | None:
        raise NotImplementedError

    def wrapped(self, value: Value, bits: int) -> Value:
        raise NotImplementedError

    def indexable(self, value: Value) -> Value:
        raise NotImplementedError

    def is_aligned(self, container: Obj, entries: Sequence[object]) -> bool:
        raise NotImplementedError

    def data_length(self, owner: Value, record: Data) -> Expr | None:
        raise NotImplementedError

    def comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, env: Env
    ) -> Value:
        raise NotImplementedError

    def fork(
        self,
        arms: Sequence[tuple[Sequence[ast.stmt], Condition | None]],
        env: Env,
        node: ast.stmt,
        text: str,
        choice: Choice | None = None,
    ) -> str | None:
        raise NotImplementedError

    def iterated(self, value: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def each(self, iterable: Value, take: Callable[[Value], None], body: Body) -> str | None:
        raise NotImplementedError

    def turns(
        self,
        body: Body,
        entry: int,
        count: Expr | None,
        bind: Callable[[Atom], None],
        *,
        always: bool = False,
    ) -> str | None:
        raise NotImplementedError

    def settle_deferred(self, left: list[Deferral]) -> None:
        raise NotImplementedError

    def as_generator(self, value: Value) -> Generator | None:
        raise NotImplementedError

    def driven(self, generator: Generator, take: Callable[[Value], None], body: Body) -> str | None:
        raise NotImplementedError

    def listed(self, generator: Generator, *, at_once: bool = False) -> Value:
        raise NotImplementedError

    def once(self, generator: Generator, take: Consume) -> str | None:
        raise NotImplementedError

    def mapped(self, func: Value, iterables: list[Value], node: ast.AST) -> Generator:
        raise NotImplementedError

    def framed(self, drive: Callable[[Consume], None]) -> Callable[[Consume], None]:
        raise NotImplementedError

    def generator_call(self, func: Func, scope: Env, node: ast.AST) -> Generator:
        raise NotImplementedError

    def yields(self, func: Func) -> bool:
        raise NotImplementedError

    def optimizer_method(
        self, optimizer: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def backward(self, loss: Data, node: ast.AST) -> None:
        raise NotImplementedError

    # places, numbers, symbols
    def place(self, node: ast.AST) -> Place:
        return Place(
            self.path, self.layer, getattr(node, "lineno", self.line), getattr(node, "col_offset", 0)
        )

    def tick(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise StepsExhausted

    def next_entry(self) -> int:
        self.last_entry += 1
        return self.last_entry

    def entries(self) -> tuple[int, ...]:
        return tuple(loop.entry for loop in self.running)

    def allocate(self, kind: str, node: ast.AST, name: str = "", cls: Class | None = None) -> Obj:
        self.last_object += 1
        return Obj(self.last_object, kind, self.place(node), self.entries(), name, cls)

    def symbol(self, kind: str, *parts: object, low: int | None = None) -> Expr:
        """A fresh symbol; what it depends on goes into `parts` as expressions.

        An unknown is another one in each turn of the loops that are running.
        """
        self.last_symbol += 1
        if kind == "free" and not parts:
            parts = tuple(Expr.of(loop.counter) for loop in self.running)
        return Expr.of(Atom(kind, (self.last_symbol, *parts), low))

    def put(self, holder: Holder, key: object, value: object) -> None:
        self.trail.put(holder, key, value)

    # events
    def common(self, node: ast.AST) -> dict[str, object]:
        """The fields that every event has."""
        return {
            "number": self.numbering.next(),
            "place": self.place(node),
            "turns": tuple(
                Turn(entry=r.entry, iteration=r.iteration, variable=r.variable) for r in self.running
            ),
            "certain": Answer.MAYBE if Answer.MAYBE in self.certainty else Answer.YES,
            "function": self.functions[-1] if self.functions else "",
        }

    def record(self, event: Event) -> None:
        """Keep an event and hang it into the tree."""
        self.events[event.number] = event
        leaf = self.node.child("event", type(event).__name__, event.place)
        leaf.events.append(event)
        self.leaves[event.number] = leaf

    def doubt(self, reason: str, what: str, node: ast.AST) -> int:
        """Record that something could not be followed; the number goes into the values it poisons."""
        place = self.place(node)
        leaf = self.node.child("event", "Unresolved", place)
        for event in leaf.events:
            if isinstance(event, Unresolved) and event.reason == reason and event.what == what:
                return event.number
        event = Unresolved(**self.common(node), reason=reason, what=what[:120])  # type: ignore[arg-type]
        self.events[event.number] = event
        leaf.events.append(event)
        return event.number

    @contextmanager
    def standing_in(self, layer: int, path: str) -> Iterator[None]:
        """Run a part of another file or layer."""
        before = self.layer, self.path
        self.layer, self.path = layer, path
        try:
            yield
        finally:
            self.layer, self.path = before

    # views of values
    def history(self, target: Obj) -> frozenset[int]:
        found = target.d.get("#history")
        return found if isinstance(found, frozenset) else frozenset()

    def misgivings(self, target: Obj) -> frozenset[int]:
        """The doubts about what the state was last given."""
        found = target.d.get("#doubts")
        return found if isinstance(found, frozenset) else frozenset()

    def content(self, target: Obj, depth: int = 0) -> Data:
        """What a container or tensor holds, as one record."""
        found = target.d.get("#content")
        out = found if isinstance(found, Data) else UNKNOWN
        for key in ("#items", "#elements"):
            values = target.d.get(key)
            if isinstance(values, tuple):
                for value in values:
                    if value is not target:
                        out = join_data(out, self.all_turns(target, value, depth))
        kinds = target.d.get("#kinds")
        if isinstance(kinds, Data):
            out = replace(out, by_kind=kinds.by_kind)
        base = target.d.get("#base")
        if isinstance(base, Value):
            out = join_data(out, self.data(base, depth + 1))
        for cell in ("#parts", "#joined"):
            parts = target.d.get(cell)
            if isinstance(parts, tuple):
                for part in parts:
                    out = join_data(out, self.data(part, depth + 1))
        return out

    def all_turns(self, target: Obj, value: Value, depth: int) -> Data:
        """An element as a part of the whole container: files of all turns of a comprehension are all files."""
        record = self.data(value, depth + 1)
        entries = target.d.get("#entries")
        if not isinstance(entries, tuple) or not record.regions:
            return record
        regions = set()
        for region in record.regions:
            turns = frozenset(a for a in region.turns if a.args[0] not in entries)
            whole = region.start is None and region.turns and not turns and region.source == "val"
            regions.add(WHOLE if whole else replace(region, turns=turns))
        return replace(record, regions=frozenset(regions))

    def data(self, value: Value | None, depth: int = 0) -> Data:
        """The value seen as a record of where it came from."""
        if isinstance(value, Data):
            if value.refs:
                updates, doubts = value.updates, value.doubts
                for target in value.refs:
                    updates |= self.history(target)
                    doubts |= self.misgivings(target)
                return replace(value, updates=updates, doubts=doubts, states=value.states | value.refs)
            return value
        if isinstance(value, Const):
            return Data(settings=value.settings) if value.settings else UNKNOWN
        if isinstance(value, (Num, Truth)):
            expr = value.expr if isinstance(value, Num) else value.condition.difference
            turns = expr.iterations()
            marks = frozenset(("mask",)) if isinstance(value, Truth) else NONE
            return Data(turns=turns, marks=marks, settings=value.settings) if turns or marks else UNKNOWN
        if depth > MAX_NESTING:
            what = f"more than {MAX_NESTING} containers in one another"
            return Data(doubts=frozenset((self.doubt("nested too deep", what, ast.Pass()),)))
        if isinstance(value, (Tup, Alt)):
            out = UNKNOWN
            for item in value.items if isinstance(value, Tup) else value.options:
                out = join_data(out, self.data(item, depth + 1))
            return out
        if isinstance(value, Columns):
            return replace(self.data(Tup(value.items), depth + 1), rank=2)
        if isinstance(value, Obj):
            return self.object_data(value, depth)
        if isinstance(value, View):
            found = substitute(self.object_data(value.base, depth), by_entry(value.mapping))
            assert isinstance(found, Data)
            turns = value.key.iterations() if value.key is not None else frozenset()
            return replace(found, turns=found.turns | turns) if turns else found
        if isinstance(value, Keyed):
            return self.data(value.value, depth + 1)
        if isinstance(value, Generator):
            return self.data(self.listed(value), depth + 1)
        if isinstance(value, Partial):
            return self.data(Tup(value.args), depth + 1)
        if isinstance(value, Method):
            record = self.data(value.owner, depth + 1)
            # how many tokens there are tells nothing of any of them
            return Data(turns=record.turns) if value.name in ("size", "nbytes", "ndim", "shape") else record
        return UNKNOWN

    def object_data(self, target: Obj, depth: int) -> Data:
        me = frozenset((target,))
        history = self.history(target)
        if target.kind == "module":
            return Data(updates=history, doubts=self.misgivings(target), states=me, refs=me)
        if target.kind in ("tensor", "dict", "list", "optimizer", "iterator"):
            inner = self.within(target, depth, self.content)
            if target.kind == "tensor":
                inner = self.let_through(target, inner)
                bounds = target.d.get(BOUNDS)
                if (
                    isinstance(bounds, frozenset)
                    and target.d.get(TOUCHED) == STORED
                    and math.inf not in bounds
                ):
                    inner = replace(inner, most=max(bounds))
            states = inner.states | me if target.kind in ("tensor", "dict") else inner.states | inner.refs
            refs = me if target.kind == "optimizer" else inner.refs | me
            return replace(inner, updates=inner.updates | history, states=states, refs=refs)
        return self.within(target, depth, self.attributes)

    def within(self, target: Obj, depth: int, look: Callable[[Obj, int], Data]) -> Data:
        """What an object holds; nothing more if that is being asked already, since it holds itself."""
        if target in self.looking:
            return UNKNOWN
        self.looking.add(target)
        try:
            return look(target, depth)
        finally:
            self.looking.discard(target)

    def attributes(self, target: Obj, depth: int) -> Data:
        out = UNKNOWN
        for key, item in list(target.d.items()):
            if (
                isinstance(item, Value)
                and not isinstance(item, (Func, Class))
                and not str(key).startswith("#")
            ):
                out = join_data(out, self.data(item, depth + 1))
        return out

    def mix(self, *values: Value | None) -> Data:
        """A new value computed from others."""
        out = UNKNOWN
        for value in values:
            out = join_data(out, self.data(value).plain())
        if out.by_kind is not None:
            out = replace(out, by_kind=out.by_kind.lost() if out.by_kind.axes else None)
        return out

    def tells_apart(self, value: Value, entries: Sequence[int]) -> bool:
        """Whether the value depends on every one of these loops, so that different turns give different values."""
        record = self.data(value)
        found = {atom.args[0] for atom in record.turns}
        for region in record.regions:
            found |= {atom.args[0] for atom in region.iterations}
        return all(entry in found for entry in entries)

    def mix_references(self, values: list[Value]) -> Data:
        """Several values together, aliases of states kept."""
        out = UNKNOWN
        for value in values:
            out = join_data(out, self.data(value))
        return out

    def number(self, value: Value | None) -> Expr | None:
        """The value as an integer expression, where it is one."""
        if isinstance(value, Const) and isinstance(value.value, int):
            return Expr(int(value.value))
        if isinstance(value, Num):
            return value.expr
        return None

    def objects(self, value: Value | None) -> frozenset[Obj]:
        """The heap objects that the value is."""
        if isinstance(value, Obj):
            return frozenset((value,))
        if isinstance(value, View):
            return frozenset((value.base,))
        if isinstance(value, Alt):
            return frozenset().union(*(self.objects(option) for option in value.options))
        if isinstance(value, Data):
            return value.refs
        return frozenset()

    # three-valued logic
    def is_open(self, value: Value) -> bool:
        """Whether both outcomes are to be followed, since a mere default decided the value.

        That is so only in an evaluation that stands for all in which such a switch is turned.
        """
        if not self.both_ways:
            return False
        names = getattr(value, "settings", NONE)
        return any(name in self.resolved and self.resolved[name].origin == "default" for name in names)

    def decide(self, condition: Condition) -> bool | None:
        difference = condition.difference
        if condition.operator == ">=":
            if proves(difference):
                return True
            return False if proves(-difference - 1) else None
        if condition.operator == "==":
            if proves(difference - 1) or proves(-difference - 1):
                return False
            return True if proves(difference) and proves(-difference) else None
        return None

    def truth(self, value: Value) -> bool | None:
        """Whether the value is true, where that is known."""
        if isinstance(value, Const):
            return bool(value.value)
        if isinstance(value, Num):
            outcome = self.decide(Condition("==", value.expr))
            return None if outcome is None else not outcome
        if isinstance(value, Truth):
            return self.decide(value.condition)
        if isinstance(value, Tup):
            return bool(value.items)
        if isinstance(value, (Func, Class, Lib, Method, Partial, Generator)):
            return True
        if isinstance(value, Obj):
            if value.kind in ("list", "dict"):
                items = value.d.get("#items")
                return bool(items) if isinstance(items, tuple) and "#elements" not in value.d else None
            return True
        return None

    # joins
    def join(self, a: Value | None, b: Value | None, condition: Condition | None = None) -> Value:
        """A value that is `a` (where `condition` holds) or `b`."""
        if a is b or b is None:
            return a if a is not None else UNKNOWN
        if a is None or a is EMPTY:
            return b
        if b is EMPTY:
            return a
        if isinstance(a, Const) and isinstance(b, Const):
            if type(a.value) is type(b.value) and a.value == b.value:
                return Const(a.value, a.settings | b.settings)
        left, right = self.number(a), self.number(b)
        if left is not None and right is not None and not isinstance(getattr(a, "value", 0), bool):
            settings = getattr(a, "settings", NONE) | getattr(b, "settings", NONE)
            if left == right:
                return Num(left, settings)
            if condition is None:
                constants = self.constants_of(left, right)
                if constants is not None:
                    return Num(self.one_of(constants), settings)
            guard = condition or Condition(">=", self.symbol("free"))
            return Num(operation("ite", guard, left, right), settings)
        if isinstance(a, Const) and isinstance(b, Const):
            if a.value is None or b.value is None:
                return Alt((a, b))
            return Data(settings=a.settings | b.settings)
        if isinstance(a, Const) and a.value is None and not isinstance(b, (Num, Truth)):
            return b
        if isinstance(b, Const) and b.value is None and not isinstance(a, (Num, Truth)):
            return a
        plain = (Data, Const, Num, Truth)
        if isinstance(a, plain) and isinstance(b, plain):
            return join_data(self.data(a) if not isinstance(a, Data) else a, self.as_record(b))
        if isinstance(a, Tup) and isinstance(b, Tup) and len(a.items) == len(b.items):
            guard = condition or Condition(">=", self.symbol("free"))
            return Tup(tuple(self.join(x, y, guard) for x, y in zip(a.items, b.items, strict=True)))
        if isinstance(a, (Tup, *plain)) and isinstance(b, (Tup, *plain)):
            return join_data(self.data(a), self.data(b))
        options = list(a.options) if isinstance(a, Alt) else [a]
        for option in b.options if isinstance(b, Alt) else (b,):
            if not any(self.same(option, known) for known in options):
                options.append(option)
        if len(options) == 1:
            return options[0]
        if len(options) > MAX_ALTERNATIVES:
            return self.data(Tup(tuple(options)))
        return Alt(tuple(options))

    def constants_of(self, *exprs: Expr) -> list[int] | None:
        """The constants that expressions may be, where conditions that nothing is known of choose among them."""
        found: set[int] = set()
        waiting = list(exprs)
        while waiting:
            expr = waiting.pop()
            if expr.is_constant:
                found.add(expr.constant)
                continue
            atom = expr.terms[0][0]
            whole = len(expr.terms) == 1 and expr.terms[0][1] == 1 and not expr.constant
            if not whole or not is_anonymous_choice(atom) or len(found) > MAX_CONSTANTS:
                return None
            waiting.extend(case for case in atom.args[1:] if isinstance(case, Expr))
        return sorted(found)

    def one_of(self, constants: Sequence[int]) -> Expr:
        """Any of the constants."""
        out = Expr(constants[-1])
        for value in reversed(constants[:-1]):
            out = operation("ite", Condition(">=", self.symbol("free")), Expr(value), out)
        return out

    def as_record(self, value: Value) -> Data:
        return value if isinstance(value, Data) else self.data(value)

    def same(self, a: Value, b: Value) -> bool:
        if a is b:
            return True
        if isinstance(a, Func) and isinstance(b, Func):
            return a.node is b.node and a.instance is b.instance
        if isinstance(a, View) and isinstance(b, View):
            return a.base is b.base and a == b
        return type(a) is type(b) and isinstance(a, (Const, Num, Lib, Truth)) and a == b

    def path_facts(self) -> tuple[Expr, ...]:
        """What the branches taken so far say of integers, as expressions that are not negative."""
        out: list[Expr] = []
        for condition in self.conditions:
            if condition.operator == ">=":
                out.append(condition.difference)
            else:
                out += [condition.difference, -condition.difference]
        return tuple(out)


def is_anonymous_choice(atom: Atom) -> bool:
    """Whether a conditional is decided by something that nothing is known of."""
    if atom.kind != "ite" or not isinstance(atom.args[0], Condition):
        return False
    terms = atom.args[0].difference.terms
    return len(terms) == 1 and terms[0][0].kind == "free" and terms[0][0].low is None
