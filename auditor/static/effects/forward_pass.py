"""A model's method followed for the loss that it gives, and for nothing else.

What a call of a module does to states and tokens is read from its text (`auditor.static.transfer.nn_modules`). What its
loss is made of needs its body: it runs on the arguments and the heap of the call, with `self.training` as the
evaluation left it, and everything it did is taken back.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.cells import Cell
from auditor.static.domain.flow import Loss
from auditor.static.domain.heap import Func, Obj
from auditor.static.domain.values import Const, Value
from auditor.static.effects.ambient_state import AmbientState
from auditor.static.effects.events import Scoring
from auditor.static.effects.formulas import Formulas
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Update
from auditor.trace.formula import Formula, Kind, Of
from auditor.trace.tree import Node

MAX_FOLLOWED = 60
"""Different calls of models that are followed in one evaluation."""


class ForwardPass:
    """Follows models into their losses."""

    def __init__(
        self, machine: Machine, formulas: Formulas, scoring: Scoring, ambient_state: AmbientState
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.formulas = formulas
        self.scoring = scoring
        self.ambient_state = ambient_state
        self.known_forward: dict[object, Loss] = {}

    def followed(
        self, module: Obj, method: Func, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST
    ) -> Loss:
        """The loss that a call of a module's method gives."""
        name = getattr(method.node, "name", "forward")
        if id(method.node) in self.frames.active or len(self.known_forward) >= MAX_FOLLOWED:
            return Loss(
                Formula().changed(self.formulas.change(node, Kind.OPAQUE, f"the loss that {name} gives"))
            )
        key = (id(method.node), self.surroundings(module, method), self.shown(args, keywords))
        known = self.known_forward.get(key)
        if known is None:
            known = self.known_forward[key] = self.run_forward(module, method, args, keywords, node, name)
        return known

    def told_by(self, value: object) -> object:
        return value.value if isinstance(value, Const) else type(value).__name__

    def surroundings(self, module: Obj, method: Func) -> object:
        """What a method may read beside its arguments: attributes, names of outer scopes, the environment."""
        attributes = {k: self.identity(v) for k, v in module.d.items() if not isinstance(k, Cell)}
        names: dict[object, object] = {}
        for name in names_read(method.node if module.cls is None else module.cls.node):
            scope = method.env.find(name)
            if scope is not None:
                names[name] = self.identity(scope.d[name])
        environment = {
            name: self.identity(value) for name, value in self.ambient_state.environment_writes.items()
        }
        return tuple(tuple(sorted(d.items(), key=str)) for d in (attributes, names, environment))

    def identity(self, value: object) -> object:
        return (value.value, "") if isinstance(value, Const) else id(value)

    def shown(self, args: Sequence[Value], keywords: Mapping[str, Value]) -> object:
        """What tells two calls of one method apart: which arguments they have, and their constants."""
        given = [(str(place), value) for place, value in enumerate(args)] + sorted(keywords.items())
        return tuple((name, repr(self.told_by(value))) for name, value in given)

    def run_forward(
        self,
        module: Obj,
        method: Func,
        args: Sequence[Value],
        keywords: Mapping[str, Value],
        node: ast.AST,
        name: str,
    ) -> Loss:
        mark, last, before = self.heap.trail.mark(), self.recorder.numbering.last, self.recorder.node
        effects, written, standing = (
            self.recorder.effects,
            set(self.heap.written),
            set(self.recorder.standing),
        )
        self.recorder.node = Node(kind="call", text=name, place=self.recorder.place(node))
        self.frames.following += 1
        try:
            record = self.views.data(
                self.machine.apply.call_function(
                    replace(method, instance=module), list(args), dict(keywords), node
                )
            )
        finally:
            self.frames.following -= 1
            self.recorder.node = before
            self.heap.trail.undo(mark)
            self.scoring.retract(last)
            self.recorder.effects, self.heap.written, self.recorder.standing = effects, written, standing
        if record.formula is None or not record.losses or record.formula.of is Of.NUMBER:
            return Loss(
                Formula().changed(self.formulas.change(node, Kind.OPAQUE, f"the loss that {name} gives"))
            )
        chosen = frozenset(n for n in record.updates if self.is_selection(n))
        return Loss(record.formula, chosen)

    def is_selection(self, number: int) -> bool:
        event = self.recorder.events.get(number)
        return isinstance(event, Update) and event.how == "selection"


@once_a_node
def names_read(node: ast.AST) -> tuple[str, ...]:
    """The names that a text reads."""
    return tuple(dict.fromkeys(n.id for n in walk(node) if isinstance(n, ast.Name)))
