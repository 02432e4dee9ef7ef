"""Hooks of modules, and what they take out of a forward pass: statistics of the tokens that are in the artifact."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.static.domain.heap import Func, Obj, View
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Method, Partial, Tup, Value
from auditor.static.interpreter.decisions import Machine
from auditor.trace.answer import Answer
from auditor.trace.region import Region

HOOKS = "#hooks"
"""The cell of a module that holds the handles of what is to be called after its forward pass."""

HOOK = "#hook"
"""The cell of such a handle that holds the function."""

REGISTER = frozenset(["register_forward_hook", "register_forward_pre_hook"])
MAX_DEPTH = 4
"""Containers in one another that are looked into for what is saved."""


class ForwardHooks(Machine):
    """Follows forward hooks, and statistics into the artifact."""

    def register_hook(self, module: Obj, hook: Value, node: ast.AST) -> Obj:
        """A function is to be called with each forward pass; the handle takes it back."""
        handle = self.allocate("instance", node)
        handle.d[HOOK] = hook
        self.put(module, HOOKS, (*_hooks_of(module), handle))
        return handle

    def remove_hook(self, handle: Obj) -> None:
        """The hook of a handle is called no more, unless a branch that is not decided takes it back.

        One call stands for the handles of a whole list, so it is noted beside the heap, which keeps what may be.
        """
        if Answer.MAYBE not in self.certainty:
            self.removed_hooks.add(handle.number)

    def run_hooks(self, module: Obj, args: Sequence[Value], node: ast.AST) -> None:
        """Call the hooks of a module and of its parts with activations: they are made of what the module is given."""
        parts = sorted(self.members(module), key=lambda o: o.number)
        hooks = [
            (part, handle.d[HOOK])
            for part in parts
            for handle in _hooks_of(part)
            if handle.number not in self.removed_hooks
        ]
        if not hooks or self.in_hooks:
            return
        inside = replace(self.mix(*args), states=frozenset(parts), losses=frozenset(), span=None, array=None)
        self.in_hooks = True
        try:
            for part, hook in hooks:
                if isinstance(hook, (Func, Partial, Method)):
                    self.call(hook, [part, Tup((inside,)), inside], {}, node)
        finally:
            self.in_hooks = False

    def statistics_saved(self, args: Sequence[Value], node: ast.AST) -> None:
        """Weights are written together with what validation tokens gave other than by training: a calibration."""
        record = self.mix(*args)
        if not record.states:
            return
        leaves = [leaf for value in args for leaf in self.parts_saved(value, MAX_DEPTH)]
        found: set[Region] = set()
        for leaf in leaves:
            if leaf.states and not leaf.losses:
                found.update(region for region in leaf.regions if region.source == "val")
        for module in sorted(record.states, key=lambda o: o.number):
            if found and module.kind == "module":
                self.update(module, found, node, "calibration", "statistics that are saved with the weights")
                self.disk = replace(self.disk, updates=self.disk.updates | self.own_history(module))
                return

    def parts_saved(self, value: Value, depth: int) -> Iterator[Data]:
        """The values of a container and of those in it."""
        held = value.base if isinstance(value, View) else value
        if isinstance(held, Obj) and held.kind in ("dict", "list") and depth:
            for cell in list(held.d.values()):
                for item in cell if isinstance(cell, tuple) else (cell,):
                    if isinstance(item, Value):
                        yield from self.parts_saved(item, depth - 1)
        elif isinstance(value, Tup) and depth:
            for item in value.items:
                yield from self.parts_saved(item, depth - 1)
        else:
            yield self.data(value)


def _hooks_of(part: Obj) -> tuple[Obj, ...]:
    """The handles of the hooks of a module."""
    found = part.d.get(HOOKS)
    return tuple(item for item in found if isinstance(item, Obj)) if isinstance(found, tuple) else ()
