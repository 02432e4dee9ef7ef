"""State that reaches a model by none of its arguments: names it captures, its attributes, the process environment.

What was fitted to validation tokens and put where a forward pass finds it (a global table, an attribute, a variable of
the environment) is in the number as much as what is handed to it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.domain.cells import Cell
from auditor.static.domain.heap import Func, Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.taint import joined
from auditor.static.domain.values import Value
from auditor.static.effects.events import Scoring
from auditor.static.effects.havoc import Havoc
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Score, UpdateHow
from auditor.trace.region import Region

ENVIRONMENT_READS = frozenset(["environ", "getenv"])
HELD = frozenset(["tensor", "list", "dict", "selection"])
"""Kinds of objects whose content a captured name brings along; modules have histories of their own."""


class AmbientState:
    """Follows state that is handed to nobody."""

    def __init__(self, machine: Machine, havoc: Havoc, scoring: Scoring) -> None:
        self.script = machine.script
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.havoc = havoc
        self.scoring = scoring
        self.learning: dict[int, bool] = {}
        self.process_environment = self.heap.allocate("table", self.script.main[0], "os.environ")
        self.environment_writes: dict[str, Value] = {}
        self.disk: Data = CLEAN

    def put_on_disk(self, record: Data) -> None:
        """Something is written to a file; files are not told apart."""
        self.disk = combine(self.disk, replace(record.plain(), rank=None, template=None))

    def set_environment(self, name: str, value: Value, node: ast.AST) -> None:
        """A variable of the environment is set; what was made of validation tokens makes a state of it."""
        self.environment_writes[name] = value
        record = self.views.data(value)
        regions = self.tells_of(record)
        if regions:
            how: UpdateHow = "selection" if record.losses else "in place"
            self.scoring.update(self.process_environment, regions, node, how, f"os.environ[{name!r}]")
        if record.updates - self.views.own_history(self.process_environment):
            history = self.views.own_history(self.process_environment) | record.updates
            self.heap.put(self.process_environment, Obj.history, history)

    def tells_of(self, record: Data) -> frozenset[Region]:
        """The validation tokens that a value tells something of, by itself or by their scores."""
        found = {region for region in record.regions if region.source == "val"}
        for number in record.losses:
            event = self.recorder.events.get(number)
            if isinstance(event, Score):
                found |= event.regions
        return frozenset(found)

    def from_environment(self, value: Value) -> Value:
        """What was put into the environment, with what the environment has been fitted to."""
        if not isinstance(value, Data) or not value.relevant:
            return value
        history = self.views.own_history(self.process_environment)
        return replace(value, updates=value.updates | history)

    def unread_forward(self, part: Obj, given: Sequence[Value], node: ast.AST) -> None:
        """A forward pass that takes gradients of something else than what it is handed, by names that it captures."""
        method = part.cls.find("forward") if part.cls is not None else None
        if method is None:
            return
        learns = self.learning.get(id(method.node))
        if learns is None:
            learns = self.learning[id(method.node)] = self.havoc.reach((method,), calls_only=True).learns
        if learns:
            values = (method, part, *given)
            self.havoc.mark(
                values, "a forward pass that trains", f"{part.name}.forward", node, calls_only=True
            )

    def with_ambient_state(
        self, module: Obj, method: Func | None, result: Data, seen: frozenset[Region], node: ast.AST
    ) -> Data:
        """The result of a module's method, with what it finds beside its arguments; `seen` are its input's tokens."""
        found = [cell for part in self.views.members(module) for cell in held_in(part)]
        holders = {id(cell): part for part in self.views.members(module) for cell in held_in(part)}
        if method is not None:
            initialiser = module.cls.find("__init__") if module.cls is not None else None
            reach = self.havoc.reach(
                [method] if initialiser is None else [method, initialiser], calls_only=True
            )
            found += [*reach.fitted, *(o for o in reach.objects if o.kind in HELD)]
            if reach.asked & ENVIRONMENT_READS:
                found.append(self.process_environment)
            if reach.reads:
                found.append(replace(self.disk, regions=frozenset()))
        updates, doubts, looks = result.updates, result.doubts, result.looks
        for value in found:
            record = self.views.data(value)
            updates |= record.updates
            doubts |= record.doubts
            looks = joined(looks, record.looks)
            state = holders.get(id(value), value)
            told = frozenset(r for r in record.regions if r.source == "val") - seen
            if told and isinstance(state, Obj) and not record.losses:
                self.scoring.update(state, told, node, "container", "what the forward pass finds")
                updates |= self.views.own_history(state)
            if isinstance(value, Obj):
                updates |= self.views.own_history(value)
        if (updates, doubts, looks) == (result.updates, result.doubts, result.looks):
            return result
        return replace(result, updates=updates, doubts=doubts, looks=looks)


def held_in(part: Obj) -> list[Value]:
    """What is kept under the attributes of a module, other modules aside."""
    cells = [cell for name, cell in part.d.items() if not isinstance(name, Cell)]
    return [
        cell
        for cell in cells
        if (isinstance(cell, Data) and cell is not CLEAN) or (isinstance(cell, Obj) and cell.kind in HELD)
    ]
