"""Which tokens: the regions that events speak of.

A region is a source and, where it could be followed, a half-open interval of positions in it. Without an
interval the iteration counters that its indices depend on still say which turn of which loop it belongs to:
that can suggest that two regions are disjoint, never prove it. Replay gives sets of positions instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from auditor.replacing import replace
from auditor.solver.expressions import Condition, Expr, Memo, Symbol
from auditor.solver.operations import Exchange, operation, replace_atoms
from auditor.solver.solver import proves

Expressions = tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """A set of tokens of one source.

    Attributes:
        source: "val", "train", or the name of another stream.
        start: first position (inclusive), or None if not known.
        stop: end position (exclusive), or None if not known.
        turns: iteration counters that the position depends on in a way that is not known to be an interval.
        row: for a batch filled row by row, the index of the row this region stands in; it is exchanged for the
            index with which the batch is read.
        positions: replay only: the positions themselves.
        partial: only some of its tokens take part, chosen by a mask that was not followed.
        drawn: which of its tokens take part, a random number decides.
        cut: of each of the rows that it is broken into, the same places are left out.
        facts: conditions under which the region was taken, as expressions that are not negative.
    """

    source: str
    start: Expr | None = None
    stop: Expr | None = None
    turns: frozenset[Symbol] = frozenset()
    row: Expr | None = None
    positions: frozenset[int] | None = None
    facts: tuple[Expr, ...] = ()
    partial: bool = False
    drawn: bool = False
    cut: bool = False

    def __hash__(self) -> int:
        """The same in every process, unlike that of a string or None: sets of regions are gone through in order."""
        bounds = tuple(0 if expr is None else hash(expr) for expr in (self.start, self.stop, self.row))
        return hash((crc32(self.source.encode()), bounds, self.turns, self.facts, self.positions or 0))

    @property
    def iterations(self) -> frozenset[Symbol]:
        """Every iteration counter that the region depends on."""
        found = self.turns
        for expr in (self.start, self.stop, *self.facts):
            if expr is not None:
                found |= expr.iterations()
        return found

    def mapped(self, change: Callable[[Symbol], Expr | None]) -> Region:
        """The region with symbols exchanged in its interval and turns."""
        memo: Memo = {}
        if isinstance(change, Exchange):
            parts = (self.start, self.stop, self.row, *self.facts, *self.turns)
            if not any(part is not None and change.concerns(part) for part in parts):
                return self
            memo = change.memo
        turns: set[Symbol] = set()
        for symbol in self.turns:
            new = change(symbol)
            turns |= {symbol} if new is None else new.iterations()
        return replace(
            self,
            start=None if self.start is None else replace_atoms(self.start, change, memo),
            stop=None if self.stop is None else replace_atoms(self.stop, change, memo),
            turns=frozenset(turns),
            row=None if self.row is None else replace_atoms(self.row, change, memo),
            facts=tuple(replace_atoms(fact, change, memo) for fact in self.facts),
        )

    def sliced(
        self, lower: Expr | None, upper: Expr | None, *, from_end: tuple[bool | None, bool | None]
    ) -> Region:
        """The part `[lower:upper]` of the interval.

        Args:
            from_end: which bounds count from the end, None where their sign says so and is not known.
        """
        if self.start is None or self.stop is None:
            return self
        start, stop = self.start, self.stop
        if lower is not None:
            start = self.place(lower, from_end[0])
        if upper is not None:
            stop = self.place(upper, from_end[1])
            if not from_end[1] and self.start != Expr(0) and not proves(self.stop - stop):
                stop = operation("min", stop, self.stop)
        return replace(self, start=start, stop=stop)

    def place(self, number: Expr, from_end: bool | None) -> Expr:
        """The position of a place in the interval, as Python counts places."""
        assert self.start is not None and self.stop is not None
        if from_end is not None:
            return (self.stop if from_end else self.start) + number
        behind = operation("max", self.stop + number, self.start)
        return operation("ite", Condition(">=", number), self.start + number, behind)
