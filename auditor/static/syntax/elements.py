"""Elements of containers: how loops put them there, and which of them an index reads."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.replacing import replace
from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import replace_atoms
from auditor.static.domain.heap import Class, Func, Obj, View
from auditor.static.domain.lattice import by_entry, substitute, substitute_by_entry
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import Const, Keyed, SymbolicInt, TupleValue, Union, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.list_growth import counts_of
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.loops import Loops
from auditor.static.transfer.room import TransferRoom


class Elements:
    """Puts elements into containers and reads them at an index."""

    def __init__(
        self, machine: Machine, effects: EffectsRoom, transfer: TransferRoom, branches: Branches, loops: Loops
    ) -> None:
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.growth = machine.growth
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.branches = branches
        self.loops = loops

    def append(self, target: Obj, value: Value, key: Expr | None = None) -> None:
        """Add an element at the end; `key` if the container is one of a family seen at that index."""
        self.branches.takes_in(target, value)
        tail = self.transfer.list_views.tail(target)
        if tail is not None:
            self.append(tail, value, key)
            return
        entries = self.recorder.younger_entries(target)
        for known_of_whole in (Obj.aligned, Obj.length):
            if known_of_whole in target.d:
                self.heap.trail.drop(target, known_of_whole)
        elements = target.elements
        if not entries and elements is None and key is None and target.base is None:
            items = target.items
            self.heap.put(target, Obj.items, (*(items if isinstance(items, tuple) else ()), value))
            return
        known = elements if isinstance(elements, tuple) else ()
        new = Keyed(value, key, entries)
        if not self.is_known(new, known):
            self.heap.put(target, Obj.elements, (*known, new))
        self.growth.one_more(target, entries)
        if not isinstance(value, (Obj, View, Func, Class)) and not self.views.tells_apart(value, entries):
            self.heap.put(target, Obj.repeated, True)

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
        slots = {
            entry: Expr.of(Symbol("iter", (("slot", k), 0), 0)) for k, entry in enumerate(element.entries)
        }

        def change(symbol: Symbol) -> Expr | None:
            return slots.get(symbol.args[0]) if symbol.kind == "iter" else None  # type: ignore[call-overload]

        key = None if element.key is None else replace_atoms(element.key, change)
        counts = tuple(
            None if entry not in self.loops.counts else replace_atoms(self.loops.counts[entry], change)
            for entry in element.entries
        )
        return substitute(element.value, change), key, counts

    def element(self, container: Value, index: Expr | None, turns: frozenset[Symbol] = frozenset()) -> Value:
        """The element at an index; None for "some element"."""
        return self.effects.havoc.doubted_part(container, self.element_of(container, index))

    def element_of(self, container: Value, index: Expr | None) -> Value:
        if index is None:
            index = self.symbols.fresh("free")
        if isinstance(container, Const):
            return self.constant_element(container, index)
        if isinstance(container, TupleValue):
            if index.is_constant and -len(container.items) <= index.constant < len(container.items):
                return container.items[index.constant]
            return self.some_item(container.items, index)
        if isinstance(container, Union):
            out: Value | None = None
            for option in container.options:
                if isinstance(option, Const) and option.value is None:
                    continue
                if not (isinstance(option, Obj) and option.kind == "list" and self.nothing_in(option)):
                    out = self.decisions.join(out, self.element(option, index))
            return out if out is not None else CLEAN
        if (
            index.is_constant
            and index.constant < 0
            and isinstance(container, (Obj, View))
            and not self.loops.known_items(container)
        ):
            index = self.symbols.fresh("opaque", *(Expr.of(r.counter) for r in self.recorder.running))
        if isinstance(container, View):
            inner = self.object_element(container.base, index, container.key)
            return substitute(inner, by_entry(container.mapping))
        if isinstance(container, Obj):
            return self.object_element(container, index, None)
        if isinstance(container, Data):
            return self.data_element(container, index)
        return CLEAN

    def nothing_in(self, container: Obj) -> bool:
        """Whether a list has no element, directly or because what it is a part of has none."""
        base = container.base
        if isinstance(base, Obj):
            return base.kind == "list" and self.nothing_in(base)
        return base is None and container.items == () and container.elements is None

    def constant_element(self, container: Const, index: Expr) -> Value:
        value = container.value
        if isinstance(value, range):
            return SymbolicInt(index.scaled(value.step) + value.start, container.settings)
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
            out = self.decisions.join(out, item)
        if isinstance(out, (Data, Const, SymbolicInt)) and index.iterations():
            if self.views.number(out) is not None:
                return SymbolicInt(self.symbols.fresh("opaque", index))
            record = out if isinstance(out, Data) else self.views.data(out)
            return replace(record, turns=record.turns | index.iterations())
        return out if out is not None else CLEAN

    def object_element(self, container: Obj, index: Expr, key: Expr | None) -> Value:
        if container.kind == "iterator":
            return self.iterator_element(container, index)
        if container.kind in ("tensor", "module", "instance"):
            return self.data_element(self.views.data(container), index)
        if container.shifted and (index.is_constant or index.terms[0][0].kind != "opaque"):
            # elements were taken out: what stands where is not followed
            index = self.symbols.fresh(
                "opaque", index, *(Expr.of(loop.counter) for loop in self.recorder.running)
            )
        joined = container.joined
        if isinstance(joined, tuple):
            return self.transfer.list_views.joined_element(joined, index)
        base = container.base
        if isinstance(base, Value):
            lower, step = container.lower, container.step
            assert isinstance(lower, Expr) and isinstance(step, int)
            if container.permuted:
                pick = Symbol("pick", (container.number, "order", index), 0)
                index = Expr.of(pick.knowing(facts=self.bounds(base, Expr.of(pick))))
            return self.element(base, index.scaled(step) + lower)
        items = container.items
        elements = container.elements
        content = container.content
        if container.kind == "dict" and isinstance(content, Data) and not elements and not items:
            return self.data_element(content, index)
        if elements is None:
            if not isinstance(items, tuple) or not items:
                return CLEAN
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
            out = self.decisions.join(out, option)
        return out if out is not None else CLEAN

    def at_key(self, table: Obj, key: Expr) -> Value:
        """The entry of a dictionary at an integer key: an element that was put there under that key."""
        elements = table.elements
        out: Value | None = None
        for element in elements if isinstance(elements, tuple) else ():
            by_key = key if isinstance(element, Keyed) and element.key is not None else None
            out = self.decisions.join(out, self.built_element(table, element, key, by_key))
        return out if out is not None else CLEAN

    def bounds(self, container: Value, index: Expr) -> tuple[Expr, ...]:
        """That an index is one of the container's, as expressions that are not negative."""
        length = self.loops.length(container)
        facts = [] if length is None else [length - 1 - index]
        if isinstance(container, Obj) and isinstance(container.base, Value):
            lower, step = container.lower, container.step
            inner = container.base
            if isinstance(lower, Expr) and isinstance(step, int) and isinstance(inner, Value):
                facts.extend(self.bounds(inner, index.scaled(step) + lower))
        return tuple(facts)

    def built_element(self, container: Obj, element: Value, index: Expr, key: Expr | None) -> Value:
        """An element that a loop put there, seen at an index: the loop's counters become functions of the index."""
        value, fill_key, entries = element, None, container.entries or ()
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
            only = index.terms[0][0] if entries and len(index.terms) == 1 and index.terms[0][1] == 1 else None
            if only is not None and only.kind in ("opaque", "free") and not index.constant:
                index = Expr.of(self.bounded([Symbol(only.kind, only.args, 0)], entries[:1])[0])
            return tuple((entry, index) for entry in entries)
        if container.repeated:
            return tuple((entry, self.symbols.fresh("opaque", index)) for entry in entries)
        buckets = () if key is None else (key,)
        if len(entries) == 1:
            chosen = [Symbol("at", ((container.number, entries[0]), index, *buckets), 0)]
        else:
            chosen = [Symbol("pick", (container.number, entry, index, *buckets), 0) for entry in entries]
        chosen = self.bounded(chosen, entries)
        kept = container.turn_facts
        if isinstance(kept, tuple):
            turns = by_entry(tuple((e, Expr.of(a)) for e, a in zip(entries, chosen, strict=True)))
            chosen = [
                symbol.knowing(facts=tuple(replace_atoms(fact, turns) for fact in kept)) for symbol in chosen
            ]
        if key is not None and fill_key is not None:
            plain = tuple((e, Expr.of(a)) for e, a in zip(entries, chosen, strict=True))
            seen = replace_atoms(fill_key, by_entry(plain))
            facts = (seen - key, key - seen)
            chosen = [symbol.knowing(facts=facts) for symbol in chosen]
        return tuple((e, Expr.of(a)) for e, a in zip(entries, chosen, strict=True))

    def in_any_turn(self, container: Obj, element: Value) -> Value:
        """An element as what all of its kind are: the counters of the loops that put it there take any turn.

        Which turn it was that put the first one there says nothing of the others. Where a turn may have put none
        there, which ones did is not known.
        """
        if not isinstance(element, Keyed) or not element.entries:
            return element
        every = all(isinstance(count, Const) and count.value for count in counts_of(container).values())
        chosen = [
            Symbol("iter", (("any", entry), 1), 0) if every else Symbol("pick", (container.number, entry), 0)
            for entry in element.entries
        ]
        bounded = self.bounded(
            chosen, element.entries, none_of_this_turn=self.has_none_of_this_turn(container)
        )
        turns = [Expr.of(symbol) for symbol in bounded]
        mapping = tuple(zip(element.entries, turns, strict=True))
        value = element.value
        if isinstance(value, Obj) and value.kind in ("list", "dict", "tensor", "instance"):
            return View(value, mapping, turns[-1])
        return substitute_by_entry(value, mapping)

    def has_none_of_this_turn(self, container: Obj) -> bool:
        """Whether one loop fills a list, and the turn of it that runs has not added anything yet."""
        loops = {entry for _, entry, _ in counts_of(container)}
        now = {(loop.entry, loop.iteration) for loop in self.recorder.running if loop.entry in loops}
        filled = {(entry, iteration) for _, entry, iteration in counts_of(container)}
        return len(loops) == 1 and len(now) == 1 and not now & filled

    def bounded(
        self, chosen: Sequence[Symbol], entries: Sequence[object], *, none_of_this_turn: bool = False
    ) -> list[Symbol]:
        """The turns that put an element there, with what is known of them: the loop's length, or that it still runs.

        The length of an inner loop depends on the turn of the outer one.
        """
        late = 1 if none_of_this_turn and len(entries) == 1 else 0
        running = {loop.entry: Expr.of(loop.counter) - late for loop in self.recorder.running}
        out: list[Symbol] = []
        for symbol, entry in zip(chosen, entries, strict=True):
            high = running.get(entry) if isinstance(entry, int) else None
            if high is None and isinstance(entry, int) and entry in self.loops.counts:
                outer = tuple(zip(entries, (Expr.of(a) for a in out), strict=False))
                high = replace_atoms(self.loops.counts[entry], by_entry(outer)) - 1
            out.append(symbol if high is None else symbol.knowing(high=high))
        return out

    def is_aligned(self, container: Obj, entries: Sequence[object]) -> bool:
        """Whether the list got exactly one element in each turn of one loop, from its beginning."""
        if container.aligned:
            return True
        if len(entries) != 1 or container.items or container.entries is not None:
            return False
        counts = counts_of(container)
        loops = {entry for _, entry, _ in counts}
        return len(loops) == 1 and all(isinstance(c, Const) and c.value == 1 for c in counts.values())

    def holds_all_turns(self, container: Obj, element: Keyed) -> bool:
        """Whether a list got an element in every turn of a loop that is over and went to its end."""
        (entry, *others) = element.entries or (None,)
        if others or entry is None or entry in self.recorder.entries() or entry in self.growth.broken_off:
            return False
        return self.is_aligned(container, element.entries)

    def iterator_element(self, container: Obj, index: Expr) -> Value:
        parts = container.parts
        assert isinstance(parts, tuple)
        start = container.start
        out: list[Value] = []
        if isinstance(start, Expr):
            out.append(SymbolicInt(start + index))
        out.extend(self.element(part, index) for part in parts)
        return TupleValue(tuple(out))

    def data_element(self, container: Data, index: Expr) -> Value:
        """An element of an array or tensor."""
        if container.array is not None:
            return SymbolicInt(container.array.element(index), container.settings)
        if container.span is not None:
            return SymbolicInt(container.span[0] + index, container.settings)
        return self.transfer.slicing.narrow(container, [SymbolicInt(index)])
