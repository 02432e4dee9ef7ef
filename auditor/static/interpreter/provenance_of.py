"""Values seen as records of where they came from: what containers hold, what states were fitted to."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterable, Sequence

from auditor.replacing import replace
from auditor.solver.expressions import Expr
from auditor.static.domain.cells import Cell
from auditor.static.domain.flow import MAX_NESTING, WHOLE
from auditor.static.domain.heap import (
    STORED,
    WRITTEN_CELLS,
    Class,
    Func,
    Obj,
    View,
)
from auditor.static.domain.lattice import by_entry, combine, join, substitute
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import (
    NONE,
    Columns,
    Const,
    Generator,
    Keyed,
    Method,
    Partial,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.interpreter.budget import Budget
from auditor.static.interpreter.protocols import Rooms
from auditor.static.interpreter.recorder import Recorder

TOKENS_A_STEP = 4
"""Sets of tokens that are seen elsewhere in the time of one statement (measured on real scripts)."""


class Views:
    """Looks at values and objects."""

    def __init__(self, machine: Rooms, budget: Budget, recorder: Recorder) -> None:
        self.machine = machine
        self.budget = budget
        self.recorder = recorder
        self.looking: set[Obj] = set()

    def own_history(self, target: Obj) -> frozenset[int]:
        """The updates that a state has absorbed, without those of modules that are a part of it."""
        return target.history

    def history(self, target: Obj) -> frozenset[int]:
        """The updates that a state has absorbed, by itself or in a part of it."""
        if target.kind != "module":
            return self.own_history(target)
        members = self.members(target)
        return frozenset().union(*map(self.own_history, members), *map(self.in_attributes, members))

    def in_attributes(self, module: Obj) -> frozenset[int]:
        """The updates in arrays that are set as attributes of a module."""
        cells = [cell for cell in module.d.values() if isinstance(cell, Obj) and cell.kind == "tensor"]
        return frozenset().union(*(self.data(cell).updates for cell in cells))

    def members(self, module: Obj) -> frozenset[Obj]:
        """A module and those that may be a part of it: kept by its constructor, added, or set as an attribute."""
        return self.reached(module, lambda owner: (*self.registered_in(owner), *self.wrapped_by(owner)))

    def registered(self, module: Obj) -> frozenset[Obj]:
        """A module and those that are a part of it for certain, whose weights are loaded and copied with its own."""
        return self.reached(module, self.registered_in)

    def reached(self, module: Obj, parts: Callable[[Obj], Sequence[Obj]]) -> frozenset[Obj]:
        found = {module}
        waiting = [module]
        while waiting:
            new = set(parts(waiting.pop())) - found
            found |= new
            waiting += new
        return frozenset(found)

    def registered_in(self, owner: Obj) -> Sequence[Obj]:
        cells = [cell for name, cell in owner.d.items() if not isinstance(name, Cell)]
        return [cell for cell in cells if isinstance(cell, Obj) and cell.kind == "module"]

    def wrapped_by(self, owner: Obj) -> tuple[Obj, ...]:
        """What its constructor kept, and what is in its lists."""
        known = owner.wrapped
        kept = known if isinstance(known, tuple) else ()
        lists = [cell for cell in owner.d.values() if isinstance(cell, Obj) and cell.kind in ("list", "dict")]
        return (*kept, *self.modules_in(lists))

    def modules_in(self, values: Iterable[Value]) -> tuple[Obj, ...]:
        """The modules that values are, hold or were computed with."""
        records = [self.data(value) for value in values]
        found = {owner for r in records for owner in r.states | r.refs if owner.kind == "module"}
        return tuple(sorted(found, key=lambda owner: owner.number))

    def content(self, target: Obj, depth: int = 0) -> Data:
        """What a container or tensor holds, as one record."""
        found = target.content
        out = found if isinstance(found, Data) else CLEAN
        for value in (*(target.items or ()), *(target.elements or ())):
            if value is not target:
                out = combine(out, self.all_turns(target, value, depth))
        kinds = target.kinds
        if isinstance(kinds, Data):
            out = replace(out, by_kind=kinds.by_kind)
        shown = (target.base, target.memory, *(target.parts or ()), *(target.joined or ()))
        for part in filter(None, shown):
            out = combine(out, self.data(part, depth + 1))
        return out

    def all_turns(self, target: Obj, value: Value, depth: int) -> Data:
        """An element as a part of the whole container: in any turn of the loops that put it there.

        Files of all turns of a comprehension are all files.
        """
        record = self.data(self.machine.evaluate.in_any_turn(target, value), depth + 1)
        entries: tuple[object, ...] | None = target.entries
        if (
            isinstance(value, Keyed)
            and value.key is None
            and self.machine.evaluate.holds_all_turns(target, value)
        ):
            entries = tuple(("any", entry) for entry in value.entries)
        if not isinstance(entries, tuple) or not record.regions:
            return record
        if not any(a.args[0] in entries for region in record.regions for a in region.turns):
            return record
        regions = set()
        for region in record.regions:
            turns = frozenset(a for a in region.turns if a.args[0] not in entries)
            whole = region.start is None and region.turns and not turns and region.source == "val"
            regions.add(replace(WHOLE, partial=region.partial) if whole else replace(region, turns=turns))
        return replace(record, regions=frozenset(regions))

    def data(self, value: Value | None, depth: int = 0) -> Data:
        """The value seen as a record of where it came from."""
        if isinstance(value, Data):
            if value.refs:
                updates, doubts = value.updates, value.doubts
                for target in value.refs:
                    updates |= self.history(target)
                    doubts |= target.doubts
                states = value.states | value.refs
                if (updates, doubts, states) == (value.updates, value.doubts, value.states):
                    return value
                return replace(value, updates=updates, doubts=doubts, states=states)
            return value
        if isinstance(value, Const):
            return Data(settings=value.settings) if value.settings else CLEAN
        if isinstance(value, (SymbolicInt, SymbolicBool)):
            expr = value.expr if isinstance(value, SymbolicInt) else value.condition.difference
            turns = expr.iterations()
            marks = frozenset(("mask",)) if isinstance(value, SymbolicBool) else NONE
            return Data(turns=turns, marks=marks, settings=value.settings) if turns or marks else CLEAN
        if depth > MAX_NESTING:
            what = f"more than {MAX_NESTING} containers in one another"
            return Data(doubts=frozenset((self.recorder.doubt("nested too deep", what, ast.Pass()),)))
        if isinstance(value, TupleValue):
            return functools.reduce(combine, (self.data(item, depth + 1) for item in value.items), CLEAN)
        if isinstance(value, Union):
            return functools.reduce(join, (self.data(option, depth + 1) for option in value.options), CLEAN)
        if isinstance(value, Columns):
            return replace(self.data(TupleValue(value.items), depth + 1), rank=2)
        if isinstance(value, Obj):
            return self.object_data(value, depth)
        if isinstance(value, View):
            seen = self.object_data(value.base, depth)
            # a value that very many lookups went into takes as long to see elsewhere as that many statements
            self.budget.tick(
                sum(len(r.turns) + 1 for look in seen.looks for r in look.regions) // TOKENS_A_STEP
            )
            found = substitute(seen, by_entry(value.mapping))
            assert isinstance(found, Data)
            turns = value.key.iterations() if value.key is not None else frozenset()
            return replace(found, turns=found.turns | turns) if turns else found
        if isinstance(value, Keyed):
            return self.data(value.value, depth + 1)
        if isinstance(value, Generator):
            return self.data(self.machine.evaluate.listed(value), depth + 1)
        if isinstance(value, Partial):
            return self.data(TupleValue(value.args), depth + 1)
        if isinstance(value, Method):
            record = self.data(value.owner, depth + 1)
            # how many tokens there are tells nothing of any of them
            return Data(turns=record.turns) if value.name in ("size", "nbytes", "ndim", "shape") else record
        return CLEAN

    def object_data(self, target: Obj, depth: int) -> Data:
        me = frozenset((target,))
        history = self.history(target)
        if target.kind == "module":
            members = self.members(target)
            doubts = frozenset().union(*(member.doubts for member in members))
            return Data(updates=history, doubts=doubts, states=members, refs=me)
        if target.kind in ("tensor", "dict", "list", "optimizer", "iterator"):
            inner = self.within(target, depth, self.content)
            if target.kind == "tensor":
                inner = self.let_through(target, inner)
                bounds = target.bounds
                if isinstance(bounds, frozenset) and target.touched == STORED and math.inf not in bounds:
                    inner = replace(inner, most=max(bounds))
            states = inner.states | me if target.kind in ("tensor", "dict") else inner.states | inner.refs
            refs = me if target.kind == "optimizer" else inner.refs | me
            doubts = inner.doubts | target.doubts
            return replace(inner, updates=inner.updates | history, doubts=doubts, states=states, refs=refs)
        inner = self.within(target, depth, self.attributes)
        misgivings = target.doubts
        return replace(inner, doubts=inner.doubts | misgivings) if misgivings else inner

    def within(self, target: Obj, depth: int, look: Callable[[Obj, int], Data]) -> Data:
        """What an object holds; nothing more if that is being asked already, since it holds itself."""
        if target in self.looking:
            return CLEAN
        self.looking.add(target)
        try:
            return look(target, depth)
        finally:
            self.looking.discard(target)

    def attributes(self, target: Obj, depth: int) -> Data:
        out = CLEAN
        for key, item in list(target.d.items()):
            if isinstance(item, Value) and not isinstance(item, (Func, Class)) and not isinstance(key, Cell):
                out = combine(out, self.data(item, depth + 1))
        return out

    def mix(self, *values: Value | None) -> Data:
        """A new value computed from others."""
        out = CLEAN
        for value in values:
            out = combine(out, self.data(value).plain())
        if out.by_kind is not None:
            out = replace(out, by_kind=out.by_kind.lost() if out.by_kind.axes else None)
        return out

    def tells_apart(self, value: Value, entries: Sequence[int]) -> bool:
        """Whether the value depends on every one of these loops, so that different turns give different values."""
        record = self.data(value)
        found = {symbol.args[0] for symbol in record.turns}
        for region in record.regions:
            found |= {symbol.args[0] for symbol in region.iterations}
        return all(entry in found for entry in entries)

    def mix_references(self, values: list[Value]) -> Data:
        """Several values together, aliases of states kept."""
        out = CLEAN
        for value in values:
            out = combine(out, self.data(value))
        return out

    def number(self, value: Value | None) -> Expr | None:
        """The value as an integer expression, where it is one."""
        if isinstance(value, Const) and isinstance(value.value, int):
            return Expr(int(value.value))
        if isinstance(value, SymbolicInt):
            return value.expr
        return None

    def cells(self, value: Value) -> tuple[Value, ...] | None:
        """The elements of an array of a few numbers, where each of them is known."""
        if not isinstance(value, Obj) or value.touched not in (None, WRITTEN_CELLS):
            return None
        return None if value.cells is None else value.cells.items

    def objects(self, value: Value | None) -> frozenset[Obj]:
        """The heap objects that the value is."""
        if isinstance(value, Obj):
            return frozenset((value,))
        if isinstance(value, View):
            return frozenset((value.base,))
        if isinstance(value, Union):
            return frozenset().union(*(self.objects(option) for option in value.options))
        if isinstance(value, Data):
            return value.refs
        if isinstance(value, Method):  # a part of a module whose constructor was not gone into: its memory
            return frozenset(owner for owner in self.objects(value.owner) if owner.kind == "module")
        return frozenset()

    def let_through(self, target: Obj, content: Data) -> Data:
        """The content of a tensor with what is known of it as a mask."""
        if target.selective:
            return replace(content, marks=content.marks | {"selective"})
        rows = target.let_through
        if not isinstance(rows, tuple):
            return content
        return replace(content, written=frozenset(rows), marks=content.marks | {"mask"})
