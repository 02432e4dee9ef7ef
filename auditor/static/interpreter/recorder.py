"""Where the evaluation stands, and what has happened: places, loops that run, and the tree of recorded events."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from auditor.static.domain.flow import RunningLoop
from auditor.static.domain.heap import Obj
from auditor.trace.answer import Answer
from auditor.trace.events import Event, Numbering, Place, Turn, Unresolved
from auditor.trace.trace import Switch
from auditor.trace.tree import Node


class Common(TypedDict):
    """The fields that every event has."""

    number: int
    place: Place
    turns: tuple[Turn, ...]
    certain: Answer
    function: str


class Recorder:
    """Keeps what happens.

    Attributes:
        layer: number of the layer that runs; `path` is its file, `line` the statement's.
        events: what was recorded, by number; `leaves` are their places in the tree.
        root: the tree, whose node `node` is the one that runs.
        running: the loops that run, the innermost last.
        certainty: whether each of the branches around runs for certain.
        functions: names of the functions that run, the innermost last.
        effects: how many states were changed so far; `scores`, how many scores were made.
        standing: doubts that hold for every number printed from here on.
        complete: whether the whole script was followed.
    """

    def __init__(self, main: tuple[ast.Module, int, str]) -> None:
        self.numbering = Numbering()
        self.events: dict[int, Event] = {}
        self.leaves: dict[int, Node] = {}
        self.switches: list[Switch] = []
        self.layer, self.path = main[1], main[2]
        self.line = 1
        self.root = Node(kind="root", text="", place=Place(self.path, self.layer, 1))
        self.node = self.root
        self.running: list[RunningLoop] = []
        self.certainty: list[Answer] = []
        self.functions: list[str] = []
        self.last_entry = 0
        self.effects = 0
        self.scores = 0
        self.standing: set[int] = set()
        self.complete = True

    # where
    def place(self, node: ast.AST) -> Place:
        return Place(
            self.path, self.layer, getattr(node, "lineno", self.line), getattr(node, "col_offset", 0)
        )

    @contextmanager
    def standing_in(self, layer: int, path: str) -> Iterator[None]:
        """Run a part of another file or layer."""
        before = self.layer, self.path
        self.layer, self.path = layer, path
        try:
            yield
        finally:
            self.layer, self.path = before

    def next_entry(self) -> int:
        self.last_entry += 1
        return self.last_entry

    def entries(self) -> tuple[int, ...]:
        return tuple(loop.entry for loop in self.running)

    def younger_entries(self, target: Obj) -> tuple[int, ...]:
        """The loops that are running and did not run yet when the object was made."""
        return tuple(entry for entry in self.entries() if entry not in target.loops)

    # what
    def common(self, node: ast.AST) -> Common:
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
        event = Unresolved(**self.common(node), reason=reason, what=what[:120])
        self.events[event.number] = event
        leaf.events.append(event)
        self.leaves[event.number] = leaf
        return event.number
