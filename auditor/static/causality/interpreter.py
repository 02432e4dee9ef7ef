"""Walks the script's own code on tensors of positions.

Expressions and statements are in `expressions` and `statements`, calls in `calls`, what a dot gives in `attributes`.
Nothing of the script is executed: every value is one of `values`, a tensor of positions, or a plain number, text or
container made here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.causality import (
    assignments,
    attributes,
    calls,
    expressions,
    library,
    methods,
    modules,
    statements,
)
from auditor.static.causality.builtin_functions import BUILTINS
from auditor.static.causality.choices import Choices
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.values import Function, FunctionNode, Library, Scope
from auditor.static.causality.walker import Texts, Walker


@once_a_node
def globals_set(tree: ast.AST) -> dict[str, tuple[ast.expr, ...]]:
    """The names of a module that its functions give a value, and what they are given."""
    out: dict[str, list[ast.expr]] = {}
    for function in walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        names = {name for node in walk(function) if isinstance(node, ast.Global) for name in node.names}
        for node in walk(function) if names else ():
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id in names:
                        out.setdefault(target.id, []).append(node.value)
    return {name: tuple(values) for name, values in out.items()}


class Interpreter(Walker):
    """All parts together."""

    def __init__(self, texts: Texts, settings: Mapping[str, str | None], choices: Choices) -> None:
        super().__init__(texts, settings, choices)
        outer = Scope()
        outer.names.update(
            {"torch": Library("torch"), "F": Library("torch.nn.functional"), "nn": Library("torch.nn")}
        )
        self.base = Scope(outer)
        self.base.names.update({name: Library(f"builtins.{name}") for name in BUILTINS})
        self.execute_softly(modules.tree().body, self.base)
        self.steps = 0

    def load(self, tree: ast.Module, path: str, name: str) -> Scope:
        if name in self.modules:
            return self.modules[name]
        scope = Scope()
        scope.names.update({"__name__": name, "__file__": path})
        self.modules[name] = scope
        self.trees.append(tree)
        self.tree_scopes.append(scope)
        outer, self.path = self.path, path
        try:
            self.execute_softly(tree.body, scope)
        finally:
            self.path = outer
        for global_name, values in globals_set(tree).items():
            self.late_globals[id(scope), global_name] = list(values)
        return scope

    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        self.tick()
        form = expressions.EXPRESSIONS.get(type(node))
        if form is None:
            raise NotFollowed(f"an expression of the form {type(node).__name__}")
        return form(self, node, scope)

    def execute(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self.tick()
            self.stand_at(statement)
            self.executed.add(id(statement))
            form = statements.STATEMENTS.get(type(statement))
            if form is None:
                raise NotFollowed(f"a statement of the form {type(statement).__name__}")
            try:
                form(self, statement, scope)
            except NotFollowed:
                if self.failed_at is None:
                    self.failed_at = self.where
                raise
            except ScriptError as error:
                error.where = error.where or self.where
                raise

    def execute_softly(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        statements.soft_block(self, body, scope)

    def bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        assignments.bind(self, target, value, scope)

    def define(self, node: FunctionNode, scope: Scope) -> Function:
        return statements.function_of(self, node, scope)

    def call(self, function: Any, args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        return calls.call(self, function, list(args), dict(keywords))

    def call_library(self, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        return library.call_library(self, name, args, keywords)

    def operate(self, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        return methods.operate(self, name, args, keywords)

    def arithmetic(self, op: ast.operator, left: Any, right: Any) -> Any:
        return expressions.arithmetic(self, op, left, right)

    def attribute(self, owner: Any, name: str) -> Any:
        return attributes.attribute(self, owner, name)

    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        assignments.set_attribute(self, owner, name, value)

    def library_member(self, name: str) -> Any:
        return library.library_member(self, name)

    def subscript(self, owner: Any, index: Any) -> Any:
        return calls.subscript(self, owner, index)
