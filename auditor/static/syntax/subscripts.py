"""Indexing: elements of containers, slices of tokens, rows of batches, writes into tables and buffers."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.solver.expressions import Expr, Symbol
from auditor.static.ast_text import ast_text
from auditor.static.domain.heap import Obj, View
from auditor.static.domain.lattice import by_entry, substitute
from auditor.static.domain.provenance import CLEAN, LAYOUT, MATCHED, SOME_PARTS, Data
from auditor.static.domain.taint import Looks
from auditor.static.domain.values import (
    Columns,
    Const,
    LibraryRef,
    Slice,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.formulas import BY_SCORE
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.elements import Elements
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom
from auditor.trace.region import Region


class Subscripts:
    """Reads and writes by index."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        statements: Statements,
        elements: Elements,
    ) -> None:
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.statements = statements
        self.elements = elements

    # reading
    def subscript(self, owner: Value, index: Value, node: ast.AST) -> Value:
        cells = self.views.cells(owner)
        if cells is not None and isinstance(index, Const) and isinstance(index.value, int):
            if -len(cells) <= index.value < len(cells):
                return cells[index.value]
        known = self.effects.token_tables.looked_up(owner, index)
        if isinstance(known, Value):
            return known
        if known is not None and known.axes:
            record, key = self.views.data(owner).plain(), self.views.data(index)
            found = replace(record, by_kind=known, turns=record.turns | key.turns, rank=key.rank, span=None)
            return self.effects.lookups.with_lookup(self.with_table_hit(found, index), owner, [index], node)
        value = self.effects.formulas.with_index(index, self.indexed(owner, index, node), node)
        if self.selects_vocabulary(owner, index):
            value = self.effects.formulas.part_of_vocabulary(value, node)
        if isinstance(owner, Data) and owner.losses and is_basic(index):
            value = self.transfer.aliases.looks_at(value, owner)
        return replace(value, by_kind=known) if isinstance(value, Data) and known is not None else value

    def selects_vocabulary(self, owner: Value, index: Value) -> bool:
        """`logits[:, tokens]`: some columns of the rows of a vocabulary."""
        if not isinstance(index, TupleValue) or not isinstance(owner, Data) or owner.losses:
            return False
        picks = [part for part in index.items if not isinstance(part, Slice) and part != Const(...)]
        if len(picks) != 1 or picks[0] is not index.items[-1] or len(index.items) < 2:
            return False
        record = self.views.data(picks[0])
        return self.effects.lookups.in_vocabulary(owner) and bool(self.effects.lookups.key_tokens(record))

    def indexed(self, owner: Value, index: Value, node: ast.AST) -> Value:
        """What an index selects, tables by token id aside."""
        if isinstance(owner, LibraryRef):
            if owner.name == "os.environ" and isinstance(index, Const):
                return self.transfer.environment.variable(str(index.value), None, node)
            if owner.name == "sys.modules" and isinstance(index, Const):
                return self.statements.module_value(str(index.value), node)
            return owner if owner.name.startswith("typing") else CLEAN
        if isinstance(owner, Union):
            out: Value | None = None
            for option in owner.options:
                if not (isinstance(option, Const) and option.value is None):
                    out = self.decisions.join(out, self.subscript(option, index, node))
            return out if out is not None else CLEAN
        if isinstance(owner, Columns):
            column = self.transfer.stacked_columns.column_at(owner, index, node)
            if column is not None:
                return column
        if isinstance(owner, Const) and isinstance(owner.value, (int, float)) and isinstance(index, Data):
            return owner  # an array that holds the same everywhere
        if isinstance(owner, Const):
            return self.constant_subscript(owner, index)
        if isinstance(owner, TupleValue):
            sliced = self.constant_slice(index)
            if sliced is not None:
                return TupleValue(owner.items[sliced])
        if isinstance(owner, (Obj, View)):
            found = self.container_subscript(owner, index, node)
            if found is not None:
                return found
            if isinstance(owner, Obj) and owner.placed is not None and isinstance(index, Slice):
                placed = self.transfer.item_assignment.part_by_position(owner, index, node)
                if placed is not None:
                    return placed
        position = self.views.number(index)
        if isinstance(owner, TupleValue):
            return self.elements.element(owner, position)
        record = (
            self.views.data(owner)
            if not isinstance(owner, Obj)
            else self.transfer.item_assignment.beside_places(owner)
        )
        if isinstance(owner, Data):
            record = replace(record, array=owner.array, span=owner.span, rank=owner.rank)
        if record.array is not None:
            return self.array_subscript(record, index)
        if record.span is not None and position is not None:
            return SymbolicInt(record.span[0] + position)
        if record.span is not None and isinstance(index, Slice) and index.step is None:
            lower = Expr(0) if index.lower is None else self.views.number(index.lower)
            upper = None if index.upper is None else self.views.number(index.upper)
            if upper is None:
                upper = record.span[1] - record.span[0]  # at most: a larger interval proves no less
            if lower is not None:
                return replace(record, span=(record.span[0] + lower, record.span[0] + upper))
        if isinstance(index, Slice) and any(owned.kind == "module" for owned in record.refs):
            record = replace(record, marks=record.marks | {SOME_PARTS})
        items = list(index.items) if isinstance(index, TupleValue) else [index]
        chosen = self.views.data(index) if isinstance(index, (Data, Obj)) else CLEAN
        if record.losses and record.regions and self.effects.masks.chooses_unseen(chosen):
            record = self.effects.masks.chosen_unseen(record, ast_text(node), node)
        if "selective" in chosen.marks and record.regions:
            found = self.with_table_hit(self.effects.masks.thinned(record, node), index)
            return self.effects.lookups.with_lookup(found, owner, items, node)
        if (chosen.above or chosen.below or chosen.written) and record.regions:
            found = self.with_table_hit(self.effects.masks.masked(record, chosen, node), index)
            return self.effects.lookups.with_lookup(found, owner, items, node)
        if isinstance(index, Data) and index.windows and record.rank == 1 and not record.marks & LAYOUT:
            return self.effects.lookups.with_lookup(self.window_rows(record, index), owner, items, node)
        found = self.with_table_hit(self.transfer.slicing.narrow(record, items, node), index)
        if isinstance(index, Data) and index.windows:
            found = replace(found, looks=self.windowed_looks(record, index))
        if record.intervals and len(items) == 1:
            found = replace(found, within=record.intervals)
        return self.effects.lookups.with_lookup(found, owner, items, node)

    def window_rows(self, record: Data, index: Data) -> Data:
        """Tokens gathered by a matrix of positions: one window a row."""
        return replace(
            record,
            regions=self.in_windows(record.regions, index),
            rank=2,
            turns=record.turns | index.turns,
            span=None,
            looks=self.windowed_looks(record, index),
        )

    def windowed_looks(self, record: Data, index: Data) -> Looks:
        return frozenset(replace(look, regions=self.in_windows(look.regions, index)) for look in record.looks)

    def in_windows(self, regions: frozenset[Region], index: Data) -> frozenset[Region]:
        """The parts of intervals that a matrix of positions selects."""
        found = set()
        for region in regions:
            for row, start, stop, facts in index.windows:
                if region.start is None or region.stop is None:
                    found.add(replace(region, turns=region.turns | start.iterations()))
                elif region.row is not None and not (region.start - region.row).iterations():
                    # each element's tokens lie at the same distance from its place
                    first, last = start + region.start - region.row, stop - 1 + region.stop - region.row
                    found.add(replace(region, start=first, stop=last, row=row, facts=facts))
                else:
                    part = region.sliced(start, stop, from_end=(False, False))
                    found.add(
                        replace(
                            part,
                            row=row,
                            facts=tuple(dict.fromkeys((*self.transfer.slicing.facts_for(region), *facts))),
                        )
                    )
        return frozenset(found)

    def with_table_hit(self, found: Data, index: Value) -> Data:
        """What an index that is itself made of tokens adds: what it has absorbed, and that it looked up by them."""
        key = self.views.data(index)
        if MATCHED in key.marks:
            found = replace(found, marks=found.marks | {MATCHED}, origins=found.origins | key.origins)
        if "mask" in key.marks:
            key = replace(key, losses=frozenset())
        if not (key.updates or key.doubts or key.losses):
            return found
        return replace(
            found,
            updates=found.updates | key.updates,
            doubts=found.doubts | key.doubts,
            losses=found.losses | key.losses,
        )

    def constant_subscript(self, owner: Const, index: Value) -> Value:
        sliced = self.constant_slice(index)
        try:
            if sliced is not None:
                return Const(owner.value[sliced], owner.settings)  # type: ignore[index]
            if isinstance(index, Const):
                return Const(owner.value[index.value], owner.settings)  # type: ignore[index]
        except (TypeError, IndexError, KeyError):
            return Data(settings=owner.settings)
        position = self.views.number(index)
        return (
            self.elements.element(owner, position) if position is not None else Data(settings=owner.settings)
        )

    def constant_slice(self, index: Value) -> slice | None:
        if not isinstance(index, Slice):
            return None
        bounds: list[int | None] = []
        for part in (index.lower, index.upper, index.step):
            if part is None or (isinstance(part, Const) and part.value is None):
                bounds.append(None)
            elif isinstance(part, Const) and isinstance(part.value, int):
                bounds.append(part.value)
            else:
                return None
        return slice(*bounds)

    def container_subscript(self, owner: Obj | View, index: Value, node: ast.AST) -> Value | None:
        """Lists and dictionaries; None for what is indexed like a tensor."""
        base = owner.base if isinstance(owner, View) else owner
        if base.kind == "dict":
            if isinstance(index, Const) and ("key", index.value) in base.d:
                found = base.d["key", index.value]
                assert isinstance(found, Value)
                return substitute(found, by_entry(owner.mapping)) if isinstance(owner, View) else found
            key = self.views.data(index)
            if base.history or key.regions or key.looks:
                entry = self.views.data(owner)
                entry = replace(entry, refs=entry.refs - {base})
                return self.effects.lookups.with_lookup(
                    self.with_table_hit(entry, index), owner, [index], node
                )
            position = self.views.number(index)
            if position is not None and owner is base:
                return self.elements.at_key(base, position)
            return self.elements.element(owner, position)
        if base.kind == "list":
            if isinstance(index, Slice):
                return self.list_slice(owner, index, node)
            position = self.views.number(index)
            if position is not None and position.is_constant and base.by_score:
                one = self.elements.element(owner, None)
                return self.effects.selection.picked_by_score(owner, one, node, "sorted")
            if position is not None:
                return self.elements.element(owner, position)
            record = self.views.data(index)
            if record.regions:
                return None
            found_element = self.elements.element(
                owner, self.symbols.fresh("opaque", *(Expr.of(a) for a in sorted_atoms(record)))
            )
            if self.effects.formulas.chosen_by(index) == BY_SCORE or record.losses:
                return self.effects.selection.picked_by_score(
                    owner, found_element, node, "an index by scores"
                )
            return found_element
        if base.kind == "iterator":
            position = self.views.number(index)
            return self.elements.element(owner, position)
        return None

    def list_slice(self, owner: Obj | View, index: Slice, node: ast.AST) -> Value:
        base = owner.base if isinstance(owner, View) else owner
        items = base.items
        sliced = self.constant_slice(index)
        out = self.heap.allocate("list", node)
        if sliced is not None and isinstance(items, tuple) and base.elements is None and base.base is None:
            out.items = items[sliced]
            return out
        lower: Expr | None = Expr(0) if index.lower is None else self.views.number(index.lower)
        step = index.step.value if isinstance(index.step, Const) and isinstance(index.step.value, int) else 1
        if index.step is not None and self.views.number(index.step) is None:
            step = 0
        if step == -1 and index.lower is None and index.upper is None:
            self.transfer.list_views.show_shuffled(out, owner)
            return out
        if lower is None or (lower.is_constant and lower.constant < 0) or step <= 0:
            lower = self.symbols.fresh(
                "opaque", *(Expr.of(a) for a in sorted_atoms(self.views.data(index.lower)))
            )
            step = max(step, 1)
        out.base = owner
        out.lower = lower
        out.step = step
        out.elements = ()
        upper = self.views.number(index.upper) if index.upper is not None else None
        if upper is not None and step == 1 and not (upper.is_constant and upper.constant < 0):
            out.most = upper - lower
        return out

    def array_subscript(self, owner: Data, index: Value) -> Value:
        array = owner.array
        assert array is not None
        position = self.views.number(index)
        if position is not None:
            if position.is_constant and position.constant < 0:
                return SymbolicInt(self.symbols.fresh("opaque", *(Expr.of(a) for a in sorted_atoms(owner))))
            return SymbolicInt(array.element(position), owner.settings)
        if isinstance(index, Slice) and index.step is None:
            lower = Expr(0) if index.lower is None else self.views.number(index.lower)
            if lower is not None and not (lower.is_constant and lower.constant < 0):
                whole = array.whole and index.upper is None
                return replace(owner, array=replace(array, offset=array.offset + lower, whole=whole))
        record = self.views.data(index)
        return replace(owner, array=None, turns=owner.turns | record.turns)


def sorted_atoms(record: Data) -> list[Symbol]:
    return sorted(record.turns, key=lambda symbol: str(symbol.args))


def is_basic(index: Value) -> bool:
    """Whether an index selects a look at the array and no copy: slices and single places, no masks or lists."""
    if isinstance(index, TupleValue):
        return all(is_basic(item) for item in index.items)
    return isinstance(index, (Slice, SymbolicInt)) or (
        isinstance(index, Const) and not isinstance(index.value, (list, tuple))
    )
