"""`raise` and `try`: what is raised reaches the handlers, with what the arm that raised it had left.

An exception that the script raises itself is a way of control, and its handlers are followed wherever the tried
block ends. One that only a library could raise is taken not to have happened, unless the block runs to its end.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.static.ast_text import ast_text
from auditor.static.domain.flow import Deferral, Status
from auditor.static.domain.heap import MISSING, Env
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import LibraryRef, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.expressions import Expressions
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom

REQUIRED = frozenset(["torch", "numpy", "sentencepiece"])
"""Packages that the challenge itself requires: no entry runs without them."""


class Exceptions:
    """Raises and handles."""

    def __init__(
        self,
        machine: Machine,
        transfer: TransferRoom,
        statements: Statements,
        branches: Branches,
        expressions: Expressions,
    ) -> None:
        self.frames = machine.frames
        self.heap = machine.heap
        self.decisions = machine.decisions
        self.transfer = transfer
        self.statements = statements
        self.branches = branches
        self.expressions = expressions
        self.raising: list[list[Value]] = []

    def exec_Raise(self, node: ast.Raise, env: Env) -> Status:
        value: Value = CLEAN
        if node.exc is not None:
            value = self.expressions.evaluate(node.exc, env)
            if isinstance(value, LibraryRef):
                value = self.transfer.calls.call(value, [], {}, node)
        if node.cause is not None:
            self.expressions.evaluate(node.cause, env)
        for raised in self.raising[-1:]:
            raised.append(value)
        return "raise"

    def exec_Try(self, node: ast.Try, env: Env) -> Status:
        known, mark = len(self.frames.conditions), self.heap.trail.mark()
        status, raised, thrown = self.tried(node.body, env)
        if node.handlers:
            # what went on behind a branch that raised is joined with what its handler went on with
            del self.frames.conditions[known:]
        if (status in (None, "raise") or raised) and not imports_required(node.body):
            if status is None and any(goes_on(handler.body) for handler in node.handlers):
                self.branches.may_not_have_run(mark)
            status = self.handled(node.handlers, env, status, raised, thrown)
        if node.orelse and status is None:
            status = self.statements.block(node.orelse, env)
        if node.finalbody:
            last = self.statements.block(node.finalbody, env)
            status = last if last is not None else status
        return status

    exec_TryStar = exec_Try

    def tried(self, body: Sequence[ast.stmt], env: Env) -> tuple[Status, list[Value], list[Deferral]]:
        """Run a block; gives how it ended, what was raised in it, and what the arms that did so had left."""
        self.frames.trying += 1
        raised: list[Value] = []
        self.raising.append(raised)
        waiting, self.frames.deferred = self.frames.deferred, []
        try:
            status = self.statements.block(body, env)
        finally:
            self.frames.trying -= 1
            self.raising.pop()
            left, self.frames.deferred = self.frames.deferred, waiting
        self.frames.deferred += [deferral for deferral in left if deferral[0] != "raise"]
        for outer in self.raising[-1:]:
            outer += raised  # the handlers here may be for other exceptions
        return status, raised, [deferral for deferral in left if deferral[0] == "raise"]

    def handled(
        self,
        handlers: Sequence[ast.ExceptHandler],
        env: Env,
        status: Status,
        raised: Sequence[Value],
        thrown: Sequence[Deferral],
    ) -> Status:
        """Run the handlers, each from where the block ended or raised, and join what they leave."""
        found: Value | None = None
        for value in raised:
            found = self.decisions.join(found, value)
        endings: list[Status] = []
        for handler in handlers:
            mark = self.heap.trail.mark()
            for _, changes, choice in thrown:
                self.branches.merge(changes, choice=choice)
            if handler.name:
                self.heap.put(env, handler.name, CLEAN if found is None else found)
            if handler.type is not None:
                self.expressions.evaluate(handler.type, env)
            ended = self.branches.arm(handler.body, None, env, handler_statement(handler), "except", "if")
            endings.append(ended)
            if not raised:
                self.branches.skip(
                    ended, "exception", ast_text(handler.type) if handler.type else "any", handler
                )
            changed = {cell: e for cell, e in self.heap.trail.undo(mark).items() if e[2] is not MISSING}
            if ended is None:
                self.branches.merge(changed)
            elif ended != "raise" or self.frames.trying:
                kept = {cell: e for cell, e in changed.items() if not self.branches.goes_with(ended, e[0])}
                self.frames.deferred.append((ended, kept, None))
        if not endings or (status != "raise" and not raised):
            return status
        if None in endings:
            return None
        return (
            endings[0]
            if status == "raise" and len(set(endings)) == 1
            else status
            if status != "raise"
            else None
        )


def handler_statement(handler: ast.ExceptHandler) -> ast.stmt:
    """A statement at the handler's place (handlers are no statements themselves)."""
    return ast.copy_location(ast.Pass(), handler)


def goes_on(body: Sequence[ast.stmt]) -> bool:
    """Whether what stands behind a handler runs after it, by its last statement."""
    return not isinstance(body[-1], (ast.Raise, ast.Return, ast.Break, ast.Continue))


def imports_required(body: Sequence[ast.stmt]) -> bool:
    """Whether nothing is tried but to import what every run has: a stand-in for it is never reached."""
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names.append(statement.module or "")
        elif not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)):
            return False
    return bool(names) and all(name.split(".")[0] in REQUIRED for name in names)
