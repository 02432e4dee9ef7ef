"""The abstract values of the partial evaluator.

A value that the configuration settles is a `Const`; an integer that depends on loops is a `SymbolicInt`; a tensor, an
array or any other value is a `Data`: a record of where it came from. What is neither stays what Python makes of
it: tuples, functions, classes, objects on the heap (`auditor.static.domain.heap`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from auditor.solver.expressions import Condition, Expr

NONE: frozenset[str] = frozenset()
Settings = frozenset[str]


class Value:
    """Base of all abstract values."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Const(Value):
    """A known Python constant, with the settings (environment names) it was computed from."""

    value: object
    settings: Settings = NONE


@dataclass(frozen=True, slots=True)
class SymbolicInt(Value):
    """An integer given by an expression over symbols."""

    expr: Expr
    settings: Settings = NONE


@dataclass(frozen=True, slots=True)
class SymbolicBool(Value):
    """A comparison of integers that is not decided."""

    condition: Condition
    settings: Settings = NONE


Interval = tuple[Expr, Expr | None]
RowNumber = tuple[Expr | None, Expr, tuple[Expr, ...]]

Written = tuple[Expr, Expr | None, Expr | None, tuple[Expr, ...]]
"""Ones in a mask: row, first position, the position behind the last, and the conditions under which they are there."""


@dataclass(frozen=True, slots=True)
class TupleValue(Value):
    """A tuple, or a list literal that nothing mutates, with its items."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Columns(Value):
    """Arrays side by side, one a column, which nothing mutates."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Slice(Value):
    """`lower:upper:step` inside an index."""

    lower: Value | None
    upper: Value | None
    step: Value | None


@dataclass(frozen=True, slots=True)
class LibraryRef(Value):
    """Something of a library, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True)
class Method(Value):
    """A method of a value that is not a function of the script."""

    owner: Value
    name: str


@dataclass(frozen=True, slots=True)
class Partial(Value):
    """`functools.partial`."""

    func: Value
    args: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Keyed(Value):
    """An element that loops put into a container.

    Attributes:
        value: the element.
        key: index of the bucket, for a container of containers.
        entries: the loops that were running and are younger than the container.
    """

    value: Value
    key: Expr | None
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Union(Value):
    """One of several values (at most `MAX_ALTERNATIVES`)."""

    options: tuple[Value, ...]


Ending = Literal["return", "break", "continue", "raise"]

Status = Ending | None
"""How a block ended: None if it ran to its end."""

Consume = Callable[[Value], Status]
"""What takes the values of a generator one by one; its answer is how its turn ended."""


@dataclass(slots=True, eq=False)
class Generator(Value):
    """Values that are made as they are taken.

    Attributes:
        drive: makes the values and hands them over.
        node: where it was made.
        listed: the list it was read into, once it was consumed otherwise than by a loop.
        receives: whether it uses what is sent to it: then `next` runs it to its first yield and no further.
    """

    drive: Callable[[Consume], None]
    node: ast.AST
    listed: Value | None = None
    receives: bool = False


MAX_ALTERNATIVES = 5

Drive = Callable[[Consume], None]
