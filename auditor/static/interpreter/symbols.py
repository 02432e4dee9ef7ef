"""Fresh symbols for what is not known."""

from __future__ import annotations

from auditor.solver.expressions import Expr, Symbol
from auditor.static.interpreter.recorder import Recorder


class Symbols:
    """Numbers the symbols of one evaluation; `last` is the latest number given."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.last = 0

    def fresh(self, kind: str, *parts: object, low: int | None = None) -> Expr:
        """A fresh symbol; what it depends on goes into `parts` as expressions.

        An unknown is another one in each turn of the loops that are running.
        """
        self.last += 1
        if kind == "free" and not parts:
            parts = tuple(Expr.of(loop.counter) for loop in self.recorder.running)
        return Expr.of(Symbol(kind, (self.last, *parts), low))
