"""Which tokens: the regions that events speak of, and whether two of them share a token.

A region is a source and, where it could be followed, a half-open interval of positions in it. Without an
interval the iteration counters that its indices depend on still say which turn of which loop it belongs to:
that can suggest that two regions are disjoint, never prove it. Replay gives sets of positions instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from auditor.trace.answer import Answer
from auditor.trace.linear import Atom, Expr, operation
from auditor.trace.prover import proves


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
        names: variable name of each iteration counter met, for display.
    """

    source: str
    start: Expr | None = None
    stop: Expr | None = None
    turns: frozenset[Atom] = frozenset()
    row: Expr | None = None
    positions: frozenset[int] | None = None

    @property
    def iterations(self) -> frozenset[Atom]:
        """Every iteration counter that the region depends on."""
        found = self.turns
        if self.start is not None:
            found |= self.start.iterations()
        if self.stop is not None:
            found |= self.stop.iterations()
        return found

    def mapped(self, change: Callable[[Atom], Expr | None]) -> Region:
        """The region with symbols exchanged in its interval and turns."""
        turns: set[Atom] = set()
        for atom in self.turns:
            new = change(atom)
            turns |= {atom} if new is None else new.iterations()
        return replace(
            self,
            start=None if self.start is None else self.start.replace(change),
            stop=None if self.stop is None else self.stop.replace(change),
            turns=frozenset(turns),
            row=None if self.row is None else self.row.replace(change),
        )

    def sliced(self, lower: Expr | None, upper: Expr | None, *, from_end: tuple[bool, bool]) -> Region:
        """The part `[lower:upper]` of the interval; `from_end` tells which bounds count from the end."""
        if self.start is None or self.stop is None:
            return self
        start, stop = self.start, self.stop
        if lower is not None:
            start = (self.stop if from_end[0] else self.start) + lower
        if upper is not None:
            stop = (self.stop if from_end[1] else self.start) + upper
            if not from_end[1] and not proves(self.stop - stop):
                stop = operation("min", stop, self.stop) if _worth_clipping(self.stop) else stop
        return replace(self, start=start, stop=stop)


def _worth_clipping(stop: Expr) -> bool:
    return len(stop.terms) <= 3


def overlap(a: Region, b: Region) -> tuple[Answer, str]:
    """Whether two regions share a token, and the reason in words.

    `NO` is proved: by positions, by intervals, or by distinct elements of one container of disjoint intervals.
    `MAYBE`: different turns of a common loop, but the form of the index proves nothing. `YES`: nothing tells
    them apart.
    """
    if a.source != b.source:
        return Answer.NO, "different sources"
    if a.positions is not None and b.positions is not None:
        shared = a.positions & b.positions
        return (Answer.YES, f"{len(shared)} tokens in common") if shared else (Answer.NO, "no token in common")
    if None not in (a.start, a.stop, b.start, b.stop):
        assert a.start is not None and a.stop is not None and b.start is not None and b.stop is not None
        if _apart(a.start, a.stop, b.start, b.stop):
            return Answer.NO, "the intervals are disjoint"
    if _different_turns(a.iterations, b.iterations):
        return Answer.MAYBE, "different turns of a common loop, but the index is not provably a partition"
    return Answer.YES, "nothing tells the two apart"


def _apart(a_start: Expr, a_stop: Expr, b_start: Expr, b_stop: Expr) -> bool:
    if proves(b_start - a_stop) or proves(a_start - b_stop):
        return True
    swapped = _distinct_picks((a_start, a_stop), (b_start, b_stop))
    return swapped is not None and all(
        proves(later[0] - earlier[1]) or proves(earlier[0] - later[1]) for earlier, later in swapped
    )


Interval = tuple[Expr, Expr]


def _distinct_picks(a: Interval, b: Interval) -> list[tuple[Interval, Interval]] | None:
    """Both orders of two different elements of one container, as iterations of the loop that built it.

    Elements picked at different indices came from different turns of the building loop, in an order that is not
    known (the container may have been sorted): both orders must be proved apart.
    """
    picks_a = {atom.args[:2]: atom for expr in a for atom in expr.atoms() if atom.kind == "pick"}
    picks_b = {atom.args[:2]: atom for expr in b for atom in expr.atoms() if atom.kind == "pick"}
    for key, pick_a in picks_a.items():
        pick_b = picks_b.get(key)
        if pick_b is None or pick_a == pick_b:
            continue
        index_a, index_b = pick_a.args[2], pick_b.args[2]
        assert isinstance(index_a, Expr) and isinstance(index_b, Expr)
        if not (proves(index_a - index_b - 1) or proves(index_b - index_a - 1)):
            continue
        entry = pick_a.args[1]
        orders = []
        for first, second in ((1, 2), (2, 1)):
            new_a = Expr.of(Atom("iter", (("turn", entry), first), 0, pick_a.high))
            new_b = Expr.of(Atom("iter", (("turn", entry), second), 0, pick_b.high))
            orders.append((_put(a, pick_a, new_a), _put(b, pick_b, new_b)))
        return orders
    return None


def _put(interval: Interval, old: Atom, new: Expr) -> Interval:
    def change(atom: Atom) -> Expr | None:
        return new if atom == old else None

    return interval[0].replace(change), interval[1].replace(change)


def _different_turns(a: frozenset[Atom], b: frozenset[Atom]) -> bool:
    """Whether some entry of a loop is common to both and its turns are not."""
    turns_a: dict[object, set[object]] = {}
    turns_b: dict[object, set[object]] = {}
    for atoms, turns in ((a, turns_a), (b, turns_b)):
        for atom in atoms:
            turns.setdefault(atom.args[0], set()).add(atom.args[1])
    return any(entry in turns_b and not (seen & turns_b[entry]) for entry, seen in turns_a.items())
