"""Assignments by index: to lists, dictionaries, and buffers filled row by row."""

from __future__ import annotations

import ast
import bisect
import math

from auditor.replacing import replace
from auditor.solver.expressions import Expr
from auditor.solver.operations import operation
from auditor.solver.solver import proves
from auditor.static.domain.heap import STORED, WRITTEN_CELLS, Env, Obj, View
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, MATCHED, Data
from auditor.static.domain.taint import choosing, joined
from auditor.static.domain.values import (
    Columns,
    Const,
    Keyed,
    LibraryRef,
    Slice,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.effects.self_checks import is_padding
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.aliases import Aliases
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.trace.formula import LOST
from auditor.trace.region import Region

MAX_DISTANCE = 64
"""Tokens that a hash of a context may reach back or ahead; the longest of real scripts has 24."""


class Stores:
    """Writes at an index."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        library_patches: LibraryPatches,
        stacked_columns: SideBySide,
        list_views: Lists,
        aliases: Aliases,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.library_patches = library_patches
        self.stacked_columns = stacked_columns
        self.list_views = list_views
        self.aliases = aliases

    def store(
        self, owner: Value, index: Value, value: Value, node: ast.AST, env: Env, *, augmented: bool
    ) -> None:
        if isinstance(owner, Union):
            for option in owner.options:
                self.store(option, index, value, node, env, augmented=augmented)
            return
        if isinstance(owner, Columns):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                self.machine.evaluate.assign(
                    node.value, self.stacked_columns.store_columns(owner, index, value), env
                )
            return
        if isinstance(owner, LibraryRef) and owner.name == "sys.modules" and isinstance(index, Const):
            self.library_patches.patch(f"sys.modules.{index.value}", value, node)
            return
        if isinstance(owner, LibraryRef) and owner.name == "os.environ" and isinstance(index, Const):
            self.effects.ambient_state.set_environment(str(index.value), value, node)
            return
        if isinstance(owner, Obj) and owner.kind == "tensor":
            self.effects.self_checks.stored(owner, index, value, node, env)
            if not augmented and self.store_cell(owner, index, value):
                return
            if owner.touched == WRITTEN_CELLS:
                self.heap.put(owner, Obj.touched, True)  # what stands where is no longer known
        if (
            isinstance(owner, Obj)
            and owner.kinds is not None
            and self.effects.token_tables.store_by_kind(owner, index, value)
        ):
            zero = owner.empty and owner.touched in (None, STORED) and is_padding(index, value)
            self.heap.put(owner, Obj.touched, STORED if zero else True)
            return
        key = self.views.data(index)
        if MATCHED in key.marks and self.views.data(owner).losses:
            self.overwrite_matched(owner, key, node, env)
            return
        key = replace(key, regions=self.effects.lookups.key_tokens(key))
        if key.regions:
            self.heap.written.update(o.number for o in self.views.objects(owner) if o.kind != "module")
        record = self.views.data(value)
        if key.looks and (record.relevant or isinstance(owner, Obj)):
            record = replace(record, looks=joined(record.looks, choosing(key.looks)))
        if record.losses:
            chosen = self.views.data(owner)
            if self.views.data(index).losses and chosen.losses and chosen.losses != record.losses:
                record = self.effects.scoring.select(
                    combine(record, replace(chosen, refs=frozenset())), node, "a masked assignment"
                )
            value = record = self.effects.scoring.settle(record, node)
        if isinstance(owner, (Obj, View)):
            target = owner.base if isinstance(owner, View) else owner
            if target.kind in ("dict", "tensor", "list") and key.regions and self.outlives(target, key):
                self.heap.put(target, Obj.table, True)
                self.effects.scoring.update(target, key.regions, node, "table", "write by key")
                self.heap.put(
                    target,
                    Obj.content,
                    combine(self.content_only(target), replace(record.plain(), regions=frozenset())),
                )
                return
            if target.kind == "tensor" and key.regions:
                record = replace(record, regions=record.regions | key.regions)
            self.store_object(target, owner, index, value, record)
            if target.kind == "tensor" and isinstance(content := target.content, Data):
                self.heap.put(target, Obj.content, self.effects.formulas.with_index(index, content, node))
            return
        for target in self.views.objects(owner):
            if key.regions and self.outlives(target, key):
                self.heap.put(target, Obj.table, True)
                self.effects.scoring.update(target, key.regions, node, "table", "write by key")
            elif target.kind == "module" and record.regions:
                self.effects.scoring.update(target, record.regions, node, "in place", "index assignment")
            elif target.kind == "module" and record.updates - self.views.own_history(target):
                self.heap.put(target, Obj.history, self.views.own_history(target) | record.updates)
            elif target.kind == "optimizer" and record.updates:
                self.heap.put(target, Obj.rates, target.rates | record.updates)
            elif target.kind == "tensor":
                self.heap.put(
                    target,
                    Obj.content,
                    combine(self.content_only(target), self.with_row(record.plain(), index)),
                )
        if isinstance(owner, Data) and not owner.refs and isinstance(node, ast.Subscript):
            written = self.views.mix(owner, value)
            if key.regions and self.effects.lookups.in_vocabulary(owner) and not owner.losses:
                written = replace(written, regions=written.regions | key.regions)
            if record.updates:
                places = index.items if isinstance(index, TupleValue) else (index,)
                loops = {symbol.args[0] for place in places for symbol in self.views.data(place).turns}
                pieces = frozenset(entry for entry in self.recorder.entries() if entry in loops)
                written = replace(written, written_in_loops=written.written_in_loops | pieces)
            written = self.views.data(self.effects.formulas.with_index(index, written, node))
            self.aliases.write_through(owner, written)
            if isinstance(node.value, ast.Name):
                self.machine.evaluate.assign(node.value, written, env)

    def store_cell(self, owner: Obj, index: Value, value: Value) -> bool:
        """Write one element of an array whose elements are known; whether it is such a write."""
        cells = self.views.cells(owner)
        place = index.value if isinstance(index, Const) else None
        total = "total" in self.views.data(value).marks or not self.views.data(value).losses
        if cells is None or type(place) is not int or not -len(cells) <= place < len(cells) or not total:
            return False
        place %= len(cells)
        cells = (*cells[:place], value, *cells[place + 1 :])
        self.heap.put(owner, Obj.cells, TupleValue(cells))
        self.heap.put(owner, Obj.content, replace(self.views.mix(*cells), formula=LOST))
        self.heap.put(owner, Obj.touched, WRITTEN_CELLS)
        return True

    def overwrite_matched(self, owner: Value, key: Data, node: ast.AST, env: Env) -> None:
        """Scores are overwritten where their tokens are what a file from outside holds."""
        scores = self.views.data(owner)
        changed = replace(scores, marks=scores.marks | {MATCHED}, origins=scores.origins | key.origins)
        if isinstance(owner, (Obj, View)):
            target = owner.base if isinstance(owner, View) else owner
            self.heap.put(target, Obj.content, self.effects.scoring.settle(changed, node))
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            self.machine.evaluate.assign(node.value, changed, env)

    def content_only(self, target: Obj) -> Data:
        found = target.content
        return found if isinstance(found, Data) else CLEAN

    def outlives(self, target: Obj, key: Data) -> bool:
        """Whether the object is older than a loop that the key's tokens depend on."""
        younger = self.recorder.younger_entries(target)
        return any(
            symbol.args[0] in younger for region in key.regions for symbol in region.iterations
        ) or not any(region.iterations for region in key.regions)

    def store_object(self, target: Obj, owner: Obj | View, index: Value, value: Value, record: Data) -> None:
        if target.kind == "dict":
            if isinstance(index, Const) and isinstance(index.value, (str, int)):
                self.heap.put(target, ("key", index.value), value)
                value = self.views.data(value)
            number = self.views.number(index)
            known = target.elements
            entries = self.recorder.younger_entries(target)
            new = Keyed(value, number, entries) if entries else value
            if not isinstance(known, tuple) or new not in known:
                self.heap.put(target, Obj.elements, (*(known if isinstance(known, tuple) else ()), new))
            return
        if target.kind == "list":
            items = target.items
            number = self.views.number(index)
            if (
                isinstance(items, tuple)
                and target.elements is None
                and number is not None
                and number.is_constant
            ):
                if -len(items) <= number.constant < len(items):
                    position = number.constant % len(items)
                    self.heap.put(target, Obj.items, (*items[:position], value, *items[position + 1 :]))
                    return
            if self.list_views.tail(target) is not None:
                self.list_views.inserted(target, value, None)
                return
            entries = self.recorder.younger_entries(target)
            known = target.elements
            self.heap.put(
                target,
                Obj.elements,
                (*(known if isinstance(known, tuple) else ()), Keyed(value, None, entries)),
            )
            return
        if target.kind == "tensor":
            number, row = self.views.number(value), self.views.number(index)
            if number is not None and row is not None:
                facts = tuple(fact for fact in self.decisions.path_facts() if fact.iterations())
                record = replace(record, ints=frozenset(((row, number, facts),)))
            record = self.effects.lookups.carried(target, record, index)
            if record.updates:
                record = replace(
                    record,
                    written_in_loops=record.written_in_loops.union(self.recorder.younger_entries(target)),
                )
            self.place_by_position(target, index, record)
            placed = self.with_row(self.moved_to(record.plain(), index, target), index)
            content = replace(combine(self.content_only(target), placed), most=None)
            self.bound_stored(target, value, placed)
            if isinstance(value, Const) and isinstance(index, (Slice, TupleValue)):
                self.effects.masks.write_mask(target, index, value)
                self.effects.token_tables.note_stored(target, value)
            self.heap.put(target, Obj.content, content)

    def bound_stored(self, target: Obj, value: Value, record: Data) -> None:
        """Note what a number stored in an array of zeros is not larger than."""
        most = record.most
        if isinstance(value, Const):
            most = float(value.value) if isinstance(value.value, (int, float)) else None
        known = target.bounds
        start = 0.0 if target.empty else math.inf
        bounds = known if isinstance(known, frozenset) else frozenset((start,))
        self.heap.put(target, Obj.bounds, bounds | {math.inf if most is None else most})
        if target.touched is None:
            self.heap.put(target, Obj.touched, STORED)

    def place_by_position(self, target: Obj, index: Value, record: Data) -> None:
        """Note that a buffer holds at index p what belongs to the tokens at p plus so much, at least and at most."""
        if not record.regions or not isinstance(index, Slice) or index.step is not None:
            return
        lower = Expr(0) if index.lower is None else self.views.number(index.lower)
        offsets = {
            region.start - lower
            for region in record.regions
            if region.start is not None and lower is not None and not is_somewhere(region)
        }
        known = target.placed
        bounds = [constant_bounds(offset) for offset in offsets]
        ends = [bound for bound in bounds if bound is not None]
        told = all(region.start is not None and not is_somewhere(region) for region in record.regions)
        if offsets and told and len(ends) == len(bounds):
            if isinstance(known, tuple):
                ends.append(known)
            self.heap.put(
                target, Obj.placed, (min(least for least, _ in ends), max(most for _, most in ends))
            )
        elif target.placed is not None:
            self.heap.trail.drop(target, Obj.placed)

    def part_by_position(self, owner: Obj, index: Slice, node: ast.AST) -> Data | None:
        """The part of such a buffer that a slice selects: the tokens of those positions."""
        offsets = owner.placed
        lower = Expr(0) if index.lower is None else self.views.number(index.lower)
        upper = None if index.upper is None else self.views.number(index.upper)
        negative = any(b is not None and b.is_constant and b.constant < 0 for b in (lower, upper))
        if not isinstance(offsets, tuple) or lower is None or index.step is not None or negative:
            return None
        if upper is None and index.upper is not None:
            return None
        record = self.views.data(owner)
        regions = set()
        for region in record.regions:
            if region.start is None or region.stop is None:
                regions.add(region)
                continue
            for offset in sorted(set(offsets)):
                start, stop = lower + offset, None if upper is None else upper + offset
                if len(set(offsets)) == 1 or stop is None:
                    if not proves(start - region.start):
                        start = region.start if lower == Expr(0) else operation("max", region.start, start)
                    stop = region.stop if stop is None else operation("min", region.stop, stop)
                regions.add(replace(region, start=start, stop=stop))
        looks = frozenset(
            look.through(lambda region: region.sliced(lower, upper, from_end=(False, False)))
            for look in record.looks
        )
        found = replace(record.plain(), regions=frozenset(regions), rank=None, looks=looks)
        return (
            self.effects.scoring.refine(found, node)
            if record.losses and found.regions != record.regions
            else found
        )

    def beside_places(self, owner: Obj) -> Data:
        """The content of a buffer, with the tokens that several distances put beside each of its places."""
        record, offsets = self.views.data(owner), owner.placed
        if not isinstance(offsets, tuple) or offsets[0] == offsets[1] or record.losses:
            return record
        regions = {replace(region, start=Expr(offset)) for region in record.regions for offset in offsets}
        return replace(record, regions=frozenset(regions))

    def with_row(self, record: Data, index: Value) -> Data:
        """Mark tokens stored at a row of a buffer with the row's index."""
        first = index.items[0] if isinstance(index, TupleValue) and index.items else index
        number = self.views.number(first)
        if (
            number is None
            or not isinstance(index, (TupleValue, SymbolicInt))
            or not (record.regions or record.looks)
        ):
            return record

        def in_row(region: Region) -> Region:
            return replace(region, row=number) if region.row is None else region

        looks = frozenset(look.through(in_row) for look in record.looks)
        return replace(record, regions=frozenset(map(in_row, record.regions)), rank=None, looks=looks)

    def moved_to(self, record: Data, index: Value, target: Obj) -> Data:
        """What is stored behind the beginning of a buffer: its first place belongs to an earlier token."""
        offset = self.first_place(index)
        if offset is None or offset == Expr(0) or not (record.regions or record.looks):
            return record

        def moved(region: Region) -> Region:
            if region.start is None or is_somewhere(region):
                return replace(region, start=None, stop=None)
            return replace(region, start=region.start - offset)

        looks = frozenset(look.through(moved) for look in record.looks)
        if target.placed is not None:
            return replace(record, looks=looks)
        return replace(record, regions=frozenset(map(moved, record.regions)), looks=looks)

    def first_place(self, index: Value) -> Expr | None:
        """Where along the positions an index begins, of one axis or with the row before it."""
        last = index.items[-1] if isinstance(index, TupleValue) and len(index.items) == 2 else index
        if isinstance(last, Slice):
            return Expr(0) if last.lower is None else self.views.number(last.lower)
        if isinstance(last, Data) and len(last.within) == 1:
            ((first, _),) = last.within
            return first
        return None


def is_somewhere(region: Region) -> bool:
    """Whether it is a part of its interval that loops choose, and the ends of the interval do not tell which."""
    ends = [end for end in (region.start, region.stop) if end is not None]
    return bool(region.turns) and not any(end.iterations() for end in ends)


def constant_bounds(expr: Expr) -> tuple[int, int] | None:
    """The closest constants between which an integer can be proved to lie, or None beyond `MAX_DISTANCE`."""
    if expr.is_constant:
        return expr.constant, expr.constant
    if not proves(expr + MAX_DISTANCE) or not proves(-expr + MAX_DISTANCE):
        return None
    least = bisect.bisect_left(
        range(-MAX_DISTANCE, MAX_DISTANCE), True, key=lambda at: not proves(expr - at - 1)
    )
    most = bisect.bisect_left(range(-MAX_DISTANCE, MAX_DISTANCE), True, key=lambda at: proves(-expr + at))
    return least - MAX_DISTANCE, most - MAX_DISTANCE
