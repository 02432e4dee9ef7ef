"""One call of a method, as the parts that know methods are handed it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Value


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A method called on a value: what it is called on, what that is made of, and what it is handed."""

    owner: Value
    name: str
    args: list[Value]
    keywords: dict[str, Value]
    node: ast.AST
    record: Data
    targets: frozenset[Obj]
    """The objects that the owner may be."""

    @property
    def given(self) -> tuple[Value, ...]:
        return (*self.args, *self.keywords.values())


Way = Callable[[MethodCall], Value | None]
"""What a method gives; None where this way does not know it."""
Rows = tuple[tuple[frozenset[str] | None, Way], ...]
"""Ways in the order in which they are asked, each with the names that it knows; None for any name."""


def axis_of(call: MethodCall) -> Value | None:
    """The axis that a method is given, by name or first."""
    return call.keywords.get("dim", call.args[0] if call.args else None)
