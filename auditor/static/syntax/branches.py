"""Branches: arms run from the same heap, and what they leave is joined."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.solver.operations import operation, replace_atoms
from auditor.static.ast_text import ast_text, once_a_node
from auditor.static.domain.flow import Changes, Choice, Status
from auditor.static.domain.heap import MISSING, Env, Holder, Obj, View, is_count_of_a_turn
from auditor.static.domain.lattice import by_entry
from auditor.static.domain.provenance import DRAWN
from auditor.static.domain.values import Const, SymbolicBool, TupleValue, Value
from auditor.static.effects.clocks import CLOCK
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.decisions import opposite
from auditor.static.interpreter.list_growth import NONE_ADDED
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom
from auditor.trace.answer import Answer
from auditor.trace.events import LoopEnd, Place, Skip, SkipBy, SkipHow
from auditor.trace.trace import Switch

LeftOut = tuple[SkipHow, SkipBy, str, ast.AST]
"""How and by what tokens are left out, the condition as the source has it, and where it stands."""


@dataclass(frozen=True, slots=True)
class TurnStart:
    """How things stood where the turn of a loop began.

    Attributes:
        entry: of the loop.
        conditions: how many were known.
        scores: how many had been made.
        calls: how many functions were running.
    """

    entry: int
    conditions: int
    scores: int
    calls: int


class Branches:
    """Runs one arm or several."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        statements: Statements,
    ) -> None:
        self.machine = machine
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.growth = machine.growth
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.statements = statements
        self.additions: list[set[tuple[str, int]]] = []
        self.left_out: list[LeftOut] = []
        self.turns: list[TurnStart] = []
        self.went_on: list[Condition | None] = []
        """What holds where no branch in the arm that runs ended the turn; None where that is not known."""
        self.thinned_lists: dict[int, LeftOut] = {}

    def exec_If(self, node: ast.If, env: Env) -> Status:
        simpler = one_test_each(node)
        if simpler is not None:
            return self.exec_If(simpler, env)
        test = self.special_methods.tested(self.machine.evaluate.evaluate(node.test, env), node)
        outcome = self.decisions.truth(test)
        settings = self.settings_of(test)
        place = self.recorder.place(node)
        if outcome is not None:
            body = node.body if outcome else node.orelse
            if body and isinstance(body[-1], ast.Raise) and not self.frames.trying:
                # the run went on: what is known of its settings is not what it ran with
                outcome = not outcome
                body = node.body if outcome else node.orelse
            if settings:
                self.switch(settings, node, outcome, place)
            if not self.decisions.is_open(test):
                return self.statements.block(body, env) if body else None
        condition = test.condition if isinstance(test, SymbolicBool) and outcome is None else None
        with self.effects.scoring.where_matched(test), self.effects.formulas.where_scores_pass(test, node):
            return self.fork(
                [(node.body, condition), (node.orelse, opposite(condition))],
                env,
                node,
                ast_text(node.test),
                self.effects.selection.choice(test, node),
                "" if self.asks_for_elements(node.test, env) else self.decides(test),
            )

    def asks_for_elements(self, test: ast.expr, env: Env) -> bool:
        """Whether it is `not windows`, of a list: what has no element leaves none out."""
        if not isinstance(test, ast.UnaryOp) or not isinstance(test.op, ast.Not):
            return False
        return isinstance(test.operand, ast.Name) and isinstance(
            self.machine.evaluate.evaluate(test.operand, env), (Obj, View)
        )

    def decides(self, test: Value) -> SkipBy | Literal[""]:
        """What decides a branch that no position and no setting decides: "time", "content", "chance" or "unknown"."""
        if isinstance(test, SymbolicBool):
            return "" if self.is_of_positions(test.condition) else "unknown"
        record = self.views.data(test)
        if CLOCK in record.marks:
            return "time"
        if any(region.source == "val" for region in record.regions) or record.losses or record.looks:
            return "content"
        if DRAWN in record.marks and not any(state.kind == "module" for state in record.states):
            return "chance"
        return "" if record.settings or isinstance(test, (Const, TupleValue, Obj, View)) else "unknown"

    def is_of_positions(self, condition: Condition) -> bool:
        """Whether what it compares are turns, lengths and starts of documents, in a way that is followed."""
        symbols = list(condition.difference.symbols())
        return all(a.kind not in ("free", "opaque") or "val_tokens" in a.args for a in symbols)

    def end(self, how: Status, surviving: Condition | None, what: str, node: ast.AST) -> None:
        """Record that positions, settings or nothing known end the loop that is running."""
        if not self.recorder.running or self.frames.following:
            return
        loop = self.recorder.running[-1]
        start = self.turns[-1] if self.turns else None
        if start is None or start.entry != loop.entry:
            return  # a comprehension goes through all that it is given
        if how == "return" and len(self.frames.returns) != start.calls:
            return  # of a function that the turn called
        room = None
        if how == "break" and surviving is not None and surviving.operator == ">=":
            # behind other conditions it says nothing of the turns in which those did not hold
            room = surviving.difference if len(self.frames.conditions) == start.conditions else None
        if room is not None and not self.growth.ended(loop.entry, loop.counter, room):
            if is_handed_out(room) and self.recorder.scores == start.scores:
                return  # what is scored behind it is scored while the condition holds, and says so
            room = None
        common = self.recorder.common(node)
        self.recorder.record(LoopEnd(**common, counter=loop.counter, room=room, what=what))

    def skip(self, how: Status, by: SkipBy, what: str, node: ast.AST) -> None:
        """Record that turns of the loop that is running may be left out."""
        if how in ("break", "continue") and self.recorder.running:
            self.recorder.record(Skip(**self.recorder.common(node), how=how, by=by, what=what))
            self.left_out.append((how, by, what, node))

    def leave_out(
        self, how: SkipHow, by: SkipBy, what: str, node: ast.AST, kept: Iterable[tuple[str, int]]
    ) -> None:
        """Record that scores which are added up, or elements of lists, are so on a condition alone."""
        found = sorted(kept)
        scores = tuple(number for kind, number in found if kind == "score")
        if scores:
            self.recorder.record(Skip(**self.recorder.common(node), how=how, by=by, what=what, scores=scores))
        for kind, number in found:
            if kind == "list":
                self.thinned_lists[number] = (how, by, what, node)
                self.recorder.record(
                    Skip(**self.recorder.common(node), how=how, by=by, what=what, container=number)
                )

    def adds_up(self, value: Value) -> None:
        """Scores are added to a total: by way of which arms, and although turns were left out."""
        if self.frames.following:
            return
        added = {("score", number) for number in self.views.data(value).losses}
        for arm in self.additions:
            arm |= added
        for how, by, what, node in self.left_out if added else ():
            self.leave_out(how, by, what, node, added)

    def takes_in(self, target: Obj, value: Value) -> None:
        """An element is put into a list: by way of which arms."""
        for arm in self.additions:
            arm.add(("list", target.number))
        self.kept_by_place(target)
        for how, by, what, node in self.left_out:
            # what is found by its value, such as the starts of documents, is a list of all that there are
            if by != "content":
                self.leave_out(how, by, what, node, {("list", target.number)})
        self.adds_up(value)

    def kept_by_place(self, target: Obj) -> None:
        """An element is put into a list under conditions on turns: they hold of all its elements, or nothing is known.

        In the first turn, whose number is known, a condition is decided and says nothing.
        """
        entries = set(self.recorder.younger_entries(target))
        any_turn = by_entry(tuple((entry, Expr.of(Symbol("iter", (entry, 2), 0))) for entry in entries))
        facts = tuple(
            replace_atoms(fact, any_turn)
            for fact in self.decisions.path_facts()
            if any(symbol.args[0] in entries for symbol in fact.iterations())
        )
        first = all(loop.iteration == 1 for loop in self.recorder.running if loop.entry in entries)
        known = target.turn_facts
        if not entries or facts == known or (first and not facts):
            return
        if known is None and facts:
            self.heap.put(target, Obj.turn_facts, facts)
        elif known is None:
            self.heap.put(target, Obj.turn_facts, ())
        elif known or facts:
            self.heap.put(target, Obj.turn_facts, ())
            self.heap.put(target, Obj.several_ways, True)

    def settings_of(self, value: Value) -> frozenset[str]:
        settings = getattr(value, "settings", None)
        return settings if isinstance(settings, frozenset) else frozenset()

    def switch(self, settings: frozenset[str], node: ast.If | ast.IfExp, taken: bool, place: Place) -> None:
        """Record which settings decided a branch, and whether events hang on it."""
        arms: list[ast.AST] = []
        if isinstance(node, ast.If):
            arms = [*node.body, *node.orelse]
        guards = self.transfer.calls.following.interesting(arms)
        for name in sorted(settings):
            resolved = self.script.resolved.get(name)
            if resolved is None:
                continue
            new = Switch(
                name=name,
                value=resolved.value or "",
                origin=resolved.origin,
                place=place,
                taken=taken,
                guards=guards,
            )
            if new not in self.recorder.switches:
                self.recorder.switches.append(new)

    def fork(
        self,
        arms: Sequence[tuple[Sequence[ast.stmt], Condition | None]],
        env: Env,
        node: ast.stmt,
        text: str,
        choice: Choice | None = None,
        decides: SkipBy | Literal[""] = "",
    ) -> Status:
        """Run the two arms of an undecided branch from the same heap and join what they leave.

        Args:
            decides: "time" or "content" where that, and no position, decides between them.
        """
        (first, first_condition), (second, second_condition) = arms
        mark = self.heap.trail.mark()
        added: tuple[set[tuple[str, int]], set[tuple[str, int]]] = set(), set()
        self.additions.append(added[0])
        status_first = self.arm(first, first_condition, env, node, text, "if")
        left = self.heap.trail.undo(mark)
        self.additions[-1] = added[1]
        status_second = self.arm(second, second_condition, env, node, text, "else") if second else None
        self.additions.pop()
        if decides and bool(added[0]) != bool(added[1]) and status_first is status_second is None:
            # what is found by its value, such as the starts of documents, is a list of all that there are
            found = {kept for kept in added[0] | added[1] if decides != "content" or kept[0] == "score"}
            self.leave_out("branch", decides, text, node, found)
        if status_second is not None and status_first is None:
            right = self.heap.trail.undo(mark)
            for holder, key, value in left.values():
                if value is not MISSING:
                    self.heap.trail.put(holder, key, value)
            dead: Status = status_second
            other, status = right, None
        else:
            dead, other = status_first, left
            status = status_second if status_first is not None else None
        changes = {
            cell: entry
            for cell, entry in other.items()
            if entry[2] is not MISSING and not self.goes_with(dead, entry[0])
        }
        changes = {**self.growth.of_the_other(mark, dead), **self.untouched(mark, dead, other), **changes}
        if dead is not None:
            surviving = second_condition if dead is status_first else first_condition
            if decides and surviving is None and not added[0 if dead is status_first else 1]:
                self.skip(dead, decides, text, node)
            elif not decides and dead in ("break", "return"):
                self.end(dead, surviving, text, node)
            if dead == "continue" and not decides and surviving is None:
                surviving = elsewhere(first_condition if dead is status_first else second_condition)
            if status is None and surviving is not None:
                self.frames.conditions.append(surviving)
            if status is None and dead == "continue" and not decides:
                self.went_on.append(surviving)
            if dead != "raise" or self.frames.trying:
                self.frames.deferred.append((dead, changes, choice))
            return status
        self.merge(changes, first_condition, flipped=other is not left, choice=choice)
        return status

    def untouched(self, mark: int, dead: Status, touched: Changes) -> Changes:
        """What the other arm than the present one left as it was at a mark, and the present one may change.

        Where both go on: what the present arm did change. Of one that breaks off: the updates that states had taken in,
        which a reset behind the branch takes back on the other path alone.
        """
        at_mark = self.heap.trail.changed(mark)
        if dead is None:
            return {
                cell: (holder, key, old)
                for cell, (holder, key, old) in at_mark.items()
                if cell not in touched
                and (isinstance(old, Value) or (key in (Obj.history, Obj.pending) and old is not MISSING))
            }
        found: Changes = {}
        for carrier in self.heap.carriers.values():
            for key in (Obj.history, Obj.pending):
                cell = id(carrier), key
                old = at_mark[cell][2] if cell in at_mark else carrier.d.get(key)
                if isinstance(old, frozenset) and old and cell not in touched:
                    found[cell] = carrier, key, old
        return found

    def may_not_have_run(self, mark: int) -> None:
        """What ran since a mark may not have run, or not to its end: states keep the updates that it took back."""
        self.merge(self.untouched(mark, "raise", {}))

    def goes_with(self, dead: Status, holder: Holder) -> bool:
        """Whether what an arm left in a holder goes where the arm ends: with its function, or with the whole script."""
        if dead == "raise":
            return not self.frames.trying
        return dead == "return" and isinstance(holder, Env)

    def merge(
        self,
        changes: Changes,
        condition: Condition | None = None,
        *,
        flipped: bool = True,
        choice: Choice | None = None,
    ) -> None:
        """Join what another path left into the present state."""
        for holder, key, value in changes.values():
            present = holder.d.get(key, NONE_ADDED if is_count_of_a_turn(key) else MISSING)
            joined = self.joined_cell(value, present, condition, flipped=flipped)
            self.heap.trail.put(
                holder,
                key,
                joined if choice is None else self.effects.selection.kept(value, present, joined, choice),
            )

    def joined_cell(
        self, value: object, present: object, condition: Condition | None, *, flipped: bool
    ) -> object:
        if present is MISSING:
            return value
        if isinstance(value, frozenset) and isinstance(present, frozenset):
            return value | present
        if isinstance(value, tuple) and isinstance(present, tuple):
            return (
                value
                if len(value) >= len(present) and value[: len(present)] == present
                else _union(present, value)
            )
        if isinstance(value, Value) and isinstance(present, Value):
            return (
                self.decisions.join(present, value, condition)
                if flipped
                else self.decisions.join(value, present, condition)
            )
        return value

    def arm(
        self,
        body: Sequence[ast.stmt],
        condition: Condition | None,
        env: Env,
        node: ast.stmt,
        text: str,
        name: str,
    ) -> Status:
        outer = self.recorder.node
        self.recorder.node = outer.child("branch", text, self.recorder.place(node), name)
        self.recorder.node.taken = Answer.MAYBE
        self.recorder.certainty.append(Answer.MAYBE)
        depth = len(self.frames.conditions)
        if condition is not None:
            self.frames.conditions.append(condition)
        before, self.went_on = self.went_on, []
        status: Status = None
        try:
            with self.growth.in_arm():
                status = self.statements.block(body, env)
                return status
        finally:
            self.recorder.certainty.pop()
            self.recorder.node = outer
            del self.frames.conditions[depth:]
            inside, self.went_on = self.went_on, before
            if status is None and inside:
                self.goes_on_behind(inside, condition, text, node)

    def goes_on_behind(
        self, inside: Sequence[Condition | None], condition: Condition | None, text: str, node: ast.AST
    ) -> None:
        """Behind an arm in which turns were ended: where it ran, what the branches in it say holds."""
        for kept in inside:
            known = None if kept is None or condition is None else implied(condition, kept)
            if known is None:
                self.skip("continue", "unknown", text, node)
            else:
                self.frames.conditions.append(known)
            self.went_on.append(known)

    def exec_Match(self, node: ast.Match, env: Env) -> Status:
        subject = self.machine.evaluate.evaluate(node.subject, env)
        for case in node.cases:
            for name in pattern_names(case.pattern):
                self.heap.put(env, name, self.views.data(subject))
            pattern = case.pattern
            if case.guard is not None:
                self.machine.evaluate.evaluate(case.guard, env)
            if (
                isinstance(pattern, ast.MatchValue)
                and isinstance(subject, Const)
                and not self.decisions.is_open(subject)
            ):
                expected = self.machine.evaluate.evaluate(pattern.value, env)
                if isinstance(expected, Const):
                    if expected.value == subject.value:
                        return self.statements.block(case.body, env)
                    continue
            if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and case.guard is None:
                return self.statements.block(case.body, env)
            self.fork([(case.body, None), ([], None)], env, node, "case")
        return None


