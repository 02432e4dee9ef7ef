"""The state of a run, and what the parts of the interpreter ask of one another.

`interpreter.Interpreter` puts the parts together; each of them knows this class alone.
"""

from __future__ import annotations

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from auditor.static.causality.choices import Choices
from auditor.static.causality.extents import Rows, Sizes
from auditor.static.causality.failures import NotFollowed, ScriptError, TooLarge
from auditor.static.causality.limits import MAX_STEPS
from auditor.static.causality.scored import Scored
from auditor.static.causality.tensor import BLURRED, NONE, WAYS, Array, Tensor
from auditor.static.causality.values import (
    MISSING,
    Class,
    Function,
    FunctionNode,
    Instance,
    Library,
    Native,
    Scope,
    Unknown,
)
from auditor.trace.events import Place

MAX_ROWS = 1_000
"""Elements that are taken for those of something whose size is a guess."""

MAX_SIZE = 1_000_000
"""What a size that is a guess is reckoned with."""


@dataclass(frozen=True, slots=True)
class Late:
    """A value that an attribute is given at a place that a run does not come by.

    Attributes:
        value: a plain one.
        cls: the class whose objects it is set on, or None for any.
    """

    value: Any
    cls: ast.ClassDef | None


class Texts(Protocol):
    """The modules of a submission, as trees."""

    def module(self, name: str) -> tuple[ast.Module, str] | None:
        """Tree and path of a module of the submission, or None for a library's."""

    def inner(self, node: ast.Call) -> Sequence[tuple[ast.Module, str]]:
        """What a call that unpacks and runs code runs."""


