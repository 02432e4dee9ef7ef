"""The part of the tokens in a tensor that an index selects."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.replacing import replace
from auditor.solver.expressions import Expr, Symbol
from auditor.solver.solver import proves
from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import ANY_ORDER, DRAWN, Data
from auditor.static.domain.values import Const, Slice, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.interpreter.provenance_of import TOKENS_A_STEP
from auditor.trace.region import Region


class Narrowing:
    """Narrows regions of tokens."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.budget = machine.budget
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects

    def narrow(self, record: Data, items: Sequence[Value], node: ast.AST | None = None) -> Data:
        """The part of a tensor that an index selects: of its tokens, those that can be told."""
        rank = record.rank
        lost = "moved" in record.marks or (
            ("flat" in record.marks and rank == 1) or ("folded" in record.marks and rank != 1)
        )
        depends: set[Symbol] = set(record.turns)
        regions = record.regions
        selected: list[tuple[Value, int]] = []
        axis = 0
        removed = 0
        added = 0
        gathered = False
        for item in items:
            value = item
            if isinstance(value, Const) and value.value is None:
                added += 1
                continue
            if isinstance(value, Const) and value.value is Ellipsis:
                break
            if (
                isinstance(value, Slice)
                and value.lower is None
                and value.upper is None
                and value.step is None
            ):
                axis += 1
                continue
            key = self.views.data(value) if not isinstance(value, Slice) else self.slice_data(value)
            depends |= key.turns
            for atom_source in (value.lower, value.upper) if isinstance(value, Slice) else (value,):
                number = self.views.number(atom_source)
                if number is not None:
                    depends |= number.iterations()
            if "mask" in key.marks:
                axis += 1
                continue
            selected.append((value, axis))
            if not isinstance(value, Slice) and self.views.number(value) is not None:
                removed += 1
            elif isinstance(value, Data) and value.rank != 1:
                gathered = True  # its axes take the place of the one that it indexes
            axis += 1
        if ANY_ORDER in record.marks and selected:
            record = replace(record, marks=record.marks - {ANY_ORDER} | {DRAWN})
        by_kind = record.by_kind
        if by_kind is not None:
            by_kind = None if by_kind.is_table else self.narrowed_by_kind(by_kind, items, rank)
        new_rank = (
            None if rank is None or gathered or (added and rank == 1) else max(rank - removed + added, 0)
        )

        def parts(all_of: frozenset[Region]) -> frozenset[Region]:
            for value, axis in selected:
                self.budget.tick(len(all_of) // TOKENS_A_STEP)
                if lost:
                    all_of = frozenset(self.some_part(region, value) for region in all_of)
                else:
                    all_of = frozenset(
                        self.select_part(region, one, axis, rank)
                        for region in all_of
                        for one in each_interval(value)
                    )
                if "folded" in record.marks and is_cut(value):
                    all_of = frozenset(replace(region, cut=True) for region in all_of)
            return all_of

        regions = parts(regions)
        found = replace(
            record,
            regions=regions,
            turns=frozenset(depends),
            rank=new_rank,
            span=None,
            array=None,
            template=None,
            looks=frozenset(replace(look, regions=parts(look.regions)) for look in record.looks),
            by_kind=by_kind,
        )
        if record.losses and regions != record.regions and node is not None:
            return self.effects.scoring.refine(found, node)
        return found

    def narrowed_by_kind(self, by_kind: ByKind, items: Sequence[Value], rank: int | None) -> ByKind:
        """What was looked up by tokens, for the part of them that an index selects."""
        return by_kind.moved(lambda tokens: self.narrow(Data(regions=tokens, rank=rank), items).regions)

    def slice_data(self, value: Slice) -> Data:
        return combine(self.views.data(value.lower), self.views.data(value.upper))

    def select_part(self, region: Region, value: Value, axis: int, rank: int | None) -> Region:
        """The part of one region that one item of an index selects on one axis."""
        number = self.views.number(value)
        if number is not None and axis == 0 and region.row is not None and rank != 1:
            return self.read_row(region, number)
        position_axis = 0 if rank == 1 else 1 if rank is not None and rank >= 2 else None
        if axis == position_axis and region.start is not None and not (rank == 1 and region.row is not None):
            if isinstance(value, Slice):
                narrowed = self.slice_region(region, value)
                if narrowed is not None:
                    return narrowed
                return replace(self.some_part(region, value), partial=True)
            elif number is not None:
                start = region.place(number, self.counts_from_end(number))
                return replace(region, start=start, stop=start + 1, facts=self.facts_for(region))
            elif isinstance(value, Data) and value.span is not None:
                return region.sliced(value.span[0], value.span[1], from_end=(False, False))
            elif isinstance(value, Data) and len(value.within) == 1:
                ((first, last),) = value.within
                return replace(region.sliced(first, last, from_end=(False, False)), partial=True)
        if position_axis is not None and axis > position_axis:
            return region
        return self.some_part(region, value)

    def some_part(self, region: Region, value: Value) -> Region:
        """A part of a region, which one is not known: it depends on what the index depends on."""
        number = self.views.number(value)
        turns = self.slice_data(value).turns if isinstance(value, Slice) else self.views.data(value).turns
        if isinstance(value, Slice):
            for part in (value.lower, value.upper):
                number = self.views.number(part)
                turns |= number.iterations() if number is not None else frozenset()
        elif number is not None:
            turns = number.iterations()
        bounds = (value.lower, value.upper) if isinstance(value, Slice) else (value,)
        told = all(
            part is None or isinstance(part, Const) or self.views.number(part) is not None for part in bounds
        )
        drawn = region.drawn or any(DRAWN in self.views.data(part).marks for part in bounds)
        return replace(region, turns=region.turns | turns, partial=region.partial or not told, drawn=drawn)

    def slice_region(self, region: Region, value: Slice) -> Region | None:
        if value.step is not None and not (isinstance(value.step, Const) and value.step.value in (None, 1)):
            return None
        bounds: list[Expr | None] = []
        ends: list[bool | None] = []
        for part in (value.lower, value.upper):
            if part is None or (isinstance(part, Const) and part.value is None):
                bounds.append(None)
                ends.append(False)
                continue
            number = self.views.number(part)
            if number is None:
                return None
            from_end = self.counts_from_end(number)
            if region.start == Expr(0) and not number.is_constant and from_end is not False:
                return None  # it may be negative, and then Python counts it from the end
            bounds.append(number)
            ends.append(from_end)
        sliced = region.sliced(bounds[0], bounds[1], from_end=(ends[0], ends[1]))
        return replace(sliced, facts=self.facts_for(region))

    def counts_from_end(self, number: Expr) -> bool | None:
        """Whether a place is counted from the end: if it is negative; None where that is not known."""
        if number.is_constant:
            return number.constant < 0
        facts = self.decisions.path_facts()
        if proves(number, facts):
            return False
        return True if proves(Expr(-1) - number, facts) else None

    def facts_for(self, region: Region) -> tuple[Expr, ...]:
        """The conditions of the region and of the branches around, where they speak of loops."""
        new = [fact for fact in self.decisions.path_facts() if fact.iterations()]
        return tuple(dict.fromkeys((*region.facts, *new)))

    def read_row(self, region: Region, index: Expr) -> Region:
        """A region stored at a row, read at another index: the row's counter becomes that index."""
        row = region.row
        assert row is not None
        if len(row.terms) == 1 and row.terms[0][1] == 1:
            symbol = row.terms[0][0]
            target = index - row.constant
            entry = symbol.args[0]

            def change(other: Symbol) -> Expr | None:
                return target if other.kind == "iter" and other.args[0] == entry else None

            return replace(region.mapped(change), row=None)
        if region.start is not None and region.stop is not None:
            first, last = region.start - row, region.stop - row
            own = row.iterations()
            if not own & (first.iterations() | last.iterations()):
                # the tokens lie at a fixed distance from the row's number
                facts = tuple(fact for fact in region.facts if not own & fact.iterations())
                return replace(region, start=index + first, stop=index + last, facts=facts, row=None)
        return replace(region, turns=region.turns | index.iterations(), row=None)


def is_cut(value: Value) -> bool:
    """Whether a slice leaves out as many places wherever it is taken."""
    if not isinstance(value, Slice):
        return False
    bounds = [part.value for part in (value.lower, value.upper) if isinstance(part, Const)]
    return any(isinstance(bound, int) and bound for bound in bounds)


def each_interval(value: Value) -> list[Value]:
    """An index of positions that are in several intervals, one interval at a time."""
    if not isinstance(value, Data) or len(value.within) < 2:
        return [value]
    return [replace(value, within=frozenset((interval,))) for interval in value.within]
