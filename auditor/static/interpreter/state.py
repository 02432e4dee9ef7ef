"""The state of a run of the evaluator: places, numbers, symbols, and the tree of recorded events."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from auditor.native.sources import NativeFunction
from auditor.solver.expressions import Atom, Condition, Expr, expressions_known
from auditor.static.domain.flow import Deferral, RunningLoop
from auditor.static.domain.heap import Class, Env, Holder, Obj, Trail
from auditor.static.domain.provenance import UNKNOWN, Data
from auditor.static.domain.settings import Resolved, Setting
from auditor.static.domain.taint import Looks
from auditor.static.domain.values import Consume, Value
from auditor.static.interpreter.interfaces import Contract
from auditor.trace.answer import Answer
from auditor.trace.events import Event, Numbering, Place, Turn, Unresolved
from auditor.trace.formula import Change
from auditor.trace.trace import Switch
from auditor.trace.tree import Node

if TYPE_CHECKING:
    pass


MAX_STEPS = 600_000
"""Steps of one evaluation, a statement or so each; the longest of the real scripts take 130,000."""

MAX_EXPRESSIONS = 120_000
"""Different expressions one evaluation may bring up, a third of a gigabyte or so; real scripts take 40,000 at most."""

MAX_DEPTH = 24
"""Calls of functions in one another."""


class StepsExhausted(Exception):
    """The evaluation reached one of its caps; its text says which."""


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


class Ledger(Contract):
    """Keeps what happens."""

    def __init__(
        self, source: Source, settings: Mapping[str, Setting], main: tuple[ast.Module, int, str]
    ) -> None:
        self.source = source
        self.settings = dict(settings)
        self.main = main
        self.globals = Env()
        self.caller = self.globals
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
        self.frames: list[Env] = []
        self.in_hooks = False
        self.removed_hooks: set[int] = set()
        self.views: dict[int, tuple[Data, Data]] = {}
        self.caps_ahead: dict[int, tuple[ast.Compare, Value, Value]] = {}
        self.returns: list[Value | None] = []
        self.consumers: list[Consume] = []
        self.yielding: dict[int, bool] = {}
        self.stopped = False
        self.sending: list[Value] = []
        self.method_names: set[str] | None = None
        self.entered: set[int] = set()
        self.variant: tuple[object, ...] = ()
        self.trying = 0
        self.raising: list[list[Value]] = []
        self.disk: Data = UNKNOWN
        self.steps = 0
        self.known_before = expressions_known()
        self.effects = 0
        self.scores = 0
        self.standing: set[int] = set()
        self.following = 0
        self.score_tests: list[Change] = []
        self.additions: list[set[tuple[str, int]]] = []
        self.left_out: list[tuple[str, str, str, ast.AST]] = []
        self.thinned_lists: dict[int, tuple[str, str, str, ast.AST]] = {}
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
        self.known_restores: dict[object, int] = {}
        self.known_carries: dict[object, int] = {}

    def place(self, node: ast.AST) -> Place:
        return Place(
            self.path, self.layer, getattr(node, "lineno", self.line), getattr(node, "col_offset", 0)
        )

    def tick(self, steps: int = 1) -> None:
        """Spend steps of the evaluation.

        Raises:
            StepsExhausted: none are left, or it brought up too many expressions; what was recorded until then
                stands, and says that it is not all.
        """
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise StepsExhausted(f"after {self.steps} steps")
        if expressions_known() - self.known_before > MAX_EXPRESSIONS:
            raise StepsExhausted(f"after {MAX_EXPRESSIONS} different expressions")

    def next_entry(self) -> int:
        self.last_entry += 1
        return self.last_entry

    def entries(self) -> tuple[int, ...]:
        return tuple(loop.entry for loop in self.running)

    def younger_entries(self, target: Obj) -> tuple[int, ...]:
        """The loops that are running and did not run yet when the object was made."""
        return tuple(entry for entry in self.entries() if entry not in target.loops)

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
        self.leaves[event.number] = leaf
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
