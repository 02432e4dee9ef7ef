"""Calls of neural-network modules.

The body of a module's method is not followed: its result is made of its arguments and the module's weights. What
matters is read from its text once: whether it takes a loss and of which parameter, and whether it only resets.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.causality.handover import ModelCall, settled_in_both, settled_names
from auditor.static.domain.heap import Func, Obj
from auditor.static.domain.provenance import CLEAN, SOME_PARTS, Data
from auditor.static.domain.values import Const, SymbolicInt, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import SAME
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.library.mlx import takes_arrays
from auditor.static.transfer.loss_targets import LossTargets
from auditor.static.transfer.method_text import (
    MethodTexts,
    method_name,
    only_resets,
    writes_buffers,
    writes_weights,
)
from auditor.static.transfer.state_dicts import Weights
from auditor.trace.events import Place

PARTS = frozenset(
    [
        "parameters",
        "named_parameters",
        "modules",
        "named_modules",
        "children",
        "named_children",
        "buffers",
        "named_buffers",
        "get_parameter",
        "get_submodule",
    ]
)


FEW_PARTS = frozenset(["buffers", "named_buffers", "get_parameter", "get_submodule"])
"""Of these, what does not give all weights."""


class Modules:
    """What modules do."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        hooks: Hooks,
        state_dicts: Weights,
        callbacks: Callbacks,
        method_texts: MethodTexts,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.hooks = hooks
        self.state_dicts = state_dicts
        self.callbacks = callbacks
        self.method_texts = method_texts
        self.loss_targets = LossTargets()
        self.model_calls: dict[tuple[int, str, Place], ModelCall] = {}

    def call_module(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if name in ("eval", "train"):
            mode = args[0] if args else keywords.get("mode", Const(name == "train"))
            self.heap.put(module, "training", mode if isinstance(mode, Const) else CLEAN)
        if name == "apply" and args and self.callbacks.is_callback(args[0]):
            made = self.views.data(self.callbacks.called_back(args[0], [module], node, certain=True))
            if made.regions or made.updates:  # MLX puts what it gives in the place of weights
                self.given_arrays(module, name, [made], node)
        if name in SAME or name in ("module", "apply", "compile"):
            return module
        if name in PARTS or name in ("to_empty", "state_dict"):
            found = self.views.data(module)
            return replace(found, marks=found.marks | {SOME_PARTS}) if name in FEW_PARTS else found
        if name == "load_state_dict":
            self.state_dicts.load_state(module, self.views.data(args[0]) if args else CLEAN, node)
            return CLEAN
        if takes_arrays(name, args) and (module.cls is None or module.cls.find(name) is None):
            return self.given_arrays(module, name, args, node)
        if name in ("add_module", "register_module"):
            self.heap.put(module, Obj.wrapped, (*self.views.wrapped_by(module), *self.views.modules_in(args)))
            return CLEAN
        if name in ("register_buffer", "register_parameter") and len(args) > 1:
            if isinstance(args[0], Const) and self.views.data(args[1]).relevant:
                self.heap.put(module, str(args[0].value), args[1])
            return CLEAN
        if name in ("zero_grad", "register_buffer", "register_parameter", "half_"):
            return CLEAN
        if name == "forward" and module.cls is not None and module.cls.find("forward") is None:
            name = "__call__" if module.cls.find("__call__") is not None else name
        return self.hooks.hooked_call(
            module, args, lambda: self.forward(module, name, args, keywords, node), node
        )

    def given_arrays(self, module: Obj, name: str, args: list[Value], node: ast.AST) -> Value:
        """Arrays in the place of weights: fitted on all that they are made of; the rest of the weights stay."""
        given = self.views.mix(*args)
        history = self.views.own_history(module)
        self.state_dicts.take_over(module, given, node)
        self.heap.put(module, Obj.history, history | given.updates)
        self.effects.scoring.update(module, given.regions, node, "gradient", name)
        return module

    def given_to_part(self, module: Obj, name: str, args: list[Value], node: ast.AST) -> None:
        """The same of one part of a module."""
        given = self.views.mix(*args)
        self.state_dicts.copy_part(module, given, node)
        self.effects.scoring.update(module, given.regions, node, "in place", name)

    def is_entered(self, method: Func, given: Data) -> bool:
        """Whether a method of a module is followed: it changes weights by what it is given."""
        if not (given.updates or given.losses or any(region.source == "val" for region in given.regions)):
            return False
        return self.method_texts.trains(method) or (
            method_name(method) != "forward" and writes_weights(method.node)
        )

    def forward(
        self, module: Obj, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        given = [*args, *keywords.values()]
        out = self.views.mix(*given)
        method = module.cls.find(name) if module.cls is not None else None
        if method is not None and not out.regions and only_resets(method.node):
            self.effects.scoring.reset(module, node, f"{module.name or 'module'}.{name}")
            return CLEAN
        reads_validation = any(region.source == "val" for region in out.regions)
        if method is not None and reads_validation and not self.frames.following:
            self.note_model_call(module, name, method, args, keywords, node)
        if method is not None and self.is_entered(method, out):
            return self.machine.apply.call_function(replace(method, instance=module), args, keywords, node)
        members = self.views.members(module)
        for part in members:
            self.effects.ambient_state.unread_forward(part, given, node)
        mode = module.d.get("training")
        if (
            reads_validation
            and not (isinstance(mode, Const) and not mode.value)
            and self.method_texts.keeps_statistics(module.cls)
        ):
            self.effects.scoring.update(module, out.regions, node, "in place", "its running statistics")
        result = replace(
            out,
            updates=out.updates.union(*map(self.views.own_history, members)),
            doubts=out.doubts.union(*(member.doubts for member in members)),
            states=out.states | members,
            refs=frozenset((module,)) if not given and not out.regions else frozenset(),
            span=None,
            array=None,
            template=None,
        )
        if module.cls is None or method is None:
            return result
        target = self.loss_targets.loss_target(module.cls, name)
        scored_tokens = self.argument(method, target, args, keywords) if target else None
        seen = self.views.mix(*(value for value in given if value is not scored_tokens)).regions
        result = self.effects.ambient_state.with_ambient_state(module, method, result, seen, node)
        if reads_validation:
            self.effects.document_carry.note_carries(module, node)
        if target is not None:
            value = self.argument(method, target, args, keywords)
            if (
                value is not None
                and args
                and self.are_hidden_states(self.views.data(value), self.views.data(args[0]))
            ):
                return result  # a part of the model was called, a block of it
            if self.frames.following and id(method.node) in self.frames.active:
                return result  # the same, inside the model
            if value is None or not self.views.data(value).regions:
                return self.without_target(module, result, method, args, keywords, node)
            followed = self.effects.forward_pass.followed(module, method, args, keywords, node)
            form, result = followed.formula, replace(result, updates=result.updates | followed.chosen)
            names = [a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args)][1:]
            if args and target != names[0]:
                form = self.effects.formulas.of_places(
                    form, self.views.data(args[0]), self.views.data(value), node
                )
            before, self.effects.scoring.variant = (
                self.effects.scoring.variant,
                tuple(map(self.variant_of, given)),
            )
            try:
                scored = self.effects.scoring.loss(self.views.data(value), result, node, formula=form)
                self.effects.self_checks.note_target(scored.losses, value)
                return scored
            finally:
                self.effects.scoring.variant = before
        if method is not None and result.regions and writes_buffers(method.node):
            self.effects.scoring.update(module, result.regions, node, "table", f"{name} writes its buffers")
        return result

    def note_model_call(
        self,
        module: Obj,
        name: str,
        method: Func,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> None:
        """Keep a call of a model with validation tokens, for the proof of its forward pass."""
        place = self.recorder.place(node)
        names = tuple(a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args))[1:]
        settled = settled_names(method.env)
        before = self.model_calls.get((module.number, name, place))
        if before is not None:
            settled = settled_in_both(before.settled, settled)
        self.model_calls[module.number, name, place] = ModelCall(
            module, name, names, tuple(args), dict(keywords), place, node, settled
        )

    def variant_of(self, value: Value) -> object:
        """A setting of a call that may tell its score from that of another call: a number, or the turn of a loop."""
        if isinstance(value, Const):
            return value.value if isinstance(value.value, (int, float)) else None
        if isinstance(value, SymbolicInt):
            return value.expr
        if isinstance(value, Data) and not (value.regions or value.states or value.updates):
            return value.turns
        return None

    def are_hidden_states(self, value: Data, given: Data) -> bool:
        """Whether a value was computed by a module from no other tokens than the input: it is no target then."""
        return any(state.kind == "module" for state in value.states) and value.regions <= given.regions

    def without_target(
        self,
        module: Obj,
        result: Data,
        method: Func,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Data:
        """A method that could take a loss, called without the target it would be of: it gives logits."""
        regioned = [v for v in (*args, *keywords.values()) if self.views.data(v).regions]
        if len(regioned) >= 2:
            followed = self.effects.forward_pass.followed(module, method, args, keywords, node)
            result = replace(result, updates=result.updates | followed.chosen)
            return self.effects.scoring.loss(
                self.views.data(regioned[-1]), result, node, formula=followed.formula
            )
        return result

    def argument(
        self, method: Func, name: str, args: list[Value], keywords: dict[str, Value]
    ) -> Value | None:
        if name in keywords:
            return keywords[name]
        names = [a.arg for a in (*method.node.args.posonlyargs, *method.node.args.args)][1:]
        if name in names and names.index(name) < len(args):
            return args[names.index(name)]
        return None
