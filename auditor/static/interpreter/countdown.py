"""What a loop compares with zero and makes smaller by the same step in each turn."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation


@dataclass(frozen=True, slots=True)
class Countdown:
    """How far a loop goes.

    Attributes:
        room: the loop goes on while this is not negative, before the first turn.
        step: by which each turn makes it smaller, at least 1.
    """

    room: Expr
    step: int

    @property
    def turns(self) -> Expr:
        """How many turns the loop takes, if nothing else ends it; negative or zero for none."""
        return operation("floordiv", self.room + self.step, Expr(self.step))

    def at(self, counter: Symbol) -> Expr:
        """What is compared with zero in the turn of this number, counted from 0."""
        return self.room - Expr.of(counter).scaled(self.step)


def linear_in(expr: Expr, symbol: Symbol) -> tuple[int, Expr]:
    """The factor of a symbol in an expression and the rest; factor 0 where the rest hangs on the symbol too."""
    factor = dict(expr.terms).get(symbol, 0)
    rest = expr - Expr.of(symbol).scaled(factor)
    return (0, expr) if symbol in rest.symbols() else (factor, rest)
