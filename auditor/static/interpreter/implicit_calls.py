"""What the parts that follow implicit calls provide to the others, by name and type; nothing is done here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from auditor.solver.expressions import Expr
from auditor.static.domain.heap import Class, Env, Func, NamesView, Obj
from auditor.static.domain.values import Generator, Value
from auditor.trace.region import Region


class ImplicitCalls:
    """Every method of theirs that another part calls."""

    everywhere: Obj
    taken_over: set[int]

    def add_to(self, target: Obj, cell: str, value: Value) -> None:
        raise NotImplementedError

    def asked_by_builtin(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def asked_by_library(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def at_gradient(self, states: frozenset[Obj], regions: frozenset[Region], node: ast.AST) -> None:
        raise NotImplementedError

    def at_step(self, optimizer: Obj, moment: str, node: ast.AST) -> None:
        raise NotImplementedError

    def autograd_apply(self, cls: Class, args: list[Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def bare_instance(self, cls: Class, args: list[Value], node: ast.AST) -> Obj:
        raise NotImplementedError

    def binary_by_method(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def by_operator(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def called_back(self, func: Value, given: Sequence[Value], node: ast.AST, *, certain: bool) -> Value:
        raise NotImplementedError

    def called_for_each(self, func: Value, iterable: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def called_until(self, func: Value, node: ast.AST) -> Generator:
        raise NotImplementedError

    def cell_values(self, target: Obj, cell: str) -> tuple[Value, ...]:
        raise NotImplementedError

    def changes_states(self, method: Func) -> bool:
        raise NotImplementedError

    def class_of(self, value: Value) -> Value:
        raise NotImplementedError

    def compared_by_method(self, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def contained(self, item: Value, container: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def decorated_by_library(self, name: str, value: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def decorating(self, manager: Value, func: Value) -> Value | None:
        raise NotImplementedError

    def default_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def dict_filled(self, out: Obj, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        raise NotImplementedError

    def dropped(self, value: Value, made_since: int, node: ast.AST) -> None:
        raise NotImplementedError

    def ended(self, value: object, node: ast.AST) -> None:
        raise NotImplementedError

    def entries_of(self, args: list[Value], keywords: dict[str, Value]) -> list[tuple[str, Value]]:
        raise NotImplementedError

    def extend(self, target: Obj, values: Value, key: Expr | None, node: ast.AST) -> None:
        raise NotImplementedError

    def filtered(self, func: Value, iterable: Value, node: ast.AST, *, keeps: bool = True) -> Value:
        raise NotImplementedError

    def first_implicit(
        self, value: Value, names: Sequence[str], args: Sequence[Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def formatted(self, value: Value, way: str, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def hashed(self, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def hook_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def hooked_call(
        self, module: Obj, args: list[Value], forward: Callable[[], Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def implicit(self, value: Value, name: str, args: Sequence[Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def in_executor(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def indexed_by(self, value: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def initialise(self, owner: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        raise NotImplementedError

    def is_callable_here(self, value: Value) -> bool:
        raise NotImplementedError

    def is_callback(self, value: Value) -> bool:
        raise NotImplementedError

    def is_mortal(self, value: object) -> bool:
        raise NotImplementedError

    def item_at(self, owner: Value, index: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def iterables(self, name: str, args: list[Value], node: ast.AST) -> list[Value]:
        raise NotImplementedError

    def left_behind(
        self, scope: Env, made_since: int, result: Value | None, mark: int, node: ast.AST
    ) -> None:
        raise NotImplementedError

    def library_callback(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def library_hook(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def life_cycle(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def logged(self, args: list[Value], node: ast.AST) -> None:
        raise NotImplementedError

    def made_class(self, args: Sequence[Value], node: ast.AST) -> Class | None:
        raise NotImplementedError

    def make(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        raise NotImplementedError

    def makes_events(self, method: Func) -> bool:
        raise NotImplementedError

    def manager_made(self, name: str, args: list[Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def method_of(self, method: Func, instance: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def name_in(self, owner: NamesView, key: Value) -> Value | None:
        raise NotImplementedError

    def names_method(
        self, owner: NamesView, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        raise NotImplementedError

    def negated(self, node: ast.UnaryOp, value: Value) -> Value:
        raise NotImplementedError

    def operated_in_place(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def plain_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        raise NotImplementedError

    def put_attribute(self, option: Value, name: str, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def run_exits(self, target: Obj, node: ast.AST) -> None:
        raise NotImplementedError

    def service_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        raise NotImplementedError

    def special(self, value: Value, name: str) -> Value | None:
        raise NotImplementedError

    def stack_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def starmapped(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def store_item(self, owner: Value, index: Value, value: Value, node: ast.AST) -> bool:
        raise NotImplementedError

    def takes_charge(self, node: ast.AST) -> None:
        raise NotImplementedError

    def tested(self, value: Value, node: ast.AST) -> Value:
        raise NotImplementedError

    def thread_method(self, owner: Value, name: str, node: ast.AST) -> Value:
        raise NotImplementedError

    def threaded(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        raise NotImplementedError

    def trains(self, method: Func, depth: int = 0) -> bool:
        raise NotImplementedError

    def unary_by_method(self, op: ast.unaryop, value: Value, node: ast.AST) -> Value | None:
        raise NotImplementedError

    def unbound_call(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        raise NotImplementedError

    def unnamed(self, value: object, env: Env, node: ast.AST) -> None:
        raise NotImplementedError

    def visible_names(self, env: Env) -> NamesView:
        raise NotImplementedError
