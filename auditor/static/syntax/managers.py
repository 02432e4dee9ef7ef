"""`with`: managers of the script run before and behind the body, generators around it, stacks of them at its end."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from auditor.static.domain.flow import Status
from auditor.static.domain.heap import Env, Obj
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, Generator, Method, Partial, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.assignments import Assignments
from auditor.static.syntax.attributes import Attributes
from auditor.static.syntax.expressions import Expressions
from auditor.static.syntax.generators import Generators
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom

AROUND = "#around"
"""The method of a manager that has it stand around a call, as it does where it decorates a function."""


class Managers:
    """Enters and leaves managers."""

    def __init__(
        self,
        machine: Machine,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        attributes: Attributes,
        statements: Statements,
        generators: Generators,
        assignments: Assignments,
        expressions: Expressions,
    ) -> None:
        self.heap = machine.heap
        self.transfer = transfer
        self.special_methods = special_methods
        self.attributes = attributes
        self.statements = statements
        self.generators = generators
        self.assignments = assignments
        self.expressions = expressions

    def exec_With(self, node: ast.With | ast.AsyncWith, env: Env) -> Status:
        return self.inside(node, node.items, env)

    exec_AsyncWith = exec_With

    def inside(self, node: ast.With | ast.AsyncWith, items: Sequence[ast.withitem], env: Env) -> Status:
        """The body within the managers left."""
        if not items:
            return self.statements.block(node.body, env)
        first, rest = items[0], items[1:]

        def enter(value: Value) -> Status:
            if first.optional_vars is not None:
                self.assignments.assign(first.optional_vars, value, env)
            return self.inside(node, rest, env)

        return self.managed(self.expressions.evaluate(first.context_expr, env), enter, node)

    def managed(self, manager: Value, act: Callable[[Value], Status], node: ast.AST) -> Status:
        """Do something within a manager."""
        generator = self.generators.as_generator(manager)
        if generator is not None:
            return self.generators.once(generator, act)
        status = act(self.entered_value(manager, node))
        self.left(manager, node)
        return status

    def entered_value(self, manager: Value, node: ast.AST) -> Value:
        found = self.special_methods.first_implicit(manager, ("__enter__", "__aenter__"), [], node)
        return manager if found is None else found

    def left(self, manager: Value, node: ast.AST) -> None:
        self.special_methods.first_implicit(manager, ("__exit__", "__aexit__"), [Const(None)] * 3, node)
        if isinstance(manager, Obj):
            self.transfer.life_cycle.run_exits(manager, node)

    # stacks
    def manager_made(self, name: str, args: list[Value], node: ast.AST) -> Value | None:
        """Managers of `contextlib` that call what they are given when they are left."""
        if name in ("contextlib.ExitStack", "contextlib.AsyncExitStack"):
            out = self.heap.allocate("instance", node, "stack")
            out.exits = ()
            return out
        if name in ("contextlib.closing", "contextlib.aclosing") and args:
            out = self.heap.allocate("instance", node, "closing")
            out.exits = (Partial(self.attributes.attribute(args[0], "close", node), (), ()),)
            out.closes = args[0]
            return out
        return None

    def stack_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Methods of a stack of managers, and of managers that stand around a call."""
        if name == AROUND and args:
            results: list[Value] = [CLEAN]

            def act(value: Value) -> Status:
                results[0] = self.transfer.calls.call(args[0], args[1:], keywords, node)
                return None

            self.managed(owner, act, node)
            return results[0]
        if not isinstance(owner, Obj) or owner.exits is None:
            return None
        if name in ("callback", "push_async_callback") and args:
            self.transfer.life_cycle.takes_charge(node)
            self.transfer.life_cycle.add_to(
                owner, Obj.exits, Partial(args[0], tuple(args[1:]), tuple(keywords.items()))
            )
            return args[0]
        if name in ("enter_context", "enter_async_context") and args:
            leave = self.first_special(args[0], ("__exit__", "__aexit__"))
            value = self.entered_value(args[0], node)
            if leave is not None:
                self.transfer.life_cycle.add_to(owner, Obj.exits, Partial(leave, (Const(None),) * 3, ()))
            if isinstance(args[0], Generator):
                return self.generators.listed(args[0])
            return value
        if name == "push" and args:
            leave = self.special_methods.special(args[0], "__exit__") or args[0]
            self.transfer.life_cycle.add_to(owner, Obj.exits, Partial(leave, (Const(None),) * 3, ()))
            return args[0]
        if name in ("close", "aclose"):
            self.transfer.life_cycle.run_exits(owner, node)
            return Const(None)
        return None

    def first_special(self, value: Value, names: Sequence[str]) -> Value | None:
        return next(
            (m for m in (self.special_methods.special(value, name) for name in names) if m is not None), None
        )

    def decorating(self, manager: Value, func: Value) -> Value | None:
        """A manager as a decorator: it stands around each call of the function."""
        if isinstance(manager, Generator):
            return Partial(Method(manager, AROUND), (func,), ())
        bases = manager.cls.library_bases() if isinstance(manager, Obj) and manager.cls is not None else []
        if any(base.endswith("ContextDecorator") for base in bases):
            return Partial(Method(manager, AROUND), (func,), ())
        return None
