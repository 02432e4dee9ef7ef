"""Masks over the positions of rows: which tokens of a batch they let through.

A mask is made by comparing positions with limits (`positions >= start`), or by writing ones into rows of a tensor of
zeros (`mask[i, start:stop] = 1`). Either way it lets a half-open interval of each row through; where that is not
known, some of the tokens, which ones could not be told.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation, replace_atoms
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import MATCHED, THINNED, Data
from auditor.static.domain.values import Const, Slice, TupleValue, Value, Written
from auditor.static.effects.events import Scoring
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Skip
from auditor.trace.region import Region

EMPTY_ALLOCATIONS = frozenset(["zeros", "zeros_like", "new_zeros", "full", "full_like", "new_full"])
"""What a mask is made of before ones are written into it; of `full` the filling is looked at."""


class Masks:
    """Narrows tokens by masks."""

    def __init__(self, machine: Machine, scoring: Scoring) -> None:
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.scoring = scoring

    def masked(self, record: Data, mask: Data, node: ast.AST) -> Data:
        """Tokens let through by a mask over the positions of each row."""

        def let(regions: frozenset[Region]) -> frozenset[Region]:
            found: set[Region] = set()
            for region in regions:
                limited = within(region, limits_of(region, mask.above), limits_of(region, mask.below))
                found |= ones_of(limited, mask.written) if mask.written else {limited}
            return frozenset(found)

        looks = frozenset(replace(look, regions=let(look.regions)) for look in record.looks)
        found = replace(record, regions=let(record.regions), looks=looks)
        if found.by_kind is not None:
            found = replace(found, marks=found.marks | {THINNED})
        if MATCHED in mask.marks:
            found = replace(found, marks=found.marks | {MATCHED}, origins=found.origins | mask.origins)
        if record.losses and found.regions != record.regions:
            return self.scoring.refine(found, node)
        return found

    def chooses_unseen(self, mask: Data) -> bool:
        """Whether a mask is a comparison of which nothing is known: not of tokens or scores, nor up to a position."""
        seen = mask.above or mask.below or mask.written or mask.regions or mask.losses or mask.looks
        return "mask" in mask.marks and not seen and MATCHED not in mask.marks

    def chosen_unseen(self, record: Data, what: str, node: ast.AST) -> Data:
        """Scores that a condition chooses among of which nothing is known: as a number they are of some tokens alone.

        For what they teach a state they stay scores of all their tokens.
        """
        found = self.scoring.refine(record, node)
        if found.losses == record.losses:
            return record
        common = self.recorder.common(node)
        skip = Skip(**common, how="filter", by="unknown", what=what, scores=tuple(sorted(found.losses)))
        self.recorder.record(skip)
        return found

    def thinned(self, record: Data, node: ast.AST) -> Data:
        """Tokens let through by a mask that was not followed: some of them."""
        partial = frozenset(replace(region, partial=True) for region in record.regions)
        some = {THINNED} if record.by_kind is not None else set()
        found = replace(record, regions=partial, marks=(record.marks - {"selective"}) | some)
        return self.scoring.refine(found, node) if found.losses else found

    def write_mask(self, target: Obj, index: Value, value: Const) -> None:
        """A constant is written into part of a tensor."""
        if target.selective:
            return
        if not value.value:
            empty = target.empty and target.let_through is None
            if not empty:
                self.heap.put(target, Obj.selective, True)
            return
        interval = self.row_interval(index) if target.empty else None
        known = target.let_through
        rows = known if isinstance(known, tuple) else ()
        facts = tuple(fact for fact in self.decisions.path_facts() if fact.iterations())
        if interval is None:
            self.heap.put(target, Obj.selective, True)
        elif (*interval, facts) not in rows:
            self.heap.put(target, Obj.let_through, (*rows, (*interval, facts)))

    def row_interval(self, index: Value) -> tuple[Expr, Expr | None, Expr | None] | None:
        """Row, first and last position of `[row, first:last]`; None for any other index."""
        if not isinstance(index, TupleValue) or len(index.items) != 2:
            return None
        row, part = self.views.number(index.items[0]), index.items[1]
        if row is None or not isinstance(part, Slice) or part.step is not None:
            return None
        bounds: list[Expr | None] = []
        for bound in (part.lower, part.upper):
            number = None if bound is None else self.views.number(bound)
            if bound is not None and (number is None or (number.is_constant and number.constant < 0)):
                return None
            bounds.append(number)
        return row, bounds[0], bounds[1]

    def starts_empty(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether an allocation is filled with zeros (or False)."""
        if tail not in EMPTY_ALLOCATIONS:
            return False
        if "full" not in tail:
            return True
        filling = keywords.get("fill_value", args[1] if len(args) > 1 else None)
        return isinstance(filling, Const) and not filling.value


def limits_of(region: Region, limits: frozenset[tuple[Expr | None, Expr]]) -> list[Expr]:
    """The limits that a comparison with positions sets to the row a region stands in."""
    return [limit for row, limit in limits if row is None or row == region.row]


def within(region: Region, lower: Sequence[Expr], upper: Sequence[Expr]) -> Region:
    """The part of a region from the last lower limit to the first upper one, both counted from its start."""
    start, stop = region.start, region.stop
    if start is None or stop is None:
        return region
    if upper:
        stop = operation("min", stop, *(start + limit for limit in upper))
    if lower:
        start = operation("max", *(start + limit for limit in lower))
    return replace(region, start=start, stop=stop)


def ones_of(region: Region, written: frozenset[Written]) -> set[Region]:
    """The parts of a region that ones were written for; the region itself where its row cannot be compared."""
    if region.row is None:
        return {region}
    own = [ones for ones in written if ones[0] == region.row]
    found: set[Region] = set()
    for ones in own or written:
        moved = ones if own else _at_row(ones, region.row)
        if moved is None:
            return {region}
        _, lower, upper, facts = moved
        part = within(region, [] if lower is None else [lower], [] if upper is None else [upper])
        found.add(replace(part, facts=tuple(dict.fromkeys((*region.facts, *facts)))))
    return found


def _at_row(ones: Written, wanted: Expr) -> Written | None:
    """What was written into one row as a function of the row, with the range of rows that it holds for.

    The first turn of the loop over the rows stands for the first row alone, the others for the rest.
    """
    row, lower, upper, facts = ones
    if len(row.terms) != 1 or row.terms[0][1] != 1 or row.terms[0][0].kind != "iter":
        return None
    counter = row.terms[0][0]
    target = wanted - row.constant
    bounds = [] if counter.low is None else [target - counter.low]
    if counter.high is not None and counter.high.is_constant:
        bounds.append(counter.high - target)

    def change(symbol: Symbol) -> Expr | None:
        return target if symbol.kind == "iter" and symbol.args[0] == counter.args[0] else None

    return (
        wanted,
        None if lower is None else replace_atoms(lower, change),
        None if upper is None else replace_atoms(upper, change),
        (*(replace_atoms(fact, change) for fact in facts), *bounds),
    )
