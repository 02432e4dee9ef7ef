"""Comparisons: decided, conditions on integers, or masks over tokens."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from auditor.program.operators import COMPARISONS
from auditor.solver.expressions import Condition, Expr
from auditor.static.domain.heap import Class, Env, Func, Obj, View
from auditor.static.domain.provenance import FROM_OUTSIDE, MATCHED, SOME_PARTS, Data, matched
from auditor.static.domain.values import (
    NONE,
    Const,
    LibraryRef,
    Method,
    Partial,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.decisions import is_attribute, opposite
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.arithmetic import Arithmetic
from auditor.static.syntax.expressions import Expressions
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.room import TransferRoom


class Comparisons:
    """Evaluates comparisons."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        arithmetic: Arithmetic,
        special_methods: SpecialMethods,
        expressions: Expressions,
    ) -> None:
        self.script = machine.script
        self.frames = machine.frames
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.arithmetic = arithmetic
        self.special_methods = special_methods
        self.expressions = expressions

    def eval_Compare(self, node: ast.Compare, env: Env) -> Value:
        left = self.expressions.evaluate(node.left, env)
        rights = [self.expressions.evaluate(c, env) for c in node.comparators]
        answer = self.compared_by_methods(node, [left, *rights])
        if answer is not None:
            return answer
        settings: frozenset[str] = getattr(left, "settings", NONE)
        for right in rights:
            settings |= getattr(right, "settings", NONE)
        if len(rights) == 1 and isinstance(node.ops[0], (ast.Gt, ast.GtE, ast.Lt, ast.LtE)):
            self.effects.clocks.compare_time(node, left, rights[0])
        if len(rights) == 1:
            found = self.comparison(node.ops[0], left, rights[0], settings)
        else:
            values = [left, *rights]
            found = None
            parts = [
                self.comparison(op, a, b, settings)
                for op, a, b in zip(node.ops, values[:-1], values[1:], strict=True)
            ]
            outcomes = [None if p is None else self.decisions.truth(p) for p in parts]
            if any(o is False for o in outcomes):
                found = Const(False, settings)
            elif all(o is True for o in outcomes):
                found = Const(True, settings)
        if found is not None:
            return found
        record = self.views.mix(left, *rights)
        marks = record.marks - {"equals"} | {"mask"}
        if isinstance(node.ops[0], ast.Eq) and len(rights) == 1 and "mask" not in record.marks:
            if isinstance(left, Const) or isinstance(rights[0], Const):
                marks |= {"equals"}
        if FROM_OUTSIDE in marks and matched(self.views.data(left), self.views.data(rights[0])):
            marks |= {MATCHED}
        marks |= self.effects.formulas.looked_at(left, rights, node.ops[0])
        by_kind = (
            self.effects.token_tables.compared(node.ops[0], left, rights[0]) if len(rights) == 1 else None
        )
        found = replace(record, marks=marks, span=None, by_kind=by_kind or record.by_kind)
        return (
            self.effects.lookups.with_comparison(left, rights[0], found, node) if len(rights) == 1 else found
        )

    def compared_by_methods(self, node: ast.Compare, values: Sequence[Value]) -> Value | None:
        """A comparison, or a chain of them, that methods of the script have a part in."""
        pairs = zip(node.ops, values[:-1], values[1:], strict=True)
        found = [self.special_methods.compared_by_method(op, a, b, node) for op, a, b in pairs]
        answers = [answer for answer in found if answer is not None]
        return (
            answers[0] if len(found) == len(answers) == 1 else self.views.mix(*answers) if answers else None
        )

    def comparison(self, op: ast.cmpop, left: Value, right: Value, settings: frozenset[str]) -> Value | None:
        if isinstance(op, (ast.In, ast.NotIn)):
            found = self.membership(left, right)
            return None if found is None else Const(found is isinstance(op, ast.In), settings)
        if isinstance(op, (ast.Is, ast.IsNot)) and isinstance(right, Const) and right.value is None:
            outcome = self.is_none(left)
            return None if outcome is None else Const(outcome is isinstance(op, ast.Is), settings)
        if isinstance(left, Const) and isinstance(right, Const):
            try:
                return Const(bool(COMPARISONS[type(op)](left.value, right.value)), settings)
            except TypeError:
                return None
        if isinstance(op, (ast.Eq, ast.Is, ast.NotEq, ast.IsNot)) and all(map(is_type, (left, right))):
            return Const((left == right) is isinstance(op, (ast.Eq, ast.Is)), settings)
        closed = self.transfer.stacked_columns.closed(op, left, right)
        if closed is not None:
            return closed
        a, b = self.views.number(left), self.views.number(right)
        if a is None or b is None:
            return self.position_mask(op, left, right)
        condition = integer_condition(op, a, b)
        if condition is None:
            return None
        outcome = self.decisions.entails(condition[0])
        if outcome is not None:
            return Const(outcome is condition[1], settings)
        if condition[1]:
            return SymbolicBool(condition[0], settings)
        other = opposite(condition[0])
        if other is not None:
            return SymbolicBool(other, settings)
        return Data(turns=condition[0].difference.iterations(), settings=settings)

    def position_mask(self, op: ast.cmpop, left: Value, right: Value) -> Data | None:
        """`positions >= offsets`, `positions < ends`: what a mask over the positions of a row lets through."""
        if isinstance(right, Data) and right.span is not None:
            flipped = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}.get(type(op))
            return None if flipped is None else self.position_mask(flipped(), right, left)
        if not isinstance(left, Data) or left.span is None:
            return None
        first = left.span[0]
        found = replace(self.views.mix(left, right), span=None, ints=frozenset())
        found = replace(found, marks=found.marks | {"mask"})
        limits = self.arithmetic.integers(right)
        if isinstance(op, (ast.GtE, ast.Gt)):
            return replace(
                found, above=frozenset((r, n - first + isinstance(op, ast.Gt)) for r, n, _ in limits)
            )
        if isinstance(op, (ast.Lt, ast.LtE)):
            return replace(
                found, below=frozenset((r, n - first + isinstance(op, ast.LtE)) for r, n, _ in limits)
            )
        return None

    def is_none(self, value: Value) -> bool | None:
        if isinstance(value, Union):
            answers = {self.is_none(option) for option in value.options}
            return answers.pop() if len(answers) == 1 else None
        if isinstance(value, Const):
            return value.value is None
        if self.frames.following and is_attribute(value):
            return None
        if isinstance(
            value,
            (Obj, Func, Class, TupleValue, LibraryRef, Method, SymbolicInt, SymbolicBool, View, Partial),
        ):
            return False
        if isinstance(value, Data) and (value.relevant or value.turns):
            return False
        return None

    def membership(self, left: Value, right: Value) -> bool | None:
        if isinstance(left, Data) and isinstance(right, Obj) and self.has_each_name(right, left):
            return True
        if not isinstance(left, Const):
            return None
        if isinstance(right, LibraryRef) and right.name == "os.environ":
            given = self.script.settings.get(str(left.value))
            return (
                given is not None and given.value is not None
            ) or left.value in self.effects.ambient_state.environment_writes
        if isinstance(right, Const):
            try:
                return left.value in right.value  # type: ignore[operator]
            except TypeError:
                return None
        if isinstance(right, Obj) and right.kind == "dict":
            return True if ("key", left.value) in right.d else None
        items = self.expressions.exact_items(right)
        if items is not None and all(isinstance(i, Const) for i in items):
            return any(isinstance(i, Const) and i.value == left.value for i in items)
        return None

    def has_each_name(self, table: Obj, name: Data) -> bool:
        """Whether a table has an entry for each weight of a module, and it is asked for the name of one of them."""
        keys = table.keys
        elements = keys.elements if isinstance(keys, Obj) and keys.aligned else None
        if table.kind != "dict" or not isinstance(elements, tuple) or len(elements) != 1 or table.shifted:
            return False
        key = elements[0]
        return (
            isinstance(key, Data)
            and len(name.refs) == 1
            and name.refs == key.refs
            and SOME_PARTS not in name.marks | key.marks
        )


def is_type(value: Value) -> bool:
    """Whether it is one of Python's own types of numbers and text."""
    return isinstance(value, LibraryRef) and value.name in {
        f"builtins.{name}" for name in ("bool", "int", "float", "str")
    }


def integer_condition(op: ast.cmpop, a: Expr, b: Expr) -> tuple[Condition, bool] | None:
    """The comparison as a condition, and whether it is that condition (True) or its negation."""
    if isinstance(op, ast.GtE):
        return Condition(">=", a - b), True
    if isinstance(op, ast.Gt):
        return Condition(">=", a - b - 1), True
    if isinstance(op, ast.LtE):
        return Condition(">=", b - a), True
    if isinstance(op, ast.Lt):
        return Condition(">=", b - a - 1), True
    if isinstance(op, ast.Eq):
        return Condition("==", a - b), True
    if isinstance(op, ast.NotEq):
        return Condition("==", a - b), False
    return None
