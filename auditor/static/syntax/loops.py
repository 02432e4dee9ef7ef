"""Loops and comprehensions.

A loop body runs for two abstract turns, and for a third if it updates a state: the first turn is exact (counter
0), the others stand for any later ones, in order. So an effect is seen by every later turn, and a proof about
two turns holds for any two. Integers that a turn changes by a constant are followed as affine in the counter;
anything else that a turn changes is forgotten before the last turn.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation, replace_atoms
from auditor.static.ast_text import ast_text
from auditor.static.domain.cells import Cell
from auditor.static.domain.flow import Body, Deferral, RunningLoop, Status
from auditor.static.domain.heap import MISSING, Env, Holder, Key, Obj, View
from auditor.static.domain.lattice import by_entry
from auditor.static.domain.provenance import CLEAN, DRAWN, SPACED, Data
from auditor.static.domain.values import Const, Keyed, SymbolicBool, SymbolicInt, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.countdown import Countdown
from auditor.static.interpreter.list_growth import counts_of
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.assignments import Assignments
from auditor.static.syntax.branches import Branches, TurnStart
from auditor.static.syntax.counted_while import CountedWhile
from auditor.static.syntax.generators import Generators
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom

MAX_UNROLLED = 3
MAX_UNROLLED_LITERAL = 6


@dataclass(slots=True)
class Induction:
    """An integer that a turn changes by `delta`: `base + delta·counter`."""

    holder: Holder
    key: Key
    base: Expr
    delta: Expr
    predicted: Expr


class Loops:
    """Runs `for`, `while` and comprehensions."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        statements: Statements,
        branches: Branches,
        generators: Generators,
        assignments: Assignments,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.growth = machine.growth
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.statements = statements
        self.branches = branches
        self.generators = generators
        self.assignments = assignments
        self.counted_while = CountedWhile(machine)
        self.counts: dict[int, Expr] = {}
        self.miscounted: set[int] = set()
        self.broken_off = False

    def exec_For(self, node: ast.For | ast.AsyncFor, env: Env) -> Status:
        body = Body(
            node=node,
            variable=target_name(node.target),
            detail=ast_text(node.iter),
            run=lambda: self.statements.block(node.body, env),
        )
        iterable = self.generators.iterated(self.machine.evaluate.evaluate(node.iter, env), node)

        def take(value: Value) -> None:
            self.assignments.assign(node.target, value, env)

        kinds = self.transfer.tokenizers.kinds_to_visit(node, iterable, env)
        if kinds is not None:
            status = self.unrolled(kinds, take, self.recorder.next_entry(), body)
        else:
            status = self.each(iterable, take, body)
        if status in ("return", "raise"):
            return status
        return self.otherwise(node, status, env)

    exec_AsyncFor = exec_For

    def each(self, iterable: Value, take: Callable[[Value], None], body: Body) -> Status:
        """Run the body for each element of what is iterated; `take` gives the loop's targets their values."""
        depth = len(self.branches.left_out)
        if isinstance(iterable, Data) and DRAWN in iterable.marks:
            self.branches.left_out.append(("filter", "chance", body.detail, body.node))
        elif isinstance(iterable, Data) and SPACED in iterable.marks:
            self.branches.left_out.append(("filter", "unknown", body.detail, body.node))
        for part in shown_by(iterable):
            if part.number in self.branches.thinned_lists:
                self.branches.left_out.append(self.branches.thinned_lists[part.number])
            elif part.several_ways and not all(
                isinstance(count, Const) and count.value for count in counts_of(part).values()
            ):
                self.branches.left_out.append(("branch", "unknown", body.detail, body.node))
        try:
            return self.each_of(iterable, take, body)
        finally:
            del self.branches.left_out[depth:]

    def each_of(self, iterable: Value, take: Callable[[Value], None], body: Body) -> Status:
        generator = self.generators.as_generator(iterable)
        if generator is not None:
            return self.generators.driven(generator, take, body)
        items = self.known_items(iterable)
        limit = MAX_UNROLLED_LITERAL if isinstance(iterable, TupleValue) else MAX_UNROLLED
        entry = self.recorder.next_entry()
        perhaps = items is not None and not items and self.decisions.is_open(iterable)
        if items is not None and len(items) <= limit and not perhaps:
            return self.unrolled(items, take, entry, body)
        source = self.indexable(iterable)
        mark = self.heap.trail.mark()
        status = self.turns(
            body,
            entry,
            None if perhaps else self.length(iterable),
            lambda counter: take(self.machine.evaluate.element(source, Expr.of(counter))),
        )
        if status is None and (entry in self.growth.broken_off or self.are_files(iterable)):
            self.branches.may_not_have_run(mark)
        return status

    def are_files(self, iterable: Value) -> bool:
        """Whether a loop goes through what a folder holds, which may be nothing; shards of the data are there."""
        record = self.views.data(iterable)
        return "file" in record.marks and not record.regions and "train" not in record.marks

    def unrolled(
        self, items: Sequence[Value], take: Callable[[Value], None], entry: int, body: Body
    ) -> Status:
        for position, item in enumerate(items):
            counter = Symbol("iter", (entry, position + 1), position, Expr(position))
            take(item)
            status = self.turn(body, RunningLoop(entry, position + 1, counter, body.variable), len(items))
            if status in ("return", "break", "raise"):
                return status
        return None

    def exec_While(self, node: ast.While, env: Env) -> Status:
        test = self.special_methods.tested(self.machine.evaluate.evaluate(node.test, env), node)
        if self.decisions.truth(test) is False and not self.decisions.is_open(test):
            return self.statements.block(node.orelse, env) if node.orelse else None

        entry = self.recorder.next_entry()
        countdown = self.counted_while.countdown(node, env)

        def bind(counter: Symbol) -> None:
            if counter.args[1] != 1:
                again = self.special_methods.tested(self.machine.evaluate.evaluate(node.test, env), node)
                if countdown is not None and not holds(countdown, counter, again):
                    # something else moves what is counted: how many turns there are is not known
                    self.counts.pop(entry, None)
                    self.growth.broke_off(entry)
                    self.miscounted.add(entry)

        changed = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        tested = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
        always = isinstance(test, Const) and bool(test.value) and not changed & tested

        by = self.branches.decides(test)

        def run() -> Status:
            self.effects.clocks.enter_capped_loop(node)
            if by in ("time", "chance"):
                self.branches.left_out.append(("break", by, ast_text(node.test), node))
            elif entry in self.miscounted:
                self.branches.left_out.append(("break", "unknown", ast_text(node.test), node))
            return self.statements.block(node.body, env)

        body = Body(node=node, variable="while", detail=ast_text(node.test), run=run)
        count = None if countdown is None else countdown.turns
        mark = self.heap.trail.mark()
        status = self.turns(body, entry, count, bind, always=always)
        if not always and (count is None or entry in self.growth.broken_off) and status is None:
            self.branches.may_not_have_run(mark)
        if status in ("return", "raise"):
            return status
        return self.otherwise(node, "break" if always else status, env)

    def otherwise(self, node: ast.For | ast.AsyncFor | ast.While, status: Status, env: Env) -> Status:
        """The `else` of a loop: runs unless the loop was broken off, perhaps if that is not known."""
        broken, self.broken_off = self.broken_off, False
        if not node.orelse or status == "break":
            return None
        if broken:
            return self.branches.fork([(node.orelse, None), ([], None)], env, node, "else")
        return self.statements.block(node.orelse, env)

    def turns(
        self,
        body: Body,
        entry: int,
        count: Expr | None,
        bind: Callable[[Symbol], None],
        *,
        always: bool = False,
    ) -> Status:
        """Run the abstract turns of a loop; `bind` gives the loop's targets their values for a counter."""
        if count is not None and count.is_constant and count.constant <= 0:
            return None
        known = count.constant if count is not None and count.is_constant else None
        mark = self.heap.trail.mark()
        effects = self.recorder.effects
        inductions: list[Induction] = []
        last = min(known, 2) if known is not None else 2
        iteration = 1
        while iteration <= last:
            counter = self.counter(entry, iteration, count)
            if iteration == 2:
                inductions = self.find_inductions(mark, counter)
            elif iteration == 3:
                self.check_inductions(inductions, counter)
            bind(counter)
            status = self.turn(body, RunningLoop(entry, iteration, counter, body.variable), known)
            if status is not None and status != "continue":
                self.growth.broke_off(entry)
            if status == "break":
                self.branches.may_not_have_run(mark)
                return status
            if status in ("return", "raise"):
                return status if always or known is not None or iteration > 1 else None
            if (
                iteration == 2
                and known != 2
                and (self.recorder.effects != effects or self.failed(inductions))
            ):
                last = 3
            iteration += 1
        return None

    def counter(self, entry: int, iteration: int, count: Expr | None) -> Symbol:
        if count is not None:
            self.counts[entry] = count
        symbol = Symbol("iter", (entry, iteration), iteration - 1, None if count is None else count - 1)
        if iteration > 1:
            return symbol
        # the first turn, which also stands for any turn in proofs: its general bound stays known
        facts = () if count is None else (count - 1 - Expr.of(symbol),)
        return Symbol("iter", (entry, iteration), 0, Expr(0), facts)

    def turn(self, body: Body, loop: RunningLoop, known: int | None) -> Status:
        outer = self.recorder.node
        self.recorder.node = outer.child("loop", loop.variable, self.recorder.place(body.node))
        self.recorder.node.entries.add(loop.entry)
        self.recorder.node.count = known
        self.recorder.node.detail = body.detail
        self.recorder.running.append(loop)
        depth, guards = len(self.frames.conditions), len(self.effects.formulas.score_tests)
        left_out = len(self.branches.left_out)
        known_ends = len(self.growth.ends.get(loop.entry, ()))
        start = TurnStart(loop.entry, depth, self.recorder.scores, len(self.frames.returns))
        self.branches.turns.append(start)
        outside, self.branches.went_on = self.branches.went_on, []
        waiting, self.frames.deferred = self.frames.deferred, []
        with self.growth.in_turn(loop.entry):
            try:
                return body.run()
            finally:
                del self.effects.formulas.score_tests[guards:]
                del self.branches.left_out[left_out:]
                self.branches.turns.pop()
                self.branches.went_on = outside
                self.recorder.running.pop()
                self.recorder.node = outer
                del self.frames.conditions[depth:]
                left, self.frames.deferred = self.frames.deferred, waiting
                ends = sum(status != "continue" for status, _, _ in left)
                if ends:
                    self.growth.broken_off.add(loop.entry)
                if ends > len(self.growth.ends.get(loop.entry, ())) - known_ends:
                    self.growth.ends_unknown.add(loop.entry)
                self.settle_deferred(left)

    def settle_deferred(self, left: list[Deferral]) -> None:
        """At the end of a turn: what arms that broke off left counts; those that return wait for the function's end."""
        for status, changes, choice in left:
            if status in ("return", "raise"):
                self.frames.deferred.append((status, changes, choice))
            else:
                self.broken_off = self.broken_off or status == "break"
                changes = {**self.growth.of_none(status), **changes}
                self.branches.merge(changes, choice=choice)

    # integers that turns change
    def find_inductions(self, mark: int, counter: Symbol) -> list[Induction]:
        """After the first turn: integers it changed continue as affine in the counter; the rest is forgotten."""
        found: list[Induction] = []
        for holder, key, old in self.heap.trail.changed(mark).values():
            if old is MISSING or (isinstance(key, Cell)):
                continue
            new = holder.d.get(key, MISSING)
            before = self.views.number(old) if isinstance(old, Value) else None
            after = self.views.number(new) if isinstance(new, Value) else None
            if before is not None and after is not None:
                if isinstance(getattr(old, "value", 0), bool) or before == after:
                    continue
                delta = after - before
                if any(symbol.args[0] == counter.args[0] for symbol in delta.iterations()):
                    self.heap.trail.put(
                        holder, key, SymbolicInt(self.symbols.fresh("opaque", Expr.of(counter)))
                    )
                    continue
                predicted = before + operation("mul", Expr.of(counter), delta)
                self.heap.trail.put(holder, key, SymbolicInt(predicted))
                found.append(Induction(holder, key, before, delta, predicted))
            elif isinstance(old, Const) and isinstance(new, Const) and old != new:
                if isinstance(new.value, float) or isinstance(old.value, float):
                    self.heap.trail.put(holder, key, Data(turns=frozenset((counter,))))
        return found

    def failed(self, inductions: list[Induction]) -> bool:
        return any(self.broken(induction) for induction in inductions)

    def broken(self, induction: Induction) -> bool:
        """Whether the second turn changed the integer otherwise than predicted."""
        value = induction.holder.d.get(induction.key)
        after = self.views.number(value) if isinstance(value, Value) else None
        return after is None or after - induction.predicted != induction.delta

    def check_inductions(self, inductions: list[Induction], counter: Symbol) -> None:
        for induction in inductions:
            if self.broken(induction):
                self.heap.trail.put(
                    induction.holder,
                    induction.key,
                    SymbolicInt(self.symbols.fresh("opaque", Expr.of(counter))),
                )
            else:
                predicted = induction.base + operation("mul", Expr.of(counter), induction.delta)
                self.heap.trail.put(induction.holder, induction.key, SymbolicInt(predicted))

    # what is iterated
    def known_items(self, iterable: Value) -> Sequence[Value] | None:
        if isinstance(iterable, TupleValue):
            return iterable.items
        if isinstance(iterable, Const):
            if isinstance(iterable.value, range):
                if len(iterable.value) <= MAX_UNROLLED:
                    return [Const(i, iterable.settings) for i in iterable.value]
                return None
            if isinstance(iterable.value, (tuple, list)):
                return [Const(i, iterable.settings) for i in iterable.value]
        if isinstance(iterable, Obj) and iterable.kind == "list" and iterable.elements is None:
            items = iterable.items
            if isinstance(items, tuple) and iterable.base is None:
                return items
        return None

    def length(self, value: Value) -> Expr | None:
        """The number of elements, where it is known as an expression."""
        if isinstance(value, Const):
            try:
                return Expr(len(value.value))  # type: ignore[arg-type]
            except TypeError:
                return None
        if isinstance(value, TupleValue):
            return Expr(len(value.items))
        if isinstance(value, Data):
            return self.transfer.tensor_methods.data_length(value, value)
        if isinstance(value, Obj):
            return self.object_length(value)
        if isinstance(value, View):
            length = self.object_length(value.base)
            return None if length is None else replace_atoms(length, by_entry(value.mapping))
        return None

    def object_length(self, value: Obj) -> Expr | None:
        length = value.length
        if isinstance(length, Expr):
            return length
        joined = value.joined
        if isinstance(joined, tuple):
            return self.transfer.list_views.joined_length(joined)
        base = value.base
        if isinstance(base, Value):
            return self.slice_length(value, base)
        items = value.items
        if isinstance(items, tuple) and value.elements is None:
            return Expr(len(items))
        parts = value.parts
        if isinstance(parts, tuple) and parts:
            lengths = [self.length(part) for part in parts]
            known = [n for n in lengths if n is not None]
            if known and len(known) == len(lengths):
                return operation("min", *known)
        elements = value.elements
        if isinstance(elements, tuple) and elements:
            entries = {e.entries if isinstance(e, Keyed) else None for e in elements}
            if len(entries) == 1:
                (only,) = entries
                if only is not None and len(only) == 1 and self.machine.evaluate.is_aligned(value, only):
                    return self.growth.turns_taken(only[0], value.number, self.counts.get(only[0]))
        return None

    def slice_length(self, value: Obj, base: Value) -> Expr | None:
        whole = self.length(base)
        lower, step, most = value.lower, value.step, value.most
        if whole is None or not isinstance(lower, Expr) or not isinstance(step, int):
            unknown = Expr.of(Symbol("size", (("slice", value.number),), 0))
            return operation("min", unknown, most) if isinstance(most, Expr) else None
        rest = operation("floordiv", whole - lower + (step - 1), Expr(step)) if step > 1 else whole - lower
        return operation("min", rest, most) if isinstance(most, Expr) else rest

    def indexable(self, value: Value) -> Value:
        """What `element` is asked of when iterating over a value: dictionaries give their keys."""
        if isinstance(value, Obj) and value.kind == "dict":
            keys = value.keys
            return keys if isinstance(keys, Value) else CLEAN
        return value


def holds(countdown: Countdown, counter: Symbol, test: Value) -> bool:
    """Whether a loop's test, asked in a later turn, compares what the countdown says."""
    if isinstance(test, Const):
        return bool(test.value)
    return (
        isinstance(test, SymbolicBool)
        and test.condition.operator == ">="
        and test.condition.difference == countdown.at(counter)
    )


def shown_by(value: object) -> Iterator[Obj]:
    """The lists whose elements a value shows."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, View):
            waiting.append(part.base)
        if isinstance(part, Obj):
            yield part
            parts, joined = part.parts, part.joined
            waiting.append(part.base)
            for several in (parts, joined):
                waiting.extend(several if isinstance(several, tuple) else ())


def target_name(target: ast.expr) -> str:
    """The name a loop goes by: its variable, or for several the last one that is a plain name."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, (ast.Tuple, ast.List)) and target.elts:
        names = [target_name(t) for t in target.elts]
        return ",".join(n for n in names if n != "_") or "_"
    if isinstance(target, ast.Starred):
        return target_name(target.value)
    return "_"
