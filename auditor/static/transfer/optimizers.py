"""Gradients and the steps of optimisers: what becomes an update, and of which tokens."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from auditor.static.domain.heap import Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.method_text import MethodTexts
from auditor.trace.events import TRAINING_STEP, Clock
from auditor.trace.region import Region

OPTIMIZER_METHODS = frozenset(["step", "zero_grad", "state_dict", "load_state_dict", "add_param_group"])


class Optimizers:
    """Backward passes and calls of optimisers' methods."""

    def __init__(
        self, machine: Machine, effects: EffectsRoom, hooks: Hooks, method_texts: MethodTexts
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.hooks = hooks
        self.method_texts = method_texts

    def backward(self, loss: Data, node: ast.AST) -> None:
        """A gradient reaches every state that the loss was computed with."""
        regions = frozenset(r for r in loss.regions if r.source == "val")
        states = loss.states | loss.refs
        for state in states:
            pending = state.pending
            known = pending if isinstance(pending, frozenset) else frozenset()
            if not regions <= known:
                self.heap.put(state, Obj.pending, known | regions)
            if "train" in loss.marks and not state.on_training_data:
                self.heap.put(state, Obj.on_training_data, True)
        self.hooks.at_gradient(states, regions, node)

    def optimizer_method(
        self, optimizer: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        content = self.views.content(optimizer)
        states = sorted(content.refs | content.states, key=lambda o: o.number)
        if optimizer.cls is not None and any("lr_scheduler" in b for b in optimizer.cls.library_bases()):
            if name == "step":
                for rates in filter(None, map(optimizer.cls.find, ("get_lr", "_get_closed_form_lr"))):
                    self.machine.apply.call(replace(rates, instance=optimizer), [], {}, node)
                return CLEAN
        own = optimizer.cls.find(name) if optimizer.cls is not None else None
        if own is not None and (name not in OPTIMIZER_METHODS or self.method_texts.trains(own)):
            followed = self.machine.apply.call(replace(own, instance=optimizer), args, keywords, node)
            if name not in OPTIMIZER_METHODS:
                return followed
            args = []
        if name == "step":
            self.hooks.at_step(optimizer, "before step", node)
            result: Value = CLEAN
            closure = args[0] if args else keywords.get("closure")
            if closure is not None and self.machine.evaluate.is_callable_here(closure):
                result = self.machine.apply.call(closure, [], {}, node)
            if not self.stepped(states, node, optimizer.name or "optimizer"):
                self.training_step(node, any(state.on_training_data for state in states))
            for owner in states if optimizer.rates else ():
                self.heap.put(owner, Obj.history, self.views.own_history(owner) | optimizer.rates)
            self.hooks.at_step(optimizer, "after step", node)
            return result
        if name == "update" and len(args) + len(keywords) == 2:
            self.updated(optimizer, [*args, *keywords.values()], node)
            return CLEAN
        if name in ("apply_gradients", "apply_single"):
            return self.views.mix(*args, *keywords.values())
        if name == "zero_grad":
            for state in states:
                if state.pending:
                    self.heap.put(state, Obj.pending, frozenset())
                if state.on_training_data:
                    self.heap.put(state, Obj.on_training_data, False)
            return CLEAN
        if name == "add_param_group":
            self.heap.put(optimizer, Obj.content, combine(content, self.views.mix_references(args)))
            return CLEAN
        if name in ("state_dict",):
            return CLEAN
        return CLEAN

    def updated(self, optimizer: Obj, args: list[Value], node: ast.AST) -> None:
        """`optimizer.update(model, gradients)`: weights are fitted on what the gradients are made of."""
        gradients = self.views.mix(*args)
        by = f"{optimizer.name or 'optimizer'}.update"
        for state in sorted(self.views.objects(args[0]), key=lambda o: o.number):
            self.heap.put(state, Obj.history, self.views.own_history(state) | gradients.updates)
            self.effects.scoring.update(state, gradients.regions, node, "gradient", by)
        if not any(region.source == "val" for region in gradients.regions):
            self.training_step(node, "train" in gradients.marks)

    def stepped(self, states: Iterable[Obj], node: ast.AST, by: str) -> bool:
        """Gradients that wait for a step become updates; whether any of validation tokens did."""
        found = False
        for state in sorted(states, key=lambda o: o.number):
            pending = state.pending
            if isinstance(pending, frozenset) and pending:
                regions = [r for r in pending if isinstance(r, Region)]
                self.effects.scoring.update(state, regions, node, "gradient", f"{by}.step")
                found = True
        return found

    def training_step(self, node: ast.AST, on_training_data: bool) -> None:
        """A step that no validation token had a part in: the training phase is running."""
        place = self.recorder.place(node)
        leaf = self.recorder.node.child("event", "Clock", place)
        if not leaf.events:
            event = Clock(
                **self.recorder.common(node), phase=TRAINING_STEP, on_training_data=on_training_data
            )
            self.recorder.events[event.number] = event
            leaf.events.append(event)
