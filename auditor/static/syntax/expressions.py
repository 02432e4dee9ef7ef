"""Expressions: names, attributes, arithmetic, comparisons, literals, text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from auditor.program.walk import walk
from auditor.solver.expressions import Condition
from auditor.static.ast_text import ast_text, once_a_node
from auditor.static.domain.heap import Env, Func, NamesView, Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import CLEAN, MATCHED, Data
from auditor.static.domain.values import (
    NONE,
    Columns,
    Const,
    LibraryRef,
    Slice,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Value,
)
from auditor.static.effects.events import TEXT
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.python import BUILTINS
from auditor.static.syntax.arithmetic import merge_text
from auditor.static.syntax.assignments import Assignments
from auditor.static.syntax.comprehensions import Comprehensions
from auditor.static.syntax.elements import Elements
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.transfer.builtins import is_exception
from auditor.static.transfer.room import TransferRoom
from auditor.trace.answer import Answer
from auditor.trace.formula import Printed


class Expressions:
    """Evaluates expressions to abstract values."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        assignments: Assignments,
        elements: Elements,
        comprehensions: Comprehensions,
    ) -> None:
        self.budget = machine.budget
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.assignments = assignments
        self.elements = elements
        self.comprehensions = comprehensions
        self.handlers: dict[str, Callable[[Any, Env], Value]] = {}

    def evaluate(self, node: ast.expr, env: Env) -> Value:
        self.budget.tick()
        handler: Callable[[ast.expr, Env], Value] | None = self.handlers.get(type(node).__name__)
        if handler is None:
            self.recorder.standing.add(
                self.recorder.doubt("expression not followed", type(node).__name__, node)
            )
            return CLEAN
        return handler(node, env)

    # literals and names
    def eval_Constant(self, node: ast.Constant, env: Env) -> Value:
        return Const(node.value)

    def eval_Name(self, node: ast.Name, env: Env) -> Value:
        scope = env.find(node.id)
        if scope is not None:
            value = scope.d[node.id]
            return value if isinstance(value, Value) else CLEAN
        known = self.transfer.library_patches.library_value("builtins." + node.id)
        if node.id in BUILTINS or not isinstance(known, LibraryRef) or is_exception(node.id):
            return known
        return CLEAN

    def items_of(self, elements: Sequence[ast.expr], env: Env) -> tuple[tuple[Value, ...], bool]:
        """The values of a display, and whether their number is exact (no unknown `*iterable`)."""
        out: list[Value] = []
        exact = True
        for element in elements:
            if isinstance(element, ast.Starred):
                value = self.evaluate(element.value, env)
                items = self.exact_items(value)
                if items is not None:
                    out.extend(items)
                else:
                    exact = False
                    out.append(self.elements.element(value, None))
            else:
                out.append(self.evaluate(element, env))
        return tuple(out), exact

    def exact_items(self, value: Value) -> Sequence[Value] | None:
        if isinstance(value, TupleValue):
            return value.items
        if isinstance(value, Const) and isinstance(value.value, (tuple, list)):
            return [Const(item, value.settings) for item in value.value]
        if isinstance(value, Obj) and value.kind == "list" and value.elements is None:
            items = value.items
            return items if isinstance(items, tuple) and value.base is None else None
        return None

    def eval_Tuple(self, node: ast.Tuple, env: Env) -> Value:
        return TupleValue(self.items_of(node.elts, env)[0])

    def eval_List(self, node: ast.List, env: Env) -> Value:
        items, exact = self.items_of(node.elts, env)
        joined = None if exact else joined_lists(node)
        if joined is not None:
            return self.evaluate(joined, env)
        out = self.heap.allocate("list", node)
        if exact:
            out.items = items
        else:
            out.elements = items
        return out

    def eval_Set(self, node: ast.Set, env: Env) -> Value:
        items = self.items_of(node.elts, env)[0]
        for item in items:
            self.special_methods.hashed(item, node)
        return TupleValue(items)

    def eval_Dict(self, node: ast.Dict, env: Env) -> Value:
        out = self.heap.allocate("dict", node)
        rest: list[Value] = []
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.evaluate(value_node, env)
            if key_node is None:
                if isinstance(value, Obj) and value.kind == "dict":
                    for key, item in value.d.items():
                        if isinstance(key, tuple):
                            out.d[key] = item
                if isinstance(value, NamesView):
                    named = self.transfer.default_methods.names_of(value)
                    out.d.update({("key", name): cell for name, cell in named.items()})
                rest.append(self.views.data(value))
                continue
            key_value = self.evaluate(key_node, env)
            self.special_methods.hashed(key_value, key_node)
            if isinstance(key_value, Const) and isinstance(key_value.value, (str, int)):
                out.d["key", key_value.value] = value
            rest.append(value)
        out.elements = tuple(rest)
        return out

    def eval_JoinedStr(self, node: ast.JoinedStr, env: Env) -> Value:
        parts: list[str | None] = []
        record = CLEAN
        counted: list[Data] = []
        numbers: list[Printed] = []
        exact = True
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
                continue
            assert isinstance(part, ast.FormattedValue)
            value = self.evaluate(part.value, env)
            way = {114: "repr", 97: "repr", 115: "str"}.get(part.conversion, "format")
            if part.format_spec is not None:
                self.evaluate(part.format_spec, env)
            text = self.special_methods.formatted(value, way, part)
            value = value if text is None else text
            exact_text = isinstance(value, Const) and not isinstance(value.value, float)
            if exact_text and part.format_spec is None and not self.decisions.is_open(value):
                assert isinstance(value, Const)
                parts.append(str(value.value))
            else:
                parts.append(None)
                exact = False
            found = replace(self.views.data(value), template=None, by_kind=None).plain()
            words = next((p for p in reversed(parts) if p is not None), "")
            numbers.extend(self.effects.formulas.printed_number(words, value, ast_text(part.value)))
            counted.append(found)
            record = combine(record, replace(found, origins=frozenset(), formula=None, printed=()))
        record = replace(record, origins=denominators(counted), printed=tuple(numbers))
        merged = merge_text(parts)
        if exact:
            return Const("".join(p or "" for p in merged), record.settings)
        marks = record.marks | {TEXT} if record.losses else record.marks
        return replace(record, template=merged, rank=None, span=None, marks=marks)

    def eval_FormattedValue(self, node: ast.FormattedValue, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def eval_Starred(self, node: ast.Starred, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def eval_Lambda(self, node: ast.Lambda, env: Env) -> Value:
        defaults = tuple(self.evaluate(d, env) for d in node.args.defaults)
        keyword_defaults = tuple(None if d is None else self.evaluate(d, env) for d in node.args.kw_defaults)
        return Func(
            node, env, self.recorder.layer, self.recorder.path, None, None, defaults, keyword_defaults
        )

    def eval_NamedExpr(self, node: ast.NamedExpr, env: Env) -> Value:
        value = self.evaluate(node.value, env)
        self.assignments.assign(node.target, value, env)
        return value

    def eval_Await(self, node: ast.Await, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def eval_Slice(self, node: ast.Slice, env: Env) -> Value:
        def bound(part: ast.expr | None) -> Value | None:
            return None if part is None else self.evaluate(part, env)

        return Slice(bound(node.lower), bound(node.upper), bound(node.step))

    def eval_Subscript(self, node: ast.Subscript, env: Env) -> Value:
        owner = self.evaluate(node.value, env)
        index = self.evaluate(node.slice, env)
        return self.effects.havoc.doubted_part(owner, self.special_methods.item_at(owner, index, node))

    def eval_ListComp(self, node: ast.ListComp, env: Env) -> Value:
        return self.comprehensions.comprehension(node, env)

    eval_SetComp = eval_ListComp
    eval_GeneratorExp = eval_ListComp
    eval_DictComp = eval_ListComp

    # operators

    def eval_UnaryOp(self, node: ast.UnaryOp, env: Env) -> Value:
        value = self.evaluate(node.operand, env)
        answer = self.special_methods.unary_by_method(node.op, value, node)
        return (
            self.effects.formula_arithmetic.with_unary(node.op, value, self.negated(node, value))
            if answer is None
            else answer
        )

    def negated(self, node: ast.UnaryOp, value: Value) -> Value:
        if isinstance(node.op, ast.Not):
            value = self.special_methods.tested(value, node)
            outcome = self.decisions.truth(value)
            settings = getattr(value, "settings", NONE)
            if outcome is not None:
                return Const(not outcome, settings)
            if isinstance(value, SymbolicBool) and value.condition.operator == ">=":
                return SymbolicBool(Condition(">=", -value.condition.difference - 1), settings)
            negated = self.effects.token_tables.transformed(node.op, value)
            return (
                self.views.mix(value) if negated is None else replace(self.views.mix(value), by_kind=negated)
            )
        if isinstance(value, Const) and isinstance(value.value, (int, float)):
            if isinstance(node.op, ast.USub):
                return Const(-value.value, value.settings)
            if isinstance(node.op, ast.UAdd):
                return value
            return Const(~value.value, value.settings) if isinstance(value.value, int) else CLEAN
        expr = self.views.number(value)
        if expr is not None and isinstance(node.op, ast.USub):
            return SymbolicInt(-expr, getattr(value, "settings", NONE))
        if isinstance(value, Columns) and isinstance(node.op, ast.Invert):
            return self.transfer.stacked_columns.inverted(value)
        if isinstance(value, LibraryRef) and value.name.endswith(".inf") and isinstance(node.op, ast.USub):
            return Const(float("-inf"))
        mixed = self.views.mix(value)
        by_kind = self.effects.token_tables.transformed(node.op, value)
        return replace(mixed, marks=mixed.marks - {"equals"}, by_kind=by_kind or mixed.by_kind)

    def eval_BoolOp(self, node: ast.BoolOp, env: Env) -> Value:
        conjunction = isinstance(node.op, ast.And)
        undecided: list[Value] = []
        settings: frozenset[str] = NONE
        last: Value = Const(conjunction)
        for part in node.values:
            value = self.evaluate(part, env)
            outcome = self.decisions.truth(self.special_methods.tested(value, part))
            settings |= getattr(value, "settings", NONE)
            if outcome is None:
                undecided.append(value)
                continue
            if outcome is not conjunction:
                if conjunction:
                    return Const(False, settings) if undecided or isinstance(value, Const) else value
                if all(isinstance(one, SymbolicBool) for one in undecided) and value == Const(True):
                    return Const(True, settings)  # whatever the comparisons before it say
                if undecided:
                    out: Value = undecided[0]
                    for other in [*undecided[1:], value]:
                        out = self.decisions.join(out, other)
                    return out
                return Const(value.value, settings) if isinstance(value, Const) else value
            last = value
        if not undecided:
            return Const(last.value, settings) if isinstance(last, Const) else last
        if len(undecided) == 1 and isinstance(undecided[0], SymbolicBool):
            return SymbolicBool(undecided[0].condition, settings)
        by_kind = self.effects.token_tables.conjoined(undecided, conjunction=conjunction)
        if by_kind is not None:
            return replace(self.views.mix(*undecided), settings=settings, by_kind=by_kind)
        if not conjunction:
            joined: Value = undecided[0]
            for other in undecided[1:]:
                joined = self.decisions.join(joined, other)
            return joined
        return replace(self.views.mix(*undecided), settings=settings)

    def eval_IfExp(self, node: ast.IfExp, env: Env) -> Value:
        test = self.special_methods.tested(self.evaluate(node.test, env), node)
        outcome = self.decisions.truth(test)
        if outcome is not None and not self.decisions.is_open(test):
            return self.evaluate(node.body if outcome else node.orelse, env)
        condition = test.condition if isinstance(test, SymbolicBool) and outcome is None else None
        self.recorder.certainty.append(Answer.MAYBE)
        try:
            first, second = self.evaluate(node.body, env), self.evaluate(node.orelse, env)
        finally:
            self.recorder.certainty.pop()
        joined = self.decisions.join(first, second, condition)
        if self.effects.selection.chooses_score(test, first, second):
            return self.effects.scoring.select(self.views.mix(test, first, second), node, "a conditional")
        seen = self.views.data(test)
        if MATCHED in seen.marks and self.views.data(joined).losses:
            chosen = self.views.data(joined)
            return replace(chosen, marks=chosen.marks | {MATCHED}, origins=chosen.origins | seen.origins)
        picked = self.effects.token_tables.picked(test, first, second)
        if picked is not None:
            return replace(self.views.mix(test, first, second), by_kind=picked)
        choice = self.effects.selection.choice(test, node) if seen.looks else None
        if (
            choice is not None
            and not self.decisions.same(first, second)
            and isinstance(joined, (Data, Const))
        ):
            joined = self.effects.selection.told(self.decisions.as_record(joined), choice)
        if isinstance(joined, Data) and joined.losses:
            joined = self.effects.formulas.with_index(test, joined, node)
        if (seen.updates or seen.doubts or seen.losses) and isinstance(joined, (Data, Const, SymbolicInt)):
            return self.effects.selection.decided(self.decisions.as_record(joined), seen, node)
        return joined


def denominators(printed: Sequence[Data]) -> frozenset[int]:
    """The counts behind the numbers of a line: of those made of scores, where there are any.

    A count printed for its own sake beside the result is not what the result was divided by.
    """
    scored = [record for record in printed if record.losses]
    return frozenset().union(*(record.origins for record in scored or printed))


@once_a_node
def joined_lists(display: ast.List) -> ast.expr | None:
    """`[a, *b]` as `[a] + [each for each in b]`, which keeps the order of what `b` holds.

    None where an element may do something, since they are evaluated once more, and where there is nothing to unpack.
    """
    calls = (
        part for part in walk(display) if isinstance(part, (ast.Call, ast.NamedExpr, ast.Yield, ast.Await))
    )
    starred = [element for element in display.elts if isinstance(element, ast.Starred)]
    if not starred or not all(asks_for_size(call) for call in calls):
        return None
    out: ast.expr | None = None
    for element in display.elts:
        part: ast.expr = ast.List([element], ast.Load())
        if isinstance(element, ast.Starred):
            turn = ast.comprehension(ast.Name("each", ast.Store()), element.value, [], 0)
            part = ast.ListComp(ast.Name("each", ast.Load()), [turn])
        out = part if out is None else ast.BinOp(out, ast.Add(), part)
    assert out is not None
    for inner in ast.walk(out):
        if not hasattr(inner, "lineno"):
            ast.copy_location(inner, display)
    return out


def asks_for_size(call: ast.AST) -> bool:
    """Whether it is `len(x)` or `x.numel()`."""
    if not isinstance(call, ast.Call):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in ("len", "numel", "size")
