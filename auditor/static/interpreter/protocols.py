"""What the rooms of syntax and of calls do for parts that stand below them.

A call down the house needs no interface: a part holds what stands below it by its class. Evaluating and calling
recur in each other, so that some calls run up: those, and no others, are named here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Protocol

from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.static.domain.flow import Body, Changes, Choice, Deferral, Status
from auditor.static.domain.heap import Class, Env, Func, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Drive, Generator, Keyed, Value
from auditor.trace.events import Event


class Rooms(Protocol):
    """Who knows both rooms: the machine, once they stand."""

    evaluate: Evaluator
    apply: Applier


class Evaluator(Protocol):
    """Evaluates syntax and what syntax does with values (`auditor.static.syntax.room`)."""

    # arithmetic

    def binary(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value: ...

    # special_methods

    def special(self, value: Value, name: str) -> Value | None:
        """The special method of that name of a value's class, bound to the value."""

    def implicit(self, value: Value, name: str, args: Sequence[Value], node: ast.AST) -> Value | None:
        """Have the script's special method answer; None where its class has none."""

    def first_implicit(
        self, value: Value, names: Sequence[str], args: Sequence[Value], node: ast.AST
    ) -> Value | None:
        """The answer of the first of several special methods that there is."""

    def binary_by_method(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """A binary operation, by the operands' own methods where they have them."""

    def operated_in_place(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value | None:
        """`left op= right` by methods of the script; None where there are none."""

    def unary_by_method(self, op: ast.unaryop, value: Value, node: ast.AST) -> Value | None: ...

    def compared_by_method(self, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value | None:
        """A comparison by methods of the script; None where there are none."""

    def contained(self, item: Value, container: Value, node: ast.AST) -> Value | None: ...

    def tested(self, value: Value, node: ast.AST) -> Value:
        """The value that a test is decided by: of objects, what `__bool__` or `__len__` says."""

    def formatted(self, value: Value, way: str, node: ast.AST) -> Value | None:
        """Text of a value by its own methods; of containers, of what they hold."""

    def hashed(self, value: Value, node: ast.AST) -> None:
        """A value is a key: its hash is taken, and it may be compared."""

    def item_at(self, owner: Value, index: Value, node: ast.AST) -> Value:
        """`owner[index]`."""

    def store_item(self, owner: Value, index: Value, value: Value, node: ast.AST) -> bool:
        """`owner[index] = value` by a method of the script; whether there is one."""

    # attributes

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value: ...

    def class_of(self, value: Value) -> Value:
        """The class of an object: one of the script, or by its library's name."""

    def method_of(self, method: Func, instance: Value, node: ast.AST) -> Value:
        """What looking up a method on an instance gives: bound, or called if it is a property."""

    def plain_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        """`owner.name`, as `object` looks it up."""

    # statements

    def block(self, body: Sequence[ast.stmt], env: Env) -> Status: ...

    def module_value(self, name: str, node: ast.AST) -> Value:
        """A library by name, or the evaluated sibling file of that name."""

    # branches

    def merge(
        self,
        changes: Changes,
        condition: Condition | None = None,
        *,
        flipped: bool = True,
        choice: Choice | None = None,
    ) -> None:
        """Join what another path left into the present state."""

    # generators

    def framed(self, drive: Drive) -> Drive:
        """A drive that runs in the present frame whoever consumes it, and its consumer in its own."""

    def generator_call(self, func: Func, scope: Env, node: ast.AST) -> Generator:
        """What a call of a function that yields gives: nothing has run yet."""

    def yields(self, func: Func) -> bool:
        """Whether calling the function makes a generator."""

    def sent(self, generator: Generator, value: Value) -> Value: ...

    def resumed(self, generator: Generator, count: int) -> Value: ...

    def listed(self, generator: Generator, *, at_once: bool = False) -> Value:
        """The generator read into a list, once; `at_once` if that is what the script does here."""

    def iterated(self, value: Value, node: ast.AST) -> Value:
        """What a loop goes through: objects with `__iter__` or `__next__` by these methods."""

    def mapped(self, func: Value, iterables: list[Value], node: ast.AST) -> Generator:
        """`map(f, xs)`: the calls happen as the results are taken."""

    # assignments

    def assign(self, target: ast.expr, value: Value, env: Env) -> None: ...

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST) -> None:
        """`owner.name = value`, by the methods of the class that stand in the way of it."""

    def put_attribute(self, option: Value, name: str, value: Value, node: ast.AST) -> None:
        """`owner.name = value`, as `object` does it."""

    # loops

    def each(self, iterable: Value, take: Callable[[Value], None], body: Body) -> Status: ...

    def turns(
        self,
        body: Body,
        entry: int,
        count: Expr | None,
        bind: Callable[[Symbol], None],
        *,
        always: bool = False,
    ) -> Status:
        """Run the abstract turns of a loop; `bind` gives the loop's targets their values for a counter."""

    def settle_deferred(self, left: list[Deferral]) -> None: ...

    def length(self, value: Value) -> Expr | None:
        """The number of elements, where it is known as an expression."""

    def indexable(self, value: Value) -> Value:
        """What `element` is asked of when iterating over a value: dictionaries give their keys."""

    # elements

    def append(self, target: Obj, value: Value, key: Expr | None = None) -> None:
        """Add an element at the end; `key` if the container is one of a family seen at that index."""

    def element(self, container: Value, index: Expr | None, turns: frozenset[Symbol] = frozenset()) -> Value:
        """The element at an index; None for "some element"."""

    def in_any_turn(self, container: Obj, element: Value) -> Value:
        """An element as what all of its kind are, whichever turns put them there."""

    def is_aligned(self, container: Obj, entries: Sequence[object]) -> bool:
        """Whether the list got exactly one element in each turn of one loop, from its beginning."""

    def holds_all_turns(self, container: Obj, element: Keyed) -> bool:
        """Whether a list got an element in every turn of a loop that is over and went to its end."""

    # expressions

    def evaluate(self, node: ast.expr, env: Env) -> Value: ...

    def exact_items(self, value: Value) -> Sequence[Value] | None: ...

    # managers

    def manager_made(self, name: str, args: list[Value], node: ast.AST) -> Value | None:
        """Managers of `contextlib` that call what they are given when they are left."""

    def stack_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Methods of a stack of managers, and of managers that stand around a call."""

    # class_bodies

    def is_callable_here(self, value: Value) -> bool:
        """Whether calling a value runs code of the script."""

    def made_class(self, args: Sequence[Value], node: ast.AST) -> Class | None:
        """`type(name, bases, namespace)`."""

    # subscripts

    def subscript(self, owner: Value, index: Value, node: ast.AST) -> Value: ...


class Applier(Protocol):
    """Applies what is called (`auditor.static.transfer.room`)."""

    # library_patches

    def lingering_doubts(self) -> None:
        """Doubt, before a number is printed, what code that may have run by now could have done."""

    # state_dicts

    def has_restored(self, record: Data) -> bool:
        """Whether a module that a value comes from was given weights read back from a file."""

    # files

    def origin(self, number: int) -> Event | None: ...

    def read_or_scored(self, a: Data, b: Data, joined: Data) -> Data: ...

    # method_text

    def changes_states(self, method: Func) -> bool:
        """Whether the text of a function takes gradients or writes weights."""

    def trains(self, method: Func, depth: int = 0) -> bool:
        """Whether the text of a function takes gradients, itself or in what it calls by name."""

    # life_cycle

    def takes_charge(self, node: ast.AST) -> None:
        """Note that what a call was handed is called where its time has come."""

    # default_methods

    def initialise(self, owner: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """The constructor of a library's class, called for an object of a class derived from it."""

    def entries_of(self, args: list[Value], keywords: dict[str, Value]) -> list[tuple[str, Value]]:
        """What `update` is given, by name."""

    # dispatch

    def call_library(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value: ...

    # library/standard_library

    def run_inner(self, node: ast.AST, scope: Env | None = None) -> Value:
        """`exec`, `runpy.run_path` and the like: the decoded text runs here, by itself in the globals."""

    def text_of(self, value: Value) -> str: ...

    # calls

    def call(self, func: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value: ...

    def call_function(
        self, func: Func, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value: ...

    # methods

    def call_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value: ...

    def known_parts(self, value: Value) -> list[Value] | None: ...
