"""How control leaves a statement, what a turn of a loop changes, and what is deferred until it is known."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from auditor.solver.expressions import Expr, Symbol
from auditor.static.domain.heap import Holder, Key
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Ending as Ending
from auditor.static.domain.values import Status as Status
from auditor.trace.formula import Formula
from auditor.trace.region import Region

MAX_NESTING = 12
"""Containers in one another."""


WHOLE = Region("val", Expr(0), Expr.of(Symbol("free", (0, "val_tokens"), 1)))
"""The whole validation split, as one interval; it is not empty."""


Changes = dict[tuple[int, Key], tuple[Holder, Key, object]]
"""Cells and their values, as an arm of a branch left them."""


Deferral = tuple[Ending, Changes, "Choice | None"]
"""How an arm of a branch ended, what it had left, and the choice that the branch was."""


@dataclass(slots=True)
class RunningLoop:
    """A loop that is running: its entry, abstract iteration, counter and name."""

    entry: int
    iteration: int
    counter: Symbol
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a loop does in a turn.

    Attributes:
        node: where the loop stands.
        variable: the name it goes by.
        detail: what it goes through, as the source has it.
        run: one turn.
    """

    node: ast.AST
    variable: str
    detail: str
    run: Callable[[], Status]


@dataclass(frozen=True, slots=True)
class Choice:
    """A condition that looked at scores, and where it stands."""

    test: Data
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Loss:
    """What a model gives: the formula of its loss, and the choices by scores that went into it."""

    formula: Formula
    chosen: frozenset[int] = frozenset()