class Walker(ABC):
    """One run of a script's definitions and of a model.

    Attributes:
        settings: environment variables by name.
        choices: what is decided where the source leaves it open.
        following: whether the forward pass is running (before that, what fails is skipped).
        where: path and line of the innermost statement that is running.
        scored: the losses taken, in order.
        late: values that an attribute is given where the run does not come by, by its name.
        late_globals: values that functions give names of their module, by the module's scope and the name.
        watched: what the first row that looks ahead is looked for with, or None.
        optional: names that an import which may fail binds, and what it imports.
        fingerprints: of the submission's own kernels, by the names they have here.
        number: what a number is taken for that the model is handed and that is not known.
        number_asked: whether that number was needed as a size.
        sizes: how many and how long the rows are, and where the model asks.
        operations: functions that the script gives a name below `torch.ops`.
        observed: whole numbers and None that attributes were found with, by name.
        foreign: functions of libraries by whose declared behaviour the run went, for the reader.
    """

    def __init__(self, texts: Texts, settings: Mapping[str, str | None], choices: Choices) -> None:
        self.texts = texts
        self.settings = settings
        self.choices = choices
        self.steps = 0
        self.depth = 0
        self.where: tuple[str, int] = ("", 1)
        self.failed_at: tuple[str, int] | None = None
        self.following = False
        self.modules: dict[str, Scope] = {}
        self.trees: list[ast.Module] = []
        self.tree_scopes: list[Scope] = []
        self.functions: list[Function] = []
        self.influence: Array | None = None
        self.unknowns: dict[Hashable, int] = {}
        self.executed: set[int] = set()
        self.late: dict[str, list[Late]] = {}
        self.late_globals: dict[tuple[int, str], list[Any]] = {}
        self.read_attributes: set[str] = set()
        self.observed: dict[str, set[int | None]] = {}
        self.occurrences: dict[Hashable, int] = {}
        self.scored: list[Scored] = []
        self.foreign: set[str] = set()
        self.watched: Watched | None = None
        self.optional: dict[str, str] = {}
        self.fingerprints: dict[str, str] = {}
        self.operations: dict[str, Function] = {}
        self.number = 0
        self.number_asked = False
        self.sizes = Sizes(Rows(0, 0))
        self.path = ""
        self.base = Scope()

    # -- running

    def tick(self) -> None:
        """Spend a step.

        Raises:
            TooLarge: none are left.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooLarge(f"more than {MAX_STEPS:,} steps")

    def unknown(
        self,
        reason: str,
        key: Hashable = None,
        pos: Array | None = None,
        size: int | Callable[[], int | None] | None = None,
    ) -> Unknown:
        """A value that is not known; of the same number wherever the key is the same."""
        number = self.unknowns.setdefault((reason, key), len(self.unknowns) + 1)
        return Unknown(reason, number, pos, size)

    @abstractmethod
    def load(self, tree: ast.Module, path: str, name: str) -> Scope:
        """Run the definitions of a module; what cannot be followed there is left unknown."""

    @abstractmethod
    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        """The value of an expression."""

    @abstractmethod
    def execute(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        """Run statements."""

    @abstractmethod
    def execute_softly(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        """Run statements one by one; names that a statement would have bound and could not are left unknown."""

    @abstractmethod
    def bind(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assign a value to a target."""

    @abstractmethod
    def define(self, node: FunctionNode, scope: Scope) -> Function:
        """A function with its defaults, which are evaluated where it is defined."""

    @abstractmethod
    def call(self, function: Any, args: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """The result of a call."""

    @abstractmethod
    def call_library(self, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        """The result of a call of something of a library, by its full name."""

    @abstractmethod
    def operate(self, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        """The result of an operation of tensors, by name."""

    @abstractmethod
    def arithmetic(self, op: ast.operator, left: Any, right: Any) -> Any:
        """The value of a binary operator."""

    @abstractmethod
    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`."""

    @abstractmethod
    def set_attribute(self, owner: Any, name: str, value: Any) -> None:
        """`owner.name = value`."""

    @abstractmethod
    def library_member(self, name: str) -> Any:
        """Something of a library by its full name: a class of ours where there is one."""

    @abstractmethod
    def subscript(self, owner: Any, index: Any) -> Any:
        """`owner[index]`."""

    def number_handed(self) -> int:
        """What a number that is not known is taken for where the model asks for a size."""
        self.number_asked = True
        return self.number

    def is_module(self, value: Any) -> bool:
        return isinstance(value, Instance) and value.cls.is_module

    def stand_at(self, node: ast.stmt | ast.expr) -> None:
        """Note where the run stands; the library's own modules have no place."""
        if self.path:
            self.where = (self.path, node.lineno)

    def notice(self, value: Any) -> None:
        """Keep the first place at which a row of features reaches beyond itself, where that is asked for."""
        watched = self.watched
        if watched is not None and watched.found is None and isinstance(value, Tensor) and value.kind == "f":
            if value.role != "losses" and watched.reaches(value):
                watched.found = self.where

    # -- decisions

    def truth(self, value: Any, node: ast.AST | None = None) -> bool:
        """Whether a condition holds; decided both ways, one run each, where that is not known."""
        if isinstance(value, Tensor):
            if value.value is not None and value.size == 1:
                return bool(value.value.reshape(()))
            if value.size != 1 and value.size:
                raise ScriptError("RuntimeError", "the truth value of a tensor of several elements")
            value = Unknown("a condition on tensors", 0, highest(value))
        if isinstance(value, Unknown):
            return self.decide(value, node)
        if isinstance(value, Instance):
            if value.cls.find("__bool__") is not MISSING:
                return self.truth(self.call(self.attribute(value, "__bool__"), [], {}))
            if value.cls.find("__len__") is not MISSING:
                return bool(self.call(self.attribute(value, "__len__"), [], {}))
            return True
        if isinstance(value, Library | Function | Class | Native):
            return True
        return bool(value)

    def decide(self, value: Unknown, node: ast.AST | None) -> bool:
        """One side of a branch whose condition is not known.

        Raises:
            NotFollowed: it is not known outside the model itself; such statements are skipped.
        """
        if not self.following:
            raise NotFollowed(f"a condition that is not known: {value.reason}")
        if value.holds is not None and value.pos is None:
            return value.holds
        line = getattr(node, "lineno", self.where[1])
        key: Hashable = (self.path, line, getattr(node, "col_offset", 0), value.number)
        if value.pos is not None and (value.pos >= 0).any():
            count = self.occurrences.get(key, 0)
            self.occurrences[key] = count + 1
            key = (key, count)
            under = np.full(WAYS, NONE, np.int32)
            under[BLURRED] = value.pos.max()
            self.influence = under if self.influence is None else np.maximum(self.influence, under)
            if self.watched is not None and self.watched.way == BLURRED and self.watched.found is None:
                self.watched.found = self.where
        value.holds = bool(self.choices.choose(key, (False, True), f"line {line}: {value.reason}"))
        return value.holds

    def influenced(self, value: Any) -> Any:
        """A new value, with what decided that it was computed at all."""
        if self.influence is not None and isinstance(value, Tensor):
            pos = np.maximum(value.pos, self.influence.reshape(-1, *(1,) * value.rank))
            out = Tensor(value.shape, pos, kind=value.kind, learned=value.learned, lost=value.lost)
            out.role = value.role
            return out
        return value

    def iterate(self, value: Any) -> Iterable[Any]:
        """The elements of something that is looped over.

        Raises:
            NotFollowed: it is not known what they are.
        """
        if isinstance(value, Tensor):
            if not value.rank:
                raise ScriptError("TypeError", "a loop over a tensor without axes")
            return [self.subscript(value, number) for number in range(value.shape[0])]
        if isinstance(value, Instance):
            return self.iterate(self.call(self.attribute(value, "__iter__"), [], {}))
        if isinstance(value, Unknown):
            size = value.size
            if size is not None and 0 <= size <= MAX_ROWS:
                return [self.unknown(f"element {n} of {value.reason}", value.number) for n in range(size)]
            raise NotFollowed(f"a loop over what is not known: {value.reason}")
        if (
            isinstance(value, Library | Function | Class | Native)
            or value is None
            or isinstance(value, int | float)
        ):
            raise NotFollowed(f"a loop over a {type(value).__name__}")
        return value  # type: ignore[no-any-return]

    def place(self) -> Place:
        """Where the run stands."""
        return Place(self.where[0], 0, self.where[1])


class Watched:
    """What rows are compared with: the places of the tokens given.

    Attributes:
        own: (batch, time).
        way: by which way of depending.
        found: path and line of the first row that reaches beyond its own token.
    """

    def __init__(self, own: Array, way: int) -> None:
        self.own = own
        self.way = way
        self.found: tuple[str, int] | None = None

    def reaches(self, tensor: Tensor) -> bool:
        """Whether any row of a tensor with axes of batch and time depends on a later token than its own."""
        own = self.own
        shape = tensor.shape
        axis = next(
            (a for a in (1, 2) if tensor.rank > a and shape[0] == own.shape[0] and shape[a] == own.shape[1]),
            None,
        )
        if axis is None and shape[:1] == (own.size,):
            own, axis = own.reshape(1, -1), 0
        if axis is None:
            return False
        rest = tuple(a for a in range(tensor.rank) if a != axis and not (a == 0 and axis))
        pos = tensor.pos[self.way].max(axis=rest)
        return bool((pos > (own if axis else own[0])).any())


def highest(tensor: Tensor) -> Array:
    """(WAYS,): the latest token that any element may depend on."""
    if tensor.pos.size == 0:
        return np.full(WAYS, NONE, np.int32)
    out: Array = tensor.pos.reshape(WAYS, -1).max(axis=1)
    return out


MAX_HELD = 10_000
"""Values of a container that are looked through for what they depend on."""


def held(values: Iterable[Any]) -> Array | None:
    """(WAYS,): the latest tokens that values depend on, with all that containers and plain objects among them hold.

    None: on no token.

    Raises:
        NotFollowed: they hold more than `MAX_HELD`.
    """
    out: Array | None = None
    seen: set[int] = set()
    todo = list(values)
    while todo:
        value = todo.pop()
        pos: Array | None = None
        if isinstance(value, Tensor):
            pos = highest(value) if value.depends else None
        elif isinstance(value, Unknown):
            pos = value.pos
        elif isinstance(value, list | tuple | set | frozenset | dict | Instance):
            if id(value) in seen:
                continue
            seen.add(id(value))
            if len(seen) > MAX_HELD:
                raise NotFollowed("a container of too many values")
            if isinstance(value, Instance):
                todo.extend(() if value.cls.is_module else value.attributes.values())
            elif isinstance(value, dict):
                todo.extend((*value, *value.values()))
            else:
                todo.extend(part for part in value if not isinstance(part, bool | int | float | str))
        if pos is not None:
            out = pos if out is None else np.maximum(out, pos)
    return out


def is_open(values: Iterable[Any]) -> bool:
    """Whether any of these is not known, or is a tensor: Python's own operators do not tell such values apart."""
    return any(isinstance(value, Unknown | Tensor) for value in values)


def key_of(key: Any) -> Any:
    """A key of a dictionary or an index of a list.

    Raises:
        NotFollowed: it is not known, or depends on data.
    """
    if isinstance(key, Tensor):
        if key.value is not None and key.size == 1:
            return key.value.reshape(()).item()
        raise NotFollowed("a key made of a tensor")
    if isinstance(key, Unknown):
        raise NotFollowed(f"a key that is not known: {key.reason}")
    if isinstance(key, tuple):
        return tuple(key_of(part) for part in key)
    if isinstance(key, slice):
        return slice(*(None if b is None else key_of(b) for b in (key.start, key.stop, key.step)))
    return key


def joined_unknown(it: Walker, what: str, left: Any, right: Any) -> Unknown:
    """What is made of something that is not known; it remembers what it depends on."""
    first = left if isinstance(left, Unknown) else right
    pos = first.pos
    other = right if first is left else left
    if isinstance(other, Unknown) and other.pos is not None:
        pos = other.pos if pos is None else np.maximum(pos, other.pos)
    key = (what, first.number, other.number if isinstance(other, Unknown) else repr(other)[:40])
    return Unknown(first.reason, it.unknown("arithmetic", key).number, pos, _size_of(what, left, right))


SIZES: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "min": min,
    "max": max,
}


def _size_of(what: str, left: Any, right: Any) -> Callable[[], int | None] | None:
    """The size that is taken for a number that is made of sizes, when it is asked for."""
    parts = [
        value.has_size if isinstance(value, Unknown) else isinstance(value, int) for value in (left, right)
    ]
    if what not in SIZES or not all(parts):
        return None

    def size() -> int | None:
        first = left.size if isinstance(left, Unknown) else left
        second = right.size if isinstance(right, Unknown) else right
        if first is None or second is None or max(abs(first), abs(second)) > MAX_SIZE:
            return None
        if what in ("floor_divide", "remainder") and second <= 0:
            return None
        return SIZES[what](first, second)

    return size
