"""Indexing: elements of containers, slices of tokens, rows of batches, writes into tables and buffers."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace

from auditor.static.by_kind import ByKind
from auditor.static.files import MATCHED
from auditor.static.heap import BOUNDS, STORED, TOUCHED, Env, Obj
from auditor.static.looks import Looks, choosing, joined
from auditor.static.machine import Machine
from auditor.static.values import (
    LAYOUT,
    UNKNOWN,
    Alt,
    Class,
    Columns,
    Const,
    Data,
    Func,
    Keyed,
    Lib,
    Num,
    Slice,
    Tup,
    Value,
    View,
    by_entry,
    join_data,
    substitute,
)
from auditor.trace.linear import Atom, Expr
from auditor.trace.operations import operation
from auditor.trace.prover import proves
from auditor.trace.region import Region

NO_LOOPS: frozenset[int] = frozenset()


class Subscripts(Machine):
    """Reads and writes by index."""

    # containers
    def append(self, target: Obj, value: Value, key: Expr | None = None) -> None:
        """Add an element at the end; `key` if the container is one of a family seen at that index."""
        tail = self.tail(target)
        if tail is not None:
            self.append(tail, value, key)
            return
        entries = tuple(e for e in self.entries() if e not in target.loops)
        for known_of_whole in ("#aligned", "#length"):
            if known_of_whole in target.d:
                self.trail.drop(target, known_of_whole)
        elements = target.d.get("#elements")
        if not entries and elements is None and key is None and "#base" not in target.d:
            items = target.d.get("#items")
            self.put(target, "#items", (*(items if isinstance(items, tuple) else ()), value))
            return
        loop = self.running[-1] if self.running else None
        known = elements if isinstance(elements, tuple) else ()
        new = Keyed(value, key, entries)
        if not self.is_known(new, known):
            self.put(target, "#elements", (*known, new))
        if loop is not None:
            turn = ("#appended", loop.entry, loop.iteration)
            before = target.d.get(turn)
            count = before.value if isinstance(before, Const) and isinstance(before.value, int) else 0
            self.put(target, turn, Const(count + 1))
        if not isinstance(value, (Obj, View, Func, Class)) and not self.tells_apart(value, entries):
            self.put(target, "#repeated", True)

    def is_known(self, new: Keyed, known: Sequence[object]) -> bool:
        """Whether an element stands among the known ones, of whatever turn: read, it would be the same."""
        if new in known:
            return True
        form = self.form(new)
        return any(
            isinstance(old, Keyed) and len(old.entries) == len(new.entries) and self.form(old) == form
            for old in known
        )

    def form(self, element: Keyed) -> tuple[object, ...]:
        """An element and the lengths of its loops as functions of the loops' turns, whichever turns these are."""
        slots = {entry: Expr.of(Atom("iter", (("slot", k), 0), 0)) for k, entry in enumerate(element.entries)}

        def change(atom: Atom) -> Expr | None:
            return slots.get(atom.args[0]) if atom.kind == "iter" else None  # type: ignore[call-overload]

        key = None if element.key is None else element.key.replace(change)
        counts = tuple(
            None if entry not in self.counts else self.counts[entry].replace(change)
            for entry in element.entries
        )
        return substitute(element.value, change), key, counts

    def element(self, container: Value, index: Expr | None, turns: frozenset[Atom] = frozenset()) -> Value:
        """The element at an index; None for "some element"."""
        if index is None:
            index = self.symbol("free")
        if isinstance(container, Const):
            return self.constant_element(container, index)
        if isinstance(container, Tup):
            if index.is_constant and -len(container.items) <= index.constant < len(container.items):
                return container.items[index.constant]
            return self.some_item(container.items, index)
        if isinstance(container, Alt):
            out: Value | None = None
            for option in container.options:
                if isinstance(option, Const) and option.value is None:
                    continue
                if not (isinstance(option, Obj) and option.kind == "list" and self.nothing_in(option)):
                    out = self.join(out, self.element(option, index))
            return out if out is not None else UNKNOWN
        if (
            index.is_constant
            and index.constant < 0
            and isinstance(container, (Obj, View))
            and not self.known_items(container)
        ):
            index = self.symbol("opaque", *(Expr.of(r.counter) for r in self.running))
        if isinstance(container, View):
            inner = self.object_element(container.base, index, container.key)
            return substitute(inner, by_entry(container.mapping))
        if isinstance(container, Obj):
            return self.object_element(container, index, None)
        if isinstance(container, Data):
            return self.data_element(container, index)
        return UNKNOWN

    def nothing_in(self, container: Obj) -> bool:
        """Whether a list has no element, directly or because what it is a part of has none."""
        base = container.d.get("#base")
        if isinstance(base, Obj):
            return base.kind == "list" and self.nothing_in(base)
        return base is None and container.d.get("#items") == () and "#elements" not in container.d

    def constant_element(self, container: Const, index: Expr) -> Value:
        value = container.value
        if isinstance(value, range):
            return Num(index.scaled(value.step) + value.start, container.settings)
        if isinstance(value, (tuple, list, str, bytes)) and index.is_constant:
            if -len(value) <= index.constant < len(value):
                return Const(value[index.constant], container.settings)
        return Data(turns=index.iterations(), settings=container.settings)

    def some_item(self, items: Sequence[Value], index: Expr) -> Value:
        """One of several known items: which one depends on the index."""
        if len(items) == 1:
            return items[0]
        out: Value | None = None
        for item in items:
            out = self.join(out, item)
        if isinstance(out, (Data, Const, Num)) and index.iterations():
            if self.number(out) is not None:
                return Num(self.symbol("opaque", index))
            record = out if isinstance(out, Data) else self.data(out)
            return replace(record, turns=record.turns | index.iterations())
        return out if out is not None else UNKNOWN

    def object_element(self, container: Obj, index: Expr, key: Expr | None) -> Value:
        if container.kind == "iterator":
            return self.iterator_element(container, index)
        if container.kind in ("tensor", "module", "instance"):
            return self.data_element(self.data(container), index)
        if container.d.get("#shifted") and (index.is_constant or index.terms[0][0].kind != "opaque"):
            # elements were taken out: what stands where is not followed
            index = self.symbol("opaque", index, *(Expr.of(loop.counter) for loop in self.running))
        joined = container.d.get("#joined")
        if isinstance(joined, tuple):
            return self.joined_element(joined, index)
        base = container.d.get("#base")
        if isinstance(base, Value):
            lower, step = container.d["#lower"], container.d.get("#step", 1)
            assert isinstance(lower, Expr) and isinstance(step, int)
            if container.d.get("#permuted"):
                pick = Atom("pick", (container.number, "order", index), 0)
                index = Expr.of(pick.knowing(facts=self.bounds(base, Expr.of(pick))))
            return self.element(base, index.scaled(step) + lower)
        items = container.d.get("#items")
        elements = container.d.get("#elements")
        if elements is None:
            if not isinstance(items, tuple) or not items:
                return UNKNOWN
            if index.is_constant and -len(items) <= index.constant < len(items):
                item = items[index.constant]
                assert isinstance(item, Value)
                return item
            return self.some_item(items, index)
        assert isinstance(elements, tuple)
        options: list[Value] = []
        for element in (*(items if isinstance(items, tuple) else ()), *elements):
            option = self.built_element(container, element, index, key)
            if option not in options:
                options.append(option)
        out: Value | None = None
        for option in options:
            out = self.join(out, option)
        return out if out is not None else UNKNOWN

    def at_key(self, table: Obj, key: Expr) -> Value:
        """The entry of a dictionary at an integer key: an element that was put there under that key."""
        elements = table.d.get("#elements")
        out: Value | None = None
        for element in elements if isinstance(elements, tuple) else ():
            by_key = key if isinstance(element, Keyed) and element.key is not None else None
            out = self.join(out, self.built_element(table, element, key, by_key))
        return out if out is not None else UNKNOWN

    def bounds(self, container: Value, index: Expr) -> tuple[Expr, ...]:
        """That an index is one of the container's, as expressions that are not negative."""
        length = self.length(container)
        facts = [] if length is None else [length - 1 - index]
        if isinstance(container, Obj) and isinstance(container.d.get("#base"), Value):
            lower, step = container.d["#lower"], container.d.get("#step", 1)
            inner = container.d["#base"]
            if isinstance(lower, Expr) and isinstance(step, int) and isinstance(inner, Value):
                facts.extend(self.bounds(inner, index.scaled(step) + lower))
        return tuple(facts)

    def built_element(self, container: Obj, element: Value, index: Expr, key: Expr | None) -> Value:
        """An element that a loop put there, seen at an index: the loop's counters become functions of the index."""
        value, fill_key, entries = element, None, container.d.get("#entries", ())
        if isinstance(element, Keyed):
            value, fill_key, entries = element.value, element.key, element.entries
        assert isinstance(entries, tuple)
        mapping = self.mapping(container, entries, index, key, fill_key)
        if isinstance(value, Obj) and value.kind in ("list", "dict", "tensor", "instance"):
            return View(value, mapping, index)
        return substitute(value, by_entry(mapping))

    def mapping(
        self,
        container: Obj,
        entries: Sequence[object],
        index: Expr,
        key: Expr | None,
        fill_key: Expr | None,
    ) -> tuple[tuple[object, Expr], ...]:
        if key is None and self.is_aligned(container, entries):
            only = index.terms[0][0] if len(index.terms) == 1 and index.terms[0][1] == 1 else None
            if only is not None and only.kind in ("opaque", "free") and not index.constant:
                index = Expr.of(self.bounded([Atom(only.kind, only.args, 0)], entries[:1])[0])
            return tuple((entry, index) for entry in entries)
        if container.d.get("#repeated"):
            return tuple((entry, self.symbol("opaque", index)) for entry in entries)
        buckets = () if key is None else (key,)
        if len(entries) == 1:
            chosen = [Atom("at", ((container.number, entries[0]), index, *buckets), 0)]
        else:
            chosen = [Atom("pick", (container.number, entry, index, *buckets), 0) for entry in entries]
        chosen = self.bounded(chosen, entries)
        if key is not None and fill_key is not None:
            plain = tuple((e, Expr.of(a)) for e, a in zip(entries, chosen, strict=True))
            seen = fill_key.replace(by_entry(plain))
            facts = (seen - key, key - seen)
            chosen = [atom.knowing(facts=facts) for atom in chosen]
        return tuple((e, Expr.of(a)) for e, a in zip(entries, chosen, strict=True))

    def bounded(self, chosen: Sequence[Atom], entries: Sequence[object]) -> list[Atom]:
        """The turns that put an element there, with what is known of them: the loop's length, or that it still runs.

        The length of an inner loop depends on the turn of the outer one.
        """
        running = {loop.entry: Expr.of(loop.counter) for loop in self.running}
        out: list[Atom] = []
        for atom, entry in zip(chosen, entries, strict=True):
            high = running.get(entry) if isinstance(entry, int) else None
            if high is None and isinstance(entry, int) and entry in self.counts:
                outer = tuple(zip(entries, (Expr.of(a) for a in out), strict=False))
                high = self.counts[entry].replace(by_entry(outer)) - 1
            out.append(atom if high is None else atom.knowing(high=high))
        return out

    def is_aligned(self, container: Obj, entries: Sequence[object]) -> bool:
        """Whether the list got exactly one element in each turn of one loop, from its beginning."""
        if container.d.get("#aligned"):
            return True
        if len(entries) != 1 or container.d.get("#items") or "#entries" in container.d:
            return False
        counts = [
            value
            for name, value in container.d.items()
            if isinstance(name, tuple) and name[:1] == ("#appended",)
        ]
        loops = {name[1] for name in container.d if isinstance(name, tuple) and name[:1] == ("#appended",)}
        return len(loops) == 1 and all(isinstance(c, Const) and c.value == 1 for c in counts)

    def iterator_element(self, container: Obj, index: Expr) -> Value:
        parts = container.d["#parts"]
        assert isinstance(parts, tuple)
        start = container.d.get("#start")
        out: list[Value] = []
        if isinstance(start, Expr):
            out.append(Num(start + index))
        out.extend(self.element(part, index) for part in parts)
        return Tup(tuple(out))

    def data_element(self, container: Data, index: Expr) -> Value:
        """An element of an array or tensor."""
        if container.array is not None:
            return Num(container.array.element(index), container.settings)
        if container.span is not None:
            return Num(container.span[0] + index, container.settings)
        return self.narrow(container, [Num(index)])

    # reading
    def subscript(self, owner: Value, index: Value, node: ast.AST) -> Value:
        known = self.looked_up(owner, index)
        if isinstance(known, Value):
            return known
        if known is not None and known.axes:
            record, key = self.data(owner).plain(), self.data(index)
            found = replace(record, by_kind=known, turns=record.turns | key.turns, rank=key.rank, span=None)
            return self.with_lookup(self.with_table_hit(found, index), owner, [index], node)
        value = self.indexed(owner, index, node)
        return replace(value, by_kind=known) if isinstance(value, Data) and known is not None else value

    def indexed(self, owner: Value, index: Value, node: ast.AST) -> Value:
        """What an index selects, tables by token id aside."""
        if isinstance(owner, Lib):
            if owner.name == "os.environ" and isinstance(index, Const):
                return self.environment(str(index.value), None, node)
            return owner if owner.name.startswith("typing") else UNKNOWN
        if isinstance(owner, Alt):
            out: Value | None = None
            for option in owner.options:
                if not (isinstance(option, Const) and option.value is None):
                    out = self.join(out, self.subscript(option, index, node))
            return out if out is not None else UNKNOWN
        if isinstance(owner, Columns):
            column = self.column_at(owner, index, node)
            if column is not None:
                return column
        if isinstance(owner, Const) and isinstance(owner.value, (int, float)) and isinstance(index, Data):
            return owner  # an array that holds the same everywhere
        if isinstance(owner, Const):
            return self.constant_subscript(owner, index)
        if isinstance(owner, Tup):
            sliced = self.constant_slice(index)
            if sliced is not None:
                return Tup(owner.items[sliced])
        if isinstance(owner, (Obj, View)):
            found = self.container_subscript(owner, index, node)
            if found is not None:
                return found
            if isinstance(owner, Obj) and "#placed" in owner.d and isinstance(index, Slice):
                placed = self.part_by_position(owner, index, node)
                if placed is not None:
                    return placed
        position = self.number(index)
        if isinstance(owner, Tup):
            return self.element(owner, position)
        record = self.data(owner)
        if isinstance(owner, Data):
            record = replace(record, array=owner.array, span=owner.span, rank=owner.rank)
        if record.array is not None:
            return self.array_subscript(record, index)
        if record.span is not None and position is not None:
            return Num(record.span[0] + position)
        if record.span is not None and isinstance(index, Slice) and index.step is None:
            lower = Expr(0) if index.lower is None else self.number(index.lower)
            upper = None if index.upper is None else self.number(index.upper)
            if upper is None:
                upper = record.span[1] - record.span[0]  # at most: a larger interval proves no less
            if lower is not None:
                return replace(record, span=(record.span[0] + lower, record.span[0] + upper))
        items = list(index.items) if isinstance(index, Tup) else [index]
        chosen = self.data(index) if isinstance(index, (Data, Obj)) else UNKNOWN
        if "selective" in chosen.marks and record.regions:
            found = self.with_table_hit(self.thinned(record, node), index)
            return self.with_lookup(found, owner, items, node)
        if (chosen.above or chosen.below or chosen.written) and record.regions:
            found = self.with_table_hit(self.masked(record, chosen, node), index)
            return self.with_lookup(found, owner, items, node)
        if isinstance(index, Data) and index.windows and record.rank == 1 and not record.marks & LAYOUT:
            return self.with_lookup(self.window_rows(record, index), owner, items, node)
        found = self.with_table_hit(self.narrow(record, items, node), index)
        if isinstance(index, Data) and index.windows:
            found = replace(found, looks=self.windowed_looks(record, index))
        if record.intervals and len(items) == 1:
            found = replace(found, within=record.intervals)
        return self.with_lookup(found, owner, items, node)

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
                        replace(part, row=row, facts=tuple(dict.fromkeys((*self.facts_for(region), *facts))))
                    )
        return frozenset(found)

    def with_table_hit(self, found: Data, index: Value) -> Data:
        """What an index that is itself made of tokens adds: what it has absorbed, and that it looked up by them."""
        key = self.data(index)
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
        position = self.number(index)
        return self.element(owner, position) if position is not None else Data(settings=owner.settings)

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
            key = self.data(index)
            if base.d.get("#history") or key.regions or key.looks:
                entry = self.data(owner)
                entry = replace(entry, refs=entry.refs - {base})
                return self.with_lookup(self.with_table_hit(entry, index), owner, [index], node)
            position = self.number(index)
            if position is not None and owner is base:
                return self.at_key(base, position)
            return self.element(owner, position)
        if base.kind == "list":
            if isinstance(index, Slice):
                return self.list_slice(owner, index, node)
            position = self.number(index)
            if position is not None and position.is_constant and "#by_score" in base.d:
                return self.select(self.data(owner).plain(), node, "sorted")
            if position is not None:
                return self.element(owner, position)
            record = self.data(index)
            if record.regions:
                return None
            found_element = self.element(
                owner, self.symbol("opaque", *(Expr.of(a) for a in sorted_atoms(record)))
            )
            return found_element
        if base.kind == "iterator":
            position = self.number(index)
            return self.element(owner, position)
        return None

    def list_slice(self, owner: Obj | View, index: Slice, node: ast.AST) -> Value:
        base = owner.base if isinstance(owner, View) else owner
        items = base.d.get("#items")
        sliced = self.constant_slice(index)
        out = self.allocate("list", node)
        if (
            sliced is not None
            and isinstance(items, tuple)
            and "#elements" not in base.d
            and "#base" not in base.d
        ):
            out.d["#items"] = items[sliced]
            return out
        lower: Expr | None = Expr(0) if index.lower is None else self.number(index.lower)
        step = index.step.value if isinstance(index.step, Const) and isinstance(index.step.value, int) else 1
        if index.step is not None and self.number(index.step) is None:
            step = 0
        if step == -1 and index.lower is None and index.upper is None:
            self.show_shuffled(out, owner)
            return out
        if lower is None or (lower.is_constant and lower.constant < 0) or step <= 0:
            lower = self.symbol("opaque", *(Expr.of(a) for a in sorted_atoms(self.data(index.lower))))
            step = max(step, 1)
        out.d["#base"] = owner
        out.d["#lower"] = lower
        out.d["#step"] = step
        out.d["#elements"] = ()
        upper = self.number(index.upper) if index.upper is not None else None
        if upper is not None and step == 1 and not (upper.is_constant and upper.constant < 0):
            out.d["#most"] = upper - lower
        return out

    def array_subscript(self, owner: Data, index: Value) -> Value:
        array = owner.array
        assert array is not None
        position = self.number(index)
        if position is not None:
            if position.is_constant and position.constant < 0:
                return Num(self.symbol("opaque", *(Expr.of(a) for a in sorted_atoms(owner))))
            return Num(array.element(position), owner.settings)
        if isinstance(index, Slice) and index.step is None:
            lower = Expr(0) if index.lower is None else self.number(index.lower)
            if lower is not None and not (lower.is_constant and lower.constant < 0):
                whole = array.whole and index.upper is None
                return replace(owner, array=replace(array, offset=array.offset + lower, whole=whole))
        record = self.data(index)
        return replace(owner, array=None, turns=owner.turns | record.turns)

    # tokens
    def narrow(self, record: Data, items: Sequence[Value], node: ast.AST | None = None) -> Data:
        """The part of a tensor that an index selects: of its tokens, those that can be told."""
        rank = record.rank
        lost = "moved" in record.marks or (
            ("flat" in record.marks and rank == 1) or ("folded" in record.marks and rank != 1)
        )
        depends: set[Atom] = set(record.turns)
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
            key = self.data(value) if not isinstance(value, Slice) else self.slice_data(value)
            depends |= key.turns
            for atom_source in (value.lower, value.upper) if isinstance(value, Slice) else (value,):
                number = self.number(atom_source)
                if number is not None:
                    depends |= number.iterations()
            if "mask" in key.marks:
                axis += 1
                continue
            selected.append((value, axis))
            if not isinstance(value, Slice) and self.number(value) is not None:
                removed += 1
            elif isinstance(value, Data) and value.rank != 1:
                gathered = True  # its axes take the place of the one that it indexes
            axis += 1
        by_kind = record.by_kind
        if by_kind is not None:
            by_kind = None if by_kind.is_table else self.narrowed_by_kind(by_kind, items, rank)
        new_rank = (
            None if rank is None or gathered or (added and rank == 1) else max(rank - removed + added, 0)
        )

        def parts(all_of: frozenset[Region]) -> frozenset[Region]:
            for value, axis in selected:
                if lost:
                    all_of = frozenset(self.some_part(region, value) for region in all_of)
                else:
                    all_of = frozenset(
                        self.select_part(region, one, axis, rank)
                        for region in all_of
                        for one in each_interval(value)
                    )
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
            return self.refine(found, node)
        return found

    def narrowed_by_kind(self, by_kind: ByKind, items: Sequence[Value], rank: int | None) -> ByKind:
        """What was looked up by tokens, for the part of them that an index selects."""
        return by_kind.moved(lambda tokens: self.narrow(Data(regions=tokens, rank=rank), items).regions)

    def slice_data(self, value: Slice) -> Data:
        return join_data(self.data(value.lower), self.data(value.upper))

    def select_part(self, region: Region, value: Value, axis: int, rank: int | None) -> Region:
        """The part of one region that one item of an index selects on one axis."""
        number = self.number(value)
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
                from_end = number.is_constant and number.constant < 0
                assert region.stop is not None
                start = (region.stop if from_end else region.start) + number
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
        number = self.number(value)
        turns = self.slice_data(value).turns if isinstance(value, Slice) else self.data(value).turns
        if isinstance(value, Slice):
            for part in (value.lower, value.upper):
                number = self.number(part)
                turns |= number.iterations() if number is not None else frozenset()
        elif number is not None:
            turns = number.iterations()
        bounds = (value.lower, value.upper) if isinstance(value, Slice) else (value,)
        told = all(
            part is None or isinstance(part, Const) or self.number(part) is not None for part in bounds
        )
        return replace(region, turns=region.turns | turns, partial=region.partial or not told)

    def slice_region(self, region: Region, value: Slice) -> Region | None:
        if value.step is not None and not (isinstance(value.step, Const) and value.step.value in (None, 1)):
            return None
        bounds: list[Expr | None] = []
        ends: list[bool] = []
        for part in (value.lower, value.upper):
            if part is None or (isinstance(part, Const) and part.value is None):
                bounds.append(None)
                ends.append(False)
                continue
            number = self.number(part)
            if number is None:
                return None
            if region.start == Expr(0) and not number.is_constant and not proves(number, self.path_facts()):
                return None  # it may be negative, and then Python counts it from the end
            bounds.append(number)
            ends.append(number.is_constant and number.constant < 0)
        sliced = region.sliced(bounds[0], bounds[1], from_end=(ends[0], ends[1]))
        return replace(sliced, facts=self.facts_for(region))

    def facts_for(self, region: Region) -> tuple[Expr, ...]:
        """The conditions of the region and of the branches around, where they speak of loops."""
        new = [fact for fact in self.path_facts() if fact.iterations()]
        return tuple(dict.fromkeys((*region.facts, *new)))

    def read_row(self, region: Region, index: Expr) -> Region:
        """A region stored at a row, read at another index: the row's counter becomes that index."""
        row = region.row
        assert row is not None
        if len(row.terms) == 1 and row.terms[0][1] == 1:
            atom = row.terms[0][0]
            target = index - row.constant
            entry = atom.args[0]

            def change(other: Atom) -> Expr | None:
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

    # writing
    def store(
        self, owner: Value, index: Value, value: Value, node: ast.AST, env: Env, *, augmented: bool
    ) -> None:
        if isinstance(owner, Alt):
            for option in owner.options:
                self.store(option, index, value, node, env, augmented=augmented)
            return
        if isinstance(owner, Columns):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                self.assign(node.value, self.store_columns(owner, index, value), env)
            return
        if isinstance(owner, Lib) and owner.name == "os.environ" and isinstance(index, Const):
            self.environment_writes[str(index.value)] = value
            return
        if isinstance(owner, Obj) and "#kinds" in owner.d and self.store_by_kind(owner, index, value):
            self.put(owner, TOUCHED, True)
            return
        key = self.data(index)
        if MATCHED in key.marks and self.data(owner).losses:
            self.overwrite_matched(owner, key, node, env)
            return
        key = replace(key, regions=self.key_tokens(key))
        if key.regions:
            self.written.update(o.number for o in self.objects(owner) if o.kind != "module")
        record = self.data(value)
        if key.looks and (record.relevant or isinstance(owner, Obj)):
            record = replace(record, looks=joined(record.looks, choosing(key.looks)))
        if record.losses:
            chosen = self.data(owner)
            if self.data(index).losses and chosen.losses and chosen.losses != record.losses:
                record = self.select(
                    join_data(record, replace(chosen, refs=frozenset())), node, "a masked assignment"
                )
            value = record = self.settle(record, node)
        if isinstance(owner, (Obj, View)):
            target = owner.base if isinstance(owner, View) else owner
            if target.kind in ("dict", "tensor", "list") and key.regions and self.outlives(target, key):
                self.put(target, "#table", True)
                self.update(target, key.regions, node, "table", "write by key")
                self.put(
                    target,
                    "#content",
                    join_data(self.content_only(target), replace(record.plain(), regions=frozenset())),
                )
                return
            self.store_object(target, owner, index, value, record)
            return
        for target in self.objects(owner):
            if key.regions and self.outlives(target, key):
                self.put(target, "#table", True)
                self.update(target, key.regions, node, "table", "write by key")
            elif target.kind == "module" and record.regions:
                self.update(target, record.regions, node, "in place", "index assignment")
            elif target.kind == "tensor":
                self.put(
                    target,
                    "#content",
                    join_data(self.content_only(target), self.with_row(record.plain(), index)),
                )
        if isinstance(owner, Data) and not owner.refs and isinstance(node, ast.Subscript):
            if isinstance(node.value, ast.Name):
                written = self.mix(owner, value)
                if record.updates:
                    places = index.items if isinstance(index, Tup) else (index,)
                    loops = {atom.args[0] for place in places for atom in self.data(place).turns}
                    pieces = frozenset(entry for entry in self.entries() if entry in loops)
                    written = replace(written, assembled=written.assembled | pieces)
                self.assign(node.value, written, env)

    def overwrite_matched(self, owner: Value, key: Data, node: ast.AST, env: Env) -> None:
        """Scores are overwritten where their tokens are what a file from outside holds."""
        scores = self.data(owner)
        changed = replace(scores, marks=scores.marks | {MATCHED}, origins=scores.origins | key.origins)
        if isinstance(owner, (Obj, View)):
            target = owner.base if isinstance(owner, View) else owner
            self.put(target, "#content", self.settle(changed, node))
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            self.assign(node.value, changed, env)

    def content_only(self, target: Obj) -> Data:
        found = target.d.get("#content")
        return found if isinstance(found, Data) else UNKNOWN

    def outlives(self, target: Obj, key: Data) -> bool:
        """Whether the object is older than a loop that the key's tokens depend on."""
        younger = {e for e in self.entries() if e not in target.loops}
        return any(
            atom.args[0] in younger for region in key.regions for atom in region.iterations
        ) or not any(region.iterations for region in key.regions)

    def store_object(self, target: Obj, owner: Obj | View, index: Value, value: Value, record: Data) -> None:
        if target.kind == "dict":
            if isinstance(index, Const) and isinstance(index.value, (str, int)):
                self.put(target, ("key", index.value), value)
                value = self.data(value)
            number = self.number(index)
            known = target.d.get("#elements")
            entries = tuple(e for e in self.entries() if e not in target.loops)
            new = Keyed(value, number, entries) if entries else value
            if not isinstance(known, tuple) or new not in known:
                self.put(target, "#elements", (*(known if isinstance(known, tuple) else ()), new))
            return
        if target.kind == "list":
            items = target.d.get("#items")
            number = self.number(index)
            if (
                isinstance(items, tuple)
                and "#elements" not in target.d
                and number is not None
                and number.is_constant
            ):
                if -len(items) <= number.constant < len(items):
                    position = number.constant % len(items)
                    self.put(target, "#items", (*items[:position], value, *items[position + 1 :]))
                    return
            if self.tail(target) is not None:
                self.inserted(target, value)
                return
            entries = tuple(e for e in self.entries() if e not in target.loops)
            known = target.d.get("#elements")
            self.put(
                target,
                "#elements",
                (*(known if isinstance(known, tuple) else ()), Keyed(value, None, entries)),
            )
            return
        if target.kind == "tensor":
            number, row = self.number(value), self.number(index)
            if number is not None and row is not None:
                facts = tuple(fact for fact in self.path_facts() if fact.iterations())
                record = replace(record, ints=frozenset(((row, number, facts),)))
            record = self.carried(target, record, index)
            pieces = (
                frozenset(e for e in self.entries() if e not in target.loops) if record.updates else NO_LOOPS
            )
            record = replace(record, assembled=record.assembled | pieces) if pieces else record
            self.place_by_position(target, index, record)
            placed = self.with_row(self.moved_to(record.plain(), index, target), index)
            known = self.content_only(target)
            content = replace(join_data(known, placed), most=None)
            self.bound_stored(target, value, placed)
            if isinstance(value, Const) and isinstance(index, (Slice, Tup)):
                self.write_mask(target, index, value)
                self.note_stored(target, value)
            self.put(target, "#content", content)

    def bound_stored(self, target: Obj, value: Value, record: Data) -> None:
        """Note what a number stored in an array of zeros is not larger than."""
        most = record.most
        if isinstance(value, Const):
            most = float(value.value) if isinstance(value.value, (int, float)) else None
        known = target.d.get(BOUNDS)
        start = 0.0 if target.d.get("#empty") else math.inf
        bounds = known if isinstance(known, frozenset) else frozenset((start,))
        self.put(target, BOUNDS, bounds | {math.inf if most is None else most})
        if TOUCHED not in target.d:
            self.put(target, TOUCHED, STORED)

    def place_by_position(self, target: Obj, index: Value, record: Data) -> None:
        """Note that a buffer holds what belongs to token p at index p minus a constant."""
        regions = [region for region in record.regions if region.start is not None]
        if not regions or not isinstance(index, Slice) or index.step is not None:
            return
        lower = Expr(0) if index.lower is None else self.number(index.lower)
        offsets = {
            region.start - lower for region in regions if region.start is not None and lower is not None
        }
        known = target.d.get("#placed")
        if isinstance(known, Expr):
            offsets.add(known)
        if len(offsets) == 1 and (offset := offsets.pop()).is_constant:
            self.put(target, "#placed", offset)
        elif "#placed" in target.d:
            self.trail.drop(target, "#placed")

    def part_by_position(self, owner: Obj, index: Slice, node: ast.AST) -> Data | None:
        """The part of such a buffer that a slice selects: the tokens of those positions."""
        offset = owner.d["#placed"]
        lower = Expr(0) if index.lower is None else self.number(index.lower)
        upper = None if index.upper is None else self.number(index.upper)
        negative = any(b is not None and b.is_constant and b.constant < 0 for b in (lower, upper))
        if not isinstance(offset, Expr) or lower is None or index.step is not None or negative:
            return None
        if upper is None and index.upper is not None:
            return None
        record = self.data(owner)
        regions = set()
        for region in record.regions:
            if region.start is None or region.stop is None:
                regions.add(region)
                continue
            start = region.start if lower == Expr(0) else operation("max", region.start, lower + offset)
            stop = region.stop if upper is None else operation("min", region.stop, upper + offset)
            regions.add(replace(region, start=start, stop=stop))
        looks = frozenset(
            look.through(lambda region: region.sliced(lower, upper, from_end=(False, False)))
            for look in record.looks
        )
        found = replace(record.plain(), regions=frozenset(regions), rank=None, looks=looks)
        return self.refine(found, node) if record.losses and found.regions != record.regions else found

    def with_row(self, record: Data, index: Value) -> Data:
        """Mark tokens stored at a row of a buffer with the row's index."""
        first = index.items[0] if isinstance(index, Tup) and index.items else index
        number = self.number(first)
        if number is None or not isinstance(index, (Tup, Num)) or not (record.regions or record.looks):
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
            return region if region.start is None else replace(region, start=region.start - offset)

        looks = frozenset(look.through(moved) for look in record.looks)
        if "#placed" in target.d:
            return replace(record, looks=looks)
        return replace(record, regions=frozenset(map(moved, record.regions)), looks=looks)

    def first_place(self, index: Value) -> Expr | None:
        """Where along the positions an index begins, of one axis or with the row before it."""
        last = index.items[-1] if isinstance(index, Tup) and len(index.items) == 2 else index
        if isinstance(last, Slice):
            return Expr(0) if last.lower is None else self.number(last.lower)
        if isinstance(last, Data) and len(last.within) == 1:
            ((first, _),) = last.within
            return first
        return None


def each_interval(value: Value) -> list[Value]:
    """An index of positions that are in several intervals, one interval at a time."""
    if not isinstance(value, Data) or len(value.within) < 2:
        return [value]
    return [replace(value, within=frozenset((interval,))) for interval in value.within]


def sorted_atoms(record: Data) -> list[Atom]:
    return sorted(record.turns, key=lambda atom: str(atom.args))
