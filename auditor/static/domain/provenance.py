"""What data are made of: regions, states, positions, layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from auditor.solver.expressions import Expr, Symbol
from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.taint import NO_LOOKS, Looks
from auditor.static.domain.values import NONE, Interval, RowNumber, Settings, Value, Written
from auditor.trace.formula import Formula, Printed
from auditor.trace.region import Region

if TYPE_CHECKING:
    from auditor.static.domain.heap import Obj


LAYOUT = frozenset(("moved", "flat", "folded"))
"""How tokens lie in a value whose places are not those of the split: "moved" (in another order, repeated, or behind
something else), "flat" (the rows of a batch, one behind the other), "folded" (one stretch broken into rows). A slice
of such a value may hold any of its tokens."""


DRAWN = "drawn"
"""Marks what a random number decides, and the hash of text, which differs from run to run."""


ANY_ORDER = "any order"
"""Marks all numbers up to one, each once, in an order that is drawn; a part of them is drawn."""


THINNED = "of some tokens"
"""Marks numbers looked up by tokens of which a mask lets some through alone."""


SOME_PARTS = "some parts"
"""Marks weights of a module that are not all of them: of a part of it, or a slice of its parameters."""

SPACED = "spaced"
"""Marks so many numbers as one likes, spaced out between two."""


OUTSIDE_NUMBER = "number of a file"
"""Marks what a file of settings or results holds, read as such (`json.load`)."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array of unknown integers: its number, where a slice of it begins, and whether it ascends strictly."""

    number: int
    offset: Expr
    ascending: bool
    whole: bool = True

    def element(self, index: Expr) -> Expr:
        kind = "at" if self.ascending else "elem"
        return Expr.of(Symbol(kind, (self.number, index + self.offset), 0 if self.ascending else None))

    def length(self) -> Expr | None:
        return Expr.of(Symbol("size", (self.number,), 0)) - self.offset if self.whole else None


@dataclass(frozen=True, slots=True)
class Data(Value):
    """Anything computed from tokens, weights or unknown input: where it came from, not what it is.

    Attributes:
        regions: tokens that its content is made of.
        turns: iteration counters that it depends on as a position, not as content.
        updates: numbers of the updates it has absorbed.
        states: heap objects that a gradient through it would reach.
        refs: heap objects that it is (an alias of).
        losses: numbers of the scores it carries.
        marks: "mask" (outcome of a comparison), "equals" (with one constant), "grad", "train" (training tokens),
            "artifact", "distribution" (log-probabilities of the vocabulary of which no token has been picked yet),
            …, and those of `LAYOUT`.
        doubts: numbers of the unresolved events on its way.
        selects: numbers of the choices it went through.
        rank: number of axes, where known; axis 0 of a rank-1 value of tokens is the position.
        span: for an array of consecutive positions their half-open interval.
        template: for text, its parts (constant text, None for a value).
        settings: environment names it was computed from.
        ints: integers it holds: (row it stands in or None for all rows, the integer, facts of the path there).
        windows: consecutive positions it holds, by row: (row, start, stop, facts).
        above: for a mask over positions, the first one let through, by row.
        below: for a mask over positions, the first one shut out again, by row.
        written: for a mask written row by row, the intervals written.
        within: for positions taken out of consecutive ones in their order, the half-open intervals of the latter;
            an end of None is not known.
        looks: tokens it depends on otherwise than as a model's input or target.
        most: what none of its numbers is larger than, where that is known.
        array: for an array of positions its identity, so that equal elements are equal symbols.
        by_kind: what it is for each kind of token, for a table by token id and what is computed from one.
        origins: numbers of the counts of bytes that it is made of.
        assembled: entries of the loops that wrote it piece by piece.
        formula: for scores, and for numbers of more than plain counts, what they are made of; for tokens what was
            done to them. None is a plain count, or tokens as they are.
        printed: for text, the numbers made of scores that stand in it.
    """

    regions: frozenset[Region] = frozenset()
    turns: frozenset[Symbol] = frozenset()
    updates: frozenset[int] = frozenset()
    states: frozenset[Obj] = frozenset()
    refs: frozenset[Obj] = frozenset()
    losses: frozenset[int] = frozenset()
    marks: frozenset[str] = frozenset()
    doubts: frozenset[int] = frozenset()
    selects: frozenset[int] = frozenset()
    rank: int | None = None
    span: tuple[Expr, Expr] | None = None
    template: tuple[str | None, ...] | None = None
    settings: Settings = NONE
    array: Array | None = None
    ints: frozenset[RowNumber] = frozenset()
    windows: frozenset[tuple[Expr | None, Expr, Expr, tuple[Expr, ...]]] = frozenset()
    above: frozenset[tuple[Expr | None, Expr]] = frozenset()
    below: frozenset[tuple[Expr | None, Expr]] = frozenset()
    written: frozenset[Written] = frozenset()
    within: frozenset[Interval] = frozenset()
    looks: Looks = NO_LOOKS
    most: float | None = None
    by_kind: ByKind | None = None
    origins: frozenset[int] = frozenset()
    written_in_loops: frozenset[int] = frozenset()
    formula: Formula | None = None
    printed: tuple[Printed, ...] = ()

    @property
    def relevant(self) -> bool:
        """Whether anything that rules ask about is in it."""
        return bool(self.regions or self.updates or self.states or self.refs or self.losses or self.looks)

    def laid_out_as(self, other: Data) -> Data:
        """The same content in the layout of another value."""
        marks = (self.marks - LAYOUT) | (other.marks & LAYOUT)
        return self if marks == self.marks else replace(self, marks=marks)

    @property
    def intervals(self) -> frozenset[Interval]:
        """For positions, the intervals that they are in."""
        return self.within if self.span is None else frozenset((self.span,))

    def plain(self) -> Data:
        """The same content as a value of its own: no alias of anything."""
        return replace(self, refs=frozenset()) if self.refs else self


CLEAN = Data()


EMPTY = Data(rank=1)
"""An array without elements."""


FROM_OUTSIDE: Final = "external"
"""Marks content of a file that the script never wrote and that is no tokenizer, source or split."""


GIVEN = "given to the run"
"""Marks content of a file whose path the run was told, and that an earlier run may have written."""


MATCHED = "matched"
"""Marks the outcome of a comparison between validation tokens and content from outside."""


def matched(left: Data, right: Data) -> bool:
    """Whether a comparison tells where validation tokens are what a file from outside holds."""
    return any(
        FROM_OUTSIDE in stored.marks
        and not stored.regions
        and any(region.source == "val" for region in tokens.regions)
        for stored, tokens in ((left, right), (right, left))
    )
