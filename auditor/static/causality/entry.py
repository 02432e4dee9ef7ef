"""What the evaluation calls: which method of which model, made how, with what."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.trace.events import Place

TOKENS = "tokens"


@dataclass(frozen=True, slots=True)
class TokenArgument:
    """An argument made of validation tokens.

    Attributes:
        offset: how many tokens later than the first such argument it starts: 1 for targets.
        rank: number of its axes: 2 for (batch, time), 1 for time alone.
    """

    offset: int
    rank: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Construction:
    """How an object of a class of the script is made.

    Attributes:
        cls: the class.
        args, keywords: plain values, `Construction`s, `Holder`s or `Open`.
        site: the call that makes it, for finding what is open.
    """

    cls: ast.ClassDef
    args: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    site: ast.Call | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """An object of a class of the script whose attributes are known as far as they are given (settings)."""

    cls: ast.ClassDef
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Open:
    """An argument that is not known.

    Attributes:
        reason: one clause.
        content: whether it may be made of tokens, or of anything computed from them; else it may be a number or
            a tensor of weights.
        size: what is taken for it where it is a size, or None.
    """

    reason: str
    content: bool = True
    size: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Something that a module gives, a set of adapters: what an expression says of it.

    Attributes:
        owner: how the module is made.
        name: by which the expression speaks of it.
        text: the expression, as the call has it.
        site: the call.
    """

    owner: Construction
    name: str
    text: ast.expr
    site: ast.Call


@dataclass(frozen=True, slots=True)
class Borders:
    """Cumulative lengths of documents packed in one row, of which nothing more is known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One way in which the evaluation calls a model.

    Attributes:
        model: how the model is made.
        method: which of its methods.
        args, keywords: `TokenArgument`s, plain values, `Construction`s, `Part`s or `Open`.
        length: how many tokens a row holds, or None where that is not known.
        place: of the call.
        settled: plain values that names at the top of the model's module have whenever the call is made, by
            `(name,)`, and attributes of the classes there, by `(class, attribute)`.
    """

    model: Construction
    method: str
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    length: int | None
    place: Place
    settled: Mapping[tuple[str, ...], Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For the reader."""
        return self.model.cls.name if self.method == "forward" else f"{self.model.cls.name}.{self.method}"
