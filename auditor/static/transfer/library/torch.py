"""torch, where a call is more than its arguments put together: modules, optimisers, wrappers, processes, devices."""

from __future__ import annotations

import ast

from auditor.static.domain.heap import Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, LibraryRef, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.torch import OPTIMIZERS, WRAPPERS

CONTAINERS = frozenset(["ModuleList", "Sequential", "ModuleDict", "ParameterList"])
"""Modules that are their parts."""
DEVICES = {"torch.cuda.is_available": True, "torch.cuda.device_count": 8}
"""What the machine of a claimed run answers."""


class Torch:
    """Calls into torch."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.script = machine.script
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """What a function by that dotted name gives; None if this is none of those that are told apart."""
        tail = name.rsplit(".", 1)[-1]
        if (tail in WRAPPERS or name == "torch.optimize") and args:
            return args[0]
        if tail in WRAPPERS and name.startswith("torch"):
            return LibraryRef("functools.identity")
        if tail in OPTIMIZERS or (is_class(name, "torch.optim.") and "lr_scheduler" not in name):
            return self.optimizer(tail, args, keywords, node)
        if is_class(name, "torch.nn.") and "functional" not in name and "utils" not in name:
            return self.module(tail, args, node)
        if name.startswith("torch.distributed"):
            return self.distributed(tail, args, keywords, node)
        return Const(DEVICES[name]) if name in DEVICES else None

    def optimizer(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.heap.allocate("optimizer", node, name)
        out.content = self.views.mix_references([*args, *keywords.values()])
        return out

    def module(self, name: str, args: list[Value], node: ast.AST) -> Value:
        """A parameter, a container of modules, or a layer."""
        if name == "Parameter":
            leaf = self.heap.allocate("tensor", node)
            leaf.content = self.views.data(args[0]).plain() if args else CLEAN
            if args and isinstance(args[0], Obj) and args[0].kind == "tensor":
                leaf.memory = args[0]
            return leaf
        if name in CONTAINERS:
            inner = self.views.mix_references(args)
            if inner.refs:
                return inner
        return self.heap.allocate("module", node, "")

    def distributed(self, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if tail in ("get_rank",):
            return Const(0)
        if tail == "get_world_size":
            given = self.script.settings.get("WORLD_SIZE")
            ranks = given.value if given is not None and (given.value or "").isdigit() else None
            return Const(int(ranks) if ranks else 8, frozenset(("WORLD_SIZE",)))
        if tail in ("is_available", "is_initialized"):
            return Const(True)
        self.effects.scoring.put_together(*args, *keywords.values())
        if tail in ("all_reduce", "reduce") and args:
            self.effects.formulas.reduced(args, keywords, node)
        if tail in ("gather", "gather_object") and len(args) > 1:
            args = [args[1], args[0]]
            tail = "all_gather"
        if tail.startswith("all_gather") and len(args) > 1:
            target, value = args[0], args[1]
            if isinstance(target, Obj) and target.kind in ("list", "tensor"):
                if target.kind == "list":
                    known = target.elements
                    self.heap.put(target, Obj.elements, (*(known if isinstance(known, tuple) else ()), value))
                else:
                    self.heap.put(
                        target,
                        Obj.content,
                        combine(self.views.content(target), self.views.data(value).plain()),
                    )
        return CLEAN


def is_class(name: str, package: str) -> bool:
    """Whether a dotted name is that of a class in a package, by the first letter of its last part."""
    return name.startswith(package) and name.rsplit(".", 1)[-1][:1].isupper()
