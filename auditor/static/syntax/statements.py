"""Statements: assignment, branches, `try`, `with`, definitions, imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from auditor.static.domain.flow import Status
from auditor.static.domain.heap import Env, Obj
from auditor.static.domain.values import Const, LibraryRef, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.attributes import Attributes
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.room import TransferRoom


class Statements:
    """Executes statements on abstract values."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        attributes: Attributes,
    ) -> None:
        self.machine = machine
        self.budget = machine.budget
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.attributes = attributes
        self.sibling_modules: dict[str, Obj] = {}
        self.handlers: dict[str, Callable[[Any, Env], Status]] = {}

    def block(self, body: Sequence[ast.stmt], env: Env) -> Status:
        if not body:
            return None
        checks = self.effects.self_checks.enter(body).checks
        for statement in body:
            if checks and id(statement) in checks:
                self.effects.self_checks.check(checks[id(statement)], env, statement)
            status = self.execute(statement, env)
            if status is not None:
                return status
        return None

    def execute(self, node: ast.stmt, env: Env) -> Status:
        self.budget.tick()
        self.recorder.line = node.lineno
        handler: Callable[[ast.stmt, Env], Status] | None = self.handlers.get(type(node).__name__)
        if handler is None:
            self.recorder.standing.add(
                self.recorder.doubt("statement not followed", type(node).__name__, node)
            )
            return None
        status = handler(node, env)
        if self.frames.stopped:
            self.frames.stopped = False
            return "return"  # whoever takes what this generator yields takes no more
        return status

    # simple statements
    def exec_Pass(self, node: ast.Pass, env: Env) -> Status:
        return None

    exec_TypeAlias = exec_Pass

    def exec_Expr(self, node: ast.Expr, env: Env) -> Status:
        made = self.heap.last
        self.transfer.life_cycle.dropped(self.machine.evaluate.evaluate(node.value, env), made, node)
        return None

    def exec_Assert(self, node: ast.Assert, env: Env) -> Status:
        outcome = self.decisions.truth(
            self.special_methods.tested(self.machine.evaluate.evaluate(node.test, env), node)
        )
        if node.msg is not None and outcome is not True:
            self.machine.evaluate.evaluate(node.msg, env)
        return "raise" if outcome is False and self.frames.trying else None

    def exec_Return(self, node: ast.Return, env: Env) -> Status:
        value = self.machine.evaluate.evaluate(node.value, env) if node.value is not None else Const(None)
        if self.frames.returns:
            known = self.frames.returns[-1]
            self.frames.returns[-1] = value if known is None else self.decisions.join(known, value)
        return "return"

    def exec_Break(self, node: ast.Break, env: Env) -> Status:
        return "break"

    def exec_Continue(self, node: ast.Continue, env: Env) -> Status:
        return "continue"

    def exec_Global(self, node: ast.Global, env: Env) -> Status:
        env.globals_.update(node.names)
        return None

    def exec_Nonlocal(self, node: ast.Nonlocal, env: Env) -> Status:
        env.nonlocals.update(node.names)
        return None

    def exec_Import(self, node: ast.Import, env: Env) -> Status:
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.split(".")[0]
            self.heap.put(env, alias.asname or name, self.module_value(name, node))
        return None

    def exec_ImportFrom(self, node: ast.ImportFrom, env: Env) -> Status:
        module = self.module_value(node.module or "", node)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Obj):
                    for key, value in list(module.d.items()):
                        if isinstance(key, str) and not key.startswith("_"):
                            self.heap.put(env, key, value)
                continue
            self.heap.put(
                env, alias.asname or alias.name, self.attributes.attribute(module, alias.name, node)
            )
        return None

    def module_value(self, name: str, node: ast.AST) -> Value:
        """A library by name, or the evaluated sibling file of that name."""
        put_there = self.transfer.library_patches.library_value(f"sys.modules.{name}")
        if not isinstance(put_there, LibraryRef):
            return put_there
        if name in self.sibling_modules:
            return self.sibling_modules[name]
        if "." in name:  # the packages around it run first
            self.module_value(name.rpartition(".")[0], node)
        found = self.script.source.sibling(name) if name and name != "__main__" else None
        if found is None and name != "__main__":
            return LibraryRef(name)
        namespace = self.heap.allocate("namespace", node, name)
        self.sibling_modules[name] = namespace
        if found is None:
            namespace.d = self.frames.globals.d
            return namespace
        tree, layer, path = found
        self.script.trees[layer, path] = tree
        scope = Env()
        scope.d["__name__"] = Const(name)
        scope.d["__file__"] = Const(path)
        namespace.d = scope.d
        with self.recorder.standing_in(layer, path):
            self.block(tree.body, scope)
        return namespace
