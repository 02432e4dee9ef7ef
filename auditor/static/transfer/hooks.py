"""Hooks of torch: functions that a forward pass, a gradient or a step of an optimizer calls.

A hook is kept with the object it was registered on (or with all of them, for the functions that register one
everywhere) and runs whenever that is called, gets a gradient or steps, from then on until it is removed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import replace

from auditor.static.domain.heap import Class, Func, Hook, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, Method, Partial, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.trace.region import Region

MAX_A_SITE = 4
"""Hooks of one place that an object keeps: those of the latest turns of the loops around it."""

MOMENTS = {
    "register_forward_hook": "after forward", "register_forward_pre_hook": "before forward",
    "register_module_forward_hook": "after forward", "register_module_forward_pre_hook": "before forward",
    "register_full_backward_hook": "gradients of a module", "register_backward_hook": "gradients of a module",
    "register_module_full_backward_hook": "gradients of a module",
    "register_module_backward_hook": "gradients of a module",
    "register_full_backward_pre_hook": "gradient of a module",
    "register_module_full_backward_pre_hook": "gradient of a module",
    "register_hook": "gradient", "register_prehook": "gradient", "register_multi_grad_hook": "gradient",
    "register_post_accumulate_grad_hook": "gradient kept",
    "register_step_pre_hook": "before step", "register_step_post_hook": "after step",
    "register_optimizer_step_pre_hook": "before step", "register_optimizer_step_post_hook": "after step",
    "register_state_dict_post_hook": "saved", "register_state_dict_pre_hook": "saved",
    "register_load_state_dict_pre_hook": "loaded", "register_load_state_dict_post_hook": "loaded",
}  # fmt: skip
GRADIENTS = ("gradients of a module", "gradient of a module", "gradient", "gradient kept")


class Hooks:
    """Keeps hooks and runs them."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.everywhere = self.heap.allocate("namespace", ast.Pass(), "hooks")
        self.hooked_states: dict[Obj, None] = {}
        self.calling: frozenset[Obj] = frozenset()

    # registering
    def hook_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """A method that registers a hook or removes one; None for any other."""
        if name == "remove" and not args:
            handles = [target for target in self.views.objects(owner) if target.kind == "handle"]
            if handles:
                self.unhooked(handles)
                return Const(None)
        func = args[0] if args else keywords.get("hook")
        if name not in MOMENTS or func is None:
            return None
        return self.hooked(self.hook_targets(owner), MOMENTS[name], func, node)

    def library_hook(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """A function that registers a hook on every module or optimizer, or on several tensors."""
        tail = name.rsplit(".", 1)[-1]
        if tail not in MOMENTS or not args:
            return None
        if tail == "register_multi_grad_hook" and len(args) > 1:
            return self.hooked(self.hook_targets(args[0]), MOMENTS[tail], args[1], node)
        return self.hooked([self.everywhere], MOMENTS[tail], args[0], node)

    def hook_targets(self, owner: Value) -> list[Obj]:
        """The states that a hook on a module, a part of one, a parameter or another tensor belongs to."""
        while isinstance(owner, Method):
            owner = owner.owner
        found = self.views.objects(owner)
        if not found:
            record = self.views.data(owner)
            found = record.refs | record.states
        return sorted(found, key=lambda target: target.number) or [self.everywhere]

    def hooked(self, targets: Iterable[Obj], moment: str, func: Value, node: ast.AST) -> Value:
        """Keep a hook; the answer is the handle that removes it."""
        self.machine.apply.takes_charge(node)
        handle = self.heap.allocate("handle", node, "handle")
        site = handle.site = self.recorder.place(node)
        for target in targets:
            known = self.hooks_of(target)
            self.hooked_states[target] = None
            if not any(moment == m and self.is_same_hook(func, f) for m, f, _ in known):
                here = [hook for hook in known if hook[2] == site]
                kept = tuple(hook for hook in known if hook not in here[: -MAX_A_SITE + 1])
                self.heap.put(target, Obj.hooks, (*kept, (moment, func, site)))
        return handle

    def is_same_hook(self, func: Value, known: Value) -> bool:
        if isinstance(func, Func) and isinstance(known, Func) and func.env is not known.env:
            return False
        return self.decisions.same(func, known)

    def unhooked(self, handles: Iterable[Obj]) -> None:
        """Handles are removed: with one that a loop made, those of all its turns, if a loop removes them too."""
        here = self.recorder.entries()
        sites = {h.site for h in handles if len(here) >= len(h.loops) or not h.loops}
        for target in self.hooked_states:
            kept = tuple(hook for hook in self.hooks_of(target) if hook[2] not in sites)
            if kept != self.hooks_of(target):
                self.heap.put(target, Obj.hooks, kept)

    def hooks_of(self, target: Obj) -> tuple[Hook, ...]:
        found = target.hooks
        return found if isinstance(found, tuple) else ()

    def hooks_at(self, targets: Iterable[Obj], *moments: str) -> list[tuple[Obj, str, Value]]:
        """The hooks of these objects, and those of all, that run at one of these moments."""
        owners = sorted({*targets, self.everywhere}, key=lambda target: target.number)
        return [(t, m, f) for t in owners for m, f, _ in self.hooks_of(t) if m in moments]

    # running
    def forward_hooks(self, module: Obj, args: list[Value]) -> list[tuple[Obj, str, Value]]:
        """The hooks that a call of a module runs, but for those that the call around it runs already.

        What a hook does with training tokens makes no event, unless it takes gradients by itself.
        """
        if not self.hooked_states or self.frames.following:
            return []
        owners = self.views.members(module) - self.calling
        found = self.hooks_at(owners, "before forward", "after forward")
        if not found:
            return []
        given = self.views.mix(*args)
        tokens = given.updates or given.losses or any(region.source == "val" for region in given.regions)
        return [hook for hook in found if tokens or self.hook_trains(hook[2])]

    def hook_trains(self, func: Value) -> bool:
        while isinstance(func, Partial):
            func = func.func
        return not isinstance(func, Func) or self.machine.apply.trains(func)

    def hooked_call(
        self, module: Obj, args: list[Value], forward: Callable[[], Value], node: ast.AST
    ) -> Value:
        """A forward pass with the hooks around it: what one returns takes the place of the result."""
        hooks = self.forward_hooks(module, args)
        if not hooks:
            return forward()
        before, self.calling = self.calling, self.calling | {target for target, _, _ in hooks}
        try:
            for target, moment, func in hooks:
                if moment == "before forward":
                    given = self.seen_by(target, module, args)
                    self.run_hook(func, [self.hooked_module(target, module), given], node)
            result = forward()
            for target, moment, func in hooks:
                if moment == "after forward":
                    given = self.seen_by(target, module, args)
                    answer = self.run_hook(func, [self.hooked_module(target, module), given, result], node)
                    if not (isinstance(answer, Const) and answer.value is None):
                        result = self.views.mix(result, answer) if isinstance(result, Data) else answer
            return result
        finally:
            self.calling = before

    def seen_by(self, target: Obj, module: Obj, args: list[Value]) -> TupleValue:
        """What a module that is called within another is given: activations of what that is given."""
        if target is module or target is self.everywhere:
            return TupleValue(tuple(args))
        states = frozenset(self.views.members(module))
        inside = replace(self.views.mix(*args), states=states, losses=frozenset(), span=None, array=None)
        return TupleValue((inside,))

    def hooked_module(self, target: Obj, module: Obj) -> Obj:
        return module if target is self.everywhere else target

    def at_gradient(self, states: frozenset[Obj], regions: frozenset[Region], node: ast.AST) -> None:
        """Run what is to run when gradients reach these states."""
        for target, moment, func in self.hooks_at(states, *GRADIENTS):
            owner = next(iter(sorted(states, key=lambda s: s.number)), target)
            owner = owner if target is self.everywhere else target
            gradient = (
                self.effects.scoring.gradient(regions, node) if regions else Data(marks=frozenset(("grad",)))
            )
            value = self.views.data(owner)
            value = replace(value, refs=value.refs | {owner})
            arguments: dict[str, list[Value]] = {
                "gradients of a module": [owner, TupleValue((gradient,)), TupleValue((gradient,))],
                "gradient of a module": [owner, TupleValue((gradient,))],
                "gradient": [gradient],
                "gradient kept": [value],
            }
            self.run_hook(func, arguments[moment], node)

    def at_step(self, optimizer: Obj, moment: str, node: ast.AST) -> None:
        for _, _, func in self.hooks_at([optimizer], moment):
            self.run_hook(func, [optimizer, TupleValue(()), self.heap.allocate("dict", node)], node)

    def run_hook(self, func: Value, args: list[Value], node: ast.AST) -> Value:
        """Call a hook with as many of the arguments as it takes."""
        if isinstance(func, Func) and func.node.args.vararg is None:
            positional = len(func.node.args.posonlyargs) + len(func.node.args.args)
            args = args[: positional - (func.instance is not None)]
        return self.machine.apply.call(func, args, {}, node)

    # functions with a gradient of their own
    def autograd_apply(self, cls: Class, args: list[Value], node: ast.AST) -> Value:
        """`F.apply(…)`: its forward is followed where it makes events; its backward runs with the gradient."""
        forward, backward = cls.find("forward"), cls.find("backward")
        context = self.heap.allocate("instance", node, "ctx")
        context.d["saved_tensors"] = TupleValue(tuple(args))
        out: Value = self.views.mix(*args)
        if forward is not None and self.machine.apply.changes_states(forward):
            takes = len(forward.node.args.posonlyargs) + len(forward.node.args.args)
            given = args if takes == len(args) else [context, *args]
            out = self.views.mix(
                out, self.machine.apply.call(replace(forward, instance=None), given, {}, node)
            )
        if backward is not None and self.machine.apply.changes_states(backward):
            carrier = self.heap.allocate("tensor", node, cls.node.name)
            func = Partial(replace(backward, instance=None), (context,), ())
            self.heap.put(carrier, Obj.hooks, (("gradient", func, self.recorder.place(node)),))
            record = self.decisions.as_record(out)
            out = replace(record, states=record.states | {carrier})
        return out
