"""Weights that travel: saved to files, loaded from them, copied from one state to another.

Files are not told apart: what is read may be any of what the run has written before.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import FROM_OUTSIDE, GIVEN, Data
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Artifact, Load


class Weights:
    """What becomes of states that leave and come back."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects

    def saved(self, record: Data, node: ast.AST) -> None:
        """Something is written to a file."""
        self.effects.ambient_state.put_on_disk(record)
        if record.states:
            self.recorder.record(
                Artifact(**self.recorder.common(node), action="save", what=ast.unparse(node)[:60])
            )

    def loaded(self, given: Data) -> Data:
        """What is unpacked out of something read: of its layout nothing is known."""
        if given.origins:
            return replace(given, rank=None, span=None, array=None, template=None)
        return self.from_disk(
            Data(
                regions=given.regions,
                turns=given.turns,
                updates=given.updates,
                doubts=given.doubts,
                marks=given.marks,
            )
        )

    def from_disk(self, record: Data) -> Data:
        """What a file holds: whichever it is, it may be one that the run has written."""
        disk = self.effects.ambient_state.disk
        return replace(
            record,
            updates=record.updates | disk.updates,
            doubts=record.doubts | disk.doubts,
            marks=record.marks | {"artifact"},
        )

    def load_state(self, module: Obj, source: Data, node: ast.AST) -> None:
        """Weights are replaced: the module's history becomes that of what is loaded.

        Where not all of them need be there, the others stay what they were.
        """
        strict = is_strict(node)
        loaded = self.views.registered(module) if strict else frozenset((module,))
        for part in sorted(loaded, key=lambda o: o.number):
            before = self.views.own_history(part)
            if before and strict and not source.updates:
                self.effects.scoring.reset(part, node, "load_state_dict")
            self.take_over(part, source, node)
            if not strict and before:
                self.heap.put(part, Obj.history, before | source.updates)
        for part in self.views.members(module) - loaded:
            self.heap.put(part, Obj.history, self.views.own_history(part) | source.updates)

    def copy_state(self, target: Obj, given: Data, node: ast.AST) -> None:
        """`p.copy_(saved)`: the state's history becomes that of what is copied."""
        for part in sorted(self.views.registered(target), key=lambda o: o.number):
            if not given.updates and self.views.own_history(part):
                self.effects.scoring.reset(part, node, "copy_")
            self.take_over(part, given, node)

    def copy_part(self, target: Obj, given: Data, node: ast.AST) -> None:
        """`model.head.weight.copy_(saved)`: the rest of the state stays what it was."""
        self.heap.put(target, Obj.history, self.views.own_history(target) | given.updates)
        self.heap.put(target, Obj.doubts, target.doubts | self.origin_doubts(given, node))

    def take_over(self, target: Obj, source: Data, node: ast.AST) -> None:
        """The whole state becomes what the source is."""
        self.heap.put(target, Obj.history, source.updates)
        self.from_outside(target, source, node)
        if "artifact" in source.marks or self.has_restored(source):
            self.restore(target, node)
        elif source.states:
            self.heap.put(target, Obj.restored, False)
        doubts = self.origin_doubts(source, node)
        if doubts != target.doubts:
            self.heap.put(target, Obj.doubts, doubts)

    def origin_doubts(self, source: Data, node: ast.AST) -> frozenset[int]:
        """The doubts about what a state is given: unless it is known where from, it may be the fruit of any update."""
        followed = source.updates or source.states or source.refs or "artifact" in source.marks
        if followed or not self.effects.scoring.known_updates:
            return source.doubts
        return source.doubts | {
            self.recorder.doubt("weights of an origin that is not followed", ast.unparse(node), node)
        }

    def from_outside(self, target: Obj, source: Data, node: ast.AST) -> None:
        """A state is given weights out of files that the script never wrote."""
        if GIVEN in source.marks:
            return
        loads = [self.machine.apply.origin(number) for number in sorted(source.origins)]
        for load in loads:
            if isinstance(load, Load) and load.source == FROM_OUTSIDE and target.kind == "module":
                event = Artifact(
                    **self.recorder.common(node), action="foreign", what=load.what, state=target.state()
                )
                self.recorder.record(event)

    def has_restored(self, record: Data) -> bool:
        """Whether a module that a value comes from was given weights read back from a file."""
        owners = record.states | record.refs
        return any(part.restored for owner in owners for part in self.views.members(owner))

    def restore(self, target: Obj, node: ast.AST) -> None:
        """A state is given weights read back from a file."""
        self.heap.put(target, Obj.restored, True)
        key = (target.number, self.recorder.place(node))
        if target.kind == "module" and key not in self.effects.scoring.known_restores:
            what = ast.unparse(node)[:60]
            event = Artifact(**self.recorder.common(node), action="restore", what=what, state=target.state())
            self.recorder.record(event)
            self.effects.scoring.known_restores[key] = event.number


def is_strict(call: ast.AST) -> bool:
    """Whether a call of `load_state_dict` insists that all weights are there."""
    keywords = call.keywords if isinstance(call, ast.Call) else []
    return not any(
        k.arg == "strict" and not (isinstance(k.value, ast.Constant) and k.value.value is True)
        for k in keywords
    )
