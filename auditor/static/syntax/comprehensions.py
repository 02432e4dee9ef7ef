"""Comprehensions.

One whose element makes no event stands for any of its turns: a list whose element is a function of the turn. One
with effects, such as `[fit(chunk) for chunk in chunks]`, runs as the loop that it is.
"""

from __future__ import annotations

import ast

from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.static.ast_text import ast_text
from auditor.static.domain.flow import Body, RunningLoop, Status
from auditor.static.domain.heap import Class, Env, Func, Obj
from auditor.static.domain.provenance import DRAWN
from auditor.static.domain.values import Const, Consume, Generator, Keyed, SymbolicBool, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.assignments import Assignments
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.elements import Elements
from auditor.static.syntax.generators import Generators
from auditor.static.syntax.loops import Loops, target_name
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.room import TransferRoom
from auditor.trace.answer import Answer

MAX_EXACT = 16
"""Known items up to which a comprehension without effects is evaluated item by item."""

MAX_EXACT_RANGE = 4
"""The same for numbers: `a, b, c = (torch.zeros(()) for _ in range(3))`; more of them are one family."""

Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


class Comprehensions:
    """Evaluates comprehensions and generator expressions."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        branches: Branches,
        generators: Generators,
        assignments: Assignments,
        loops: Loops,
        elements: Elements,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.branches = branches
        self.generators = generators
        self.assignments = assignments
        self.loops = loops
        self.elements = elements

    def comprehension(self, node: Comprehension, env: Env) -> Value:
        mark, last = self.heap.trail.mark(), self.recorder.numbering.last
        effects, scores = self.recorder.effects, self.recorder.scores
        found = self.without_effects(node, env)
        lazy = isinstance(node, ast.GeneratorExp) and self.recorder.scores != scores
        if self.recorder.effects == effects and not lazy:
            return found
        self.heap.trail.undo(mark)
        self.effects.scoring.retract(last)
        return self.effectful(node, env)

    # with effects: the loop that it is
    def effectful(self, node: Comprehension, env: Env) -> Value:
        scope = Env(env)
        # the first iterable is evaluated at once, also by a generator expression
        first = self.generators.iterated(self.machine.evaluate.evaluate(node.generators[0].iter, env), node)
        if isinstance(node, ast.GeneratorExp):
            return Generator(
                self.generators.framed(lambda consume: self.levels(node, scope, first, consume)), node
            )
        out = self.heap.allocate("dict" if isinstance(node, ast.DictComp) else "list", node)

        def keep(value: Value) -> Status:
            if isinstance(node, ast.DictComp):
                self.transfer.item_assignment.store(
                    out, self.machine.evaluate.evaluate(node.key, scope), value, node, scope, augmented=False
                )
            else:
                self.elements.append(out, value)
            return None

        self.levels(node, scope, first, keep)
        return out

    def levels(
        self, node: Comprehension, scope: Env, iterable: Value, consume: Consume, depth: int = 0
    ) -> None:
        """Run the `for` parts from `depth` on; the innermost turn hands the element to `consume`."""
        generator = node.generators[depth]

        def turn() -> Status:
            outcomes = [
                self.decisions.truth(
                    self.special_methods.tested(self.machine.evaluate.evaluate(test, scope), test)
                )
                for test in generator.ifs
            ]
            if False in outcomes:
                return None
            if None not in outcomes:
                return inside()
            self.recorder.certainty.append(Answer.MAYBE)
            try:
                return inside()
            finally:
                self.recorder.certainty.pop()

        def inside() -> Status:
            if depth + 1 == len(node.generators):
                return consume(
                    self.machine.evaluate.evaluate(
                        node.value if isinstance(node, ast.DictComp) else node.elt, scope
                    )
                )
            inner = self.generators.iterated(
                self.machine.evaluate.evaluate(node.generators[depth + 1].iter, scope), node
            )
            self.levels(node, scope, inner, consume, depth + 1)
            return None

        body = Body(
            node=node, variable=target_name(generator.target), detail=ast_text(generator.iter), run=turn
        )
        self.loops.each(iterable, lambda value: self.assignments.assign(generator.target, value, scope), body)

    # without effects: one turn that stands for any
    def without_effects(self, node: Comprehension, env: Env) -> Value:
        table = None if isinstance(node, ast.DictComp) else self.transfer.tokenizers.kinds_listed(node, env)
        if table is not None:
            return table
        exact = None if isinstance(node, ast.DictComp) else self.exact_comprehension(node, env)
        if exact is None:
            return self.any_turn(node, env)
        out = self.heap.allocate("list", node)
        out.items = exact
        return out

    def any_turn(self, node: Comprehension, env: Env) -> Value:
        """A comprehension as a list whose element is a function of the turn."""
        scope = Env(env)
        started = 0
        filtered = False
        drawn = False
        tests: list[Value] = []
        entries: list[int] = []
        length: Expr | None = None
        try:
            for generator in node.generators:
                iterable = self.generators.iterated(
                    self.machine.evaluate.evaluate(generator.iter, scope), node
                )
                entry = self.recorder.next_entry()
                entries.append(entry)
                drawn = drawn or DRAWN in self.views.data(iterable).marks
                count = self.loops.length(iterable)
                length = count
                high = None if count is None else count - 1
                if count is not None:
                    self.loops.counts[entry] = count
                counter = Symbol("iter", (entry, 1), 0, high)
                self.recorder.running.append(RunningLoop(entry, 1, counter, target_name(generator.target)))
                started += 1
                items = self.loops.known_items(iterable)
                if items is not None and len(items) == 1:
                    self.assignments.assign(generator.target, items[0], scope)
                else:
                    self.assignments.assign(
                        generator.target,
                        self.elements.element(self.loops.indexable(iterable), Expr.of(counter)),
                        scope,
                    )
                for condition in generator.ifs:
                    tests.append(
                        self.special_methods.tested(
                            self.machine.evaluate.evaluate(condition, scope), condition
                        )
                    )
                    outcome = self.decisions.truth(tests[-1])
                    if outcome is False and items is None:
                        continue
                    filtered = filtered or outcome is not True
            if isinstance(node, ast.DictComp):
                key: Value | None = self.machine.evaluate.evaluate(node.key, scope)
                value = self.machine.evaluate.evaluate(node.value, scope)
            else:
                key, value = None, self.machine.evaluate.evaluate(node.elt, scope)
            for test in tests:
                value = self.effects.formulas.with_index(test, value, node)
        finally:
            for _ in range(started):
                self.recorder.running.pop()
        if isinstance(node, ast.DictComp):
            table = self.heap.allocate("dict", node)
            number = None if key is None else self.views.number(key)
            table.elements = (value if number is None else Keyed(value, number, tuple(entries)),)
            keys = self.heap.allocate("list", node)
            keys.elements = (key,) if key is not None else ()
            keys.entries = tuple(entries)
            keys.aligned = len(entries) == 1 and not filtered
            table.keys = keys
            # of several turns with one key the last alone is kept
            table.repeated = key is None or not self.views.tells_apart(key, entries)
            return table
        out = self.heap.allocate("list", node)
        for test in tests:
            by = (
                ""
                if self.decisions.truth(test) is not None or "equals" in self.views.data(test).marks
                else self.branches.decides(test)
            )
            if by:
                self.branches.leave_out("filter", by, ast_text(node), node, [("list", out.number)])
        if drawn:
            self.branches.leave_out("filter", "chance", ast_text(node), node, [("list", out.number)])
        out.elements = (value,)
        out.entries = tuple(entries)
        kept = tuple(
            fact for test in tests if isinstance(test, SymbolicBool) for fact in facts_of(test.condition)
        )
        if kept:
            out.turn_facts = kept
        if len(entries) == 1 and not filtered:
            out.aligned = True
            if length is not None:
                out.length = length
        if not isinstance(value, (Obj, Func, Class)) and not self.views.tells_apart(value, entries):
            out.repeated = True
        return out

    def exact_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, env: Env
    ) -> tuple[Value, ...] | None:
        """The items themselves, if there is one generator over few known items."""
        if len(node.generators) != 1:
            return None
        generator = node.generators[0]
        iterable = self.generators.iterated(self.machine.evaluate.evaluate(generator.iter, env), node)
        items = self.loops.known_items(iterable)
        if items is None and isinstance(iterable, Const) and isinstance(iterable.value, range):
            if len(iterable.value) <= MAX_EXACT_RANGE:
                items = [Const(i, iterable.settings) for i in iterable.value]
        if items is None or len(items) > MAX_EXACT:
            return None
        scope = Env(env)
        out: list[Value] = []
        for item in items:
            self.assignments.assign(generator.target, item, scope)
            outcomes = [
                self.decisions.truth(self.special_methods.tested(self.machine.evaluate.evaluate(c, scope), c))
                for c in generator.ifs
            ]
            if any(o is None for o in outcomes):
                return None
            if all(outcomes):
                out.append(self.machine.evaluate.evaluate(node.elt, scope))
        return tuple(out)


def facts_of(condition: Condition) -> tuple[Expr, ...]:
    """A condition as expressions that are not negative where it holds."""
    difference = condition.difference
    return (difference,) if condition.operator == ">=" else (difference, -difference)