@once_a_node
def one_test_each(node: ast.If) -> ast.If | None:
    """The same statement with a test in each `if`, where it ends a turn under several; None for any other."""
    test = node.test
    if not isinstance(test, ast.BoolOp) or node.orelse or not isinstance(node.body[-1], ast.Continue):
        return None
    first, *others = test.values
    rest = others[0] if len(others) == 1 else ast.copy_location(ast.BoolOp(test.op, others), test)
    inner = ast.copy_location(ast.If(rest, node.body, []), node)
    if isinstance(test.op, ast.Or):
        return ast.copy_location(ast.If(first, node.body, [inner]), node)
    return ast.copy_location(ast.If(first, [inner], []), node)


def elsewhere(condition: Condition | None) -> Condition | None:
    """What holds where an equation does not."""
    if condition is None or condition.operator != "==":
        return None
    return Condition(">=", operation("ite", condition, Expr(-1), Expr(0)))


def implied(condition: Condition, kept: Condition) -> Condition | None:
    """That one condition holds where the other does."""
    if kept.operator != ">=":
        return None
    return Condition(">=", operation("ite", condition, kept.difference, Expr(0)))


def is_handed_out(room: Expr) -> bool:
    """Whether what is left becomes smaller with each number from a counter that all ranks share."""
    shared = [
        (symbol, factor)
        for symbol, factor in room.terms
        if symbol.kind == "at" and isinstance(symbol.args[0], tuple) and symbol.args[0][0] == "counter"
    ]
    return len(shared) == 1 and shared[0][1] < 0


def _union(a: tuple[object, ...], b: tuple[object, ...]) -> tuple[object, ...]:
    return (*a, *(item for item in b if item not in a))


def pattern_names(pattern: ast.pattern) -> list[str]:
    """Names that a pattern binds."""
    return [n.name for n in ast.walk(pattern) if isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name]
