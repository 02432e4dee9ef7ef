"""Expressions: names, attributes, arithmetic, comparisons, literals, text."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from auditor.static.by_kind import filled
from auditor.static.files import FROM_OUTSIDE, MATCHED, matched
from auditor.static.heap import Env, Obj
from auditor.static.library.tables import BUILTINS, SIZE_ATTRIBUTES
from auditor.static.lists import moved
from auditor.static.machine import Machine
from auditor.static.shares import is_share
from auditor.static.statements import ast_text
from auditor.static.values import (
    NONE,
    UNKNOWN,
    Alt,
    Class,
    Columns,
    Const,
    Data,
    Func,
    Interval,
    Lib,
    Method,
    Num,
    Partial,
    RowNumber,
    Slice,
    SuperView,
    Truth,
    Tup,
    Value,
    View,
    by_entry,
    join_data,
    substitute,
)
from auditor.trace.answer import Answer
from auditor.trace.linear import Atom, Condition, Expr
from auditor.trace.operations import operation

MAX_TEXT = 4096
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.RShift: operator.rshift,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


class Expressions(Machine):
    """Evaluates expressions to abstract values."""

    def evaluate(self, node: ast.expr, env: Env) -> Value:
        self.tick()
        handler: Callable[[ast.expr, Env], Value] | None = getattr(self, "e_" + type(node).__name__, None)
        if handler is None:
            self.doubt("expression not followed", type(node).__name__, node)
            return UNKNOWN
        return handler(node, env)

    # literals and names
    def e_Constant(self, node: ast.Constant, env: Env) -> Value:
        return Const(node.value)

    def e_Name(self, node: ast.Name, env: Env) -> Value:
        scope = env.find(node.id)
        if scope is not None:
            value = scope.d[node.id]
            return value if isinstance(value, Value) else UNKNOWN
        if node.id in BUILTINS:
            return Lib("builtins." + node.id)
        return UNKNOWN

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
                    out.append(self.element(value, None))
            else:
                out.append(self.evaluate(element, env))
        return tuple(out), exact

    def exact_items(self, value: Value) -> Sequence[Value] | None:
        if isinstance(value, Tup):
            return value.items
        if isinstance(value, Const) and isinstance(value.value, (tuple, list)):
            return [Const(item, value.settings) for item in value.value]
        if isinstance(value, Obj) and value.kind == "list" and "#elements" not in value.d:
            items = value.d.get("#items")
            return items if isinstance(items, tuple) and "#base" not in value.d else None
        return None

    def e_Tuple(self, node: ast.Tuple, env: Env) -> Value:
        return Tup(self.items_of(node.elts, env)[0])

    def e_List(self, node: ast.List, env: Env) -> Value:
        items, exact = self.items_of(node.elts, env)
        out = self.allocate("list", node)
        out.d["#items" if exact else "#elements"] = items
        return out

    def e_Set(self, node: ast.Set, env: Env) -> Value:
        return Tup(self.items_of(node.elts, env)[0])

    def e_Dict(self, node: ast.Dict, env: Env) -> Value:
        out = self.allocate("dict", node)
        rest: list[Value] = []
        for key_node, value_node in zip(node.keys, node.values, strict=True):
            value = self.evaluate(value_node, env)
            if key_node is None:
                if isinstance(value, Obj) and value.kind == "dict":
                    for key, item in value.d.items():
                        if isinstance(key, tuple):
                            out.d[key] = item
                rest.append(self.data(value))
                continue
            key_value = self.evaluate(key_node, env)
            if isinstance(key_value, Const) and isinstance(key_value.value, (str, int)):
                out.d["key", key_value.value] = value
            rest.append(value)
        out.d["#elements"] = tuple(rest)
        return out

    def e_JoinedStr(self, node: ast.JoinedStr, env: Env) -> Value:
        parts: list[str | None] = []
        record = UNKNOWN
        counted: list[Data] = []
        exact = True
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
                continue
            assert isinstance(part, ast.FormattedValue)
            value = self.evaluate(part.value, env)
            exact_text = isinstance(value, Const) and not isinstance(value.value, float)
            if exact_text and part.format_spec is None and not self.is_open(value):
                assert isinstance(value, Const)
                parts.append(str(value.value))
            else:
                parts.append(None)
                exact = False
            found = replace(self.data(value), template=None, by_kind=None).plain()
            counted.append(found)
            record = join_data(record, replace(found, origins=frozenset()))
        record = replace(record, origins=denominators(counted))
        merged = merge_text(parts)
        if exact:
            return Const("".join(p or "" for p in merged), record.settings)
        return replace(record, template=merged, rank=None, span=None)

    def e_FormattedValue(self, node: ast.FormattedValue, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def e_Starred(self, node: ast.Starred, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def e_Lambda(self, node: ast.Lambda, env: Env) -> Value:
        defaults = tuple(self.evaluate(d, env) for d in node.args.defaults)
        keyword_defaults = tuple(None if d is None else self.evaluate(d, env) for d in node.args.kw_defaults)
        return Func(node, env, self.layer, self.path, None, None, defaults, keyword_defaults)

    def e_NamedExpr(self, node: ast.NamedExpr, env: Env) -> Value:
        value = self.evaluate(node.value, env)
        self.assign(node.target, value, env)
        return value

    def e_Await(self, node: ast.Await, env: Env) -> Value:
        return self.evaluate(node.value, env)

    def e_Slice(self, node: ast.Slice, env: Env) -> Value:
        def bound(part: ast.expr | None) -> Value | None:
            return None if part is None else self.evaluate(part, env)

        return Slice(bound(node.lower), bound(node.upper), bound(node.step))

    def e_Subscript(self, node: ast.Subscript, env: Env) -> Value:
        owner = self.evaluate(node.value, env)
        index = self.evaluate(node.slice, env)
        return self.subscript(owner, index, node)

    def e_ListComp(self, node: ast.ListComp, env: Env) -> Value:
        return self.comprehension(node, env)

    e_SetComp = e_ListComp
    e_GeneratorExp = e_ListComp
    e_DictComp = e_ListComp

    # attributes
    def e_Attribute(self, node: ast.Attribute, env: Env) -> Value:
        return self.attribute(self.evaluate(node.value, env), node.attr, node)

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Value:
        if isinstance(owner, Lib):
            return Lib(f"{owner.name}.{name}")
        if isinstance(owner, Alt):
            out: Value | None = None
            for option in owner.options:
                if not (isinstance(option, Const) and option.value is None):
                    out = self.join(out, self.attribute(option, name, node))
            return out if out is not None else UNKNOWN
        if name == "ctypes" and isinstance(owner, (Obj, Data, View)):
            return owner  # the address of an array
        if isinstance(owner, SuperView):
            inherited = owner.base.find(name)
            return bound(inherited, owner.instance) if inherited is not None else Method(owner, name)
        if isinstance(owner, View):
            found = self.attribute(owner.base, name, node)
            if isinstance(found, Method):
                return Method(owner, name)
            return substitute(found, by_entry(owner.mapping))
        if isinstance(owner, Obj):
            return self.object_attribute(owner, name, node)
        if isinstance(owner, Class):
            found_method = owner.find(name)
            if found_method is not None:
                if decorated_with(found_method, "classmethod"):
                    return bound(found_method, owner)
                return found_method
            return owner.get(name) or UNKNOWN
        if isinstance(owner, Data) and name in SIZE_ATTRIBUTES:
            return self.size_of(owner, name)
        if name == "grad" and isinstance(owner, Data):
            return self.gradient_of(owner.refs, node)
        if isinstance(owner, Data) and name in ("data", "T", "mT", "real"):
            return owner
        return Method(owner, name)

    def size_of(self, owner: Data, name: str) -> Value:
        """The size of unknown data: positive, and the same each time for the same array."""
        if name in ("size", "shape", "nbytes") and owner.turns:
            return Data(turns=owner.turns)
        return UNKNOWN

    def object_attribute(self, owner: Obj, name: str, node: ast.AST) -> Value:
        found = owner.d.get(name)
        if isinstance(found, Value):
            return found
        if owner.cls is not None:
            method = owner.cls.find(name)
            if method is not None:
                if decorated_with(method, "property", "cached_property"):
                    if owner.kind == "module":
                        return self.module_part(owner)
                    return self.call_function(bound(method, owner), [], {}, node)
                if decorated_with(method, "staticmethod"):
                    return method
                if decorated_with(method, "classmethod"):
                    return bound(method, owner.cls)
                return Method(owner, name) if owner.kind == "module" else bound(method, owner)
            attribute = owner.cls.get(name)
            if attribute is not None:
                return attribute
        if owner.kind == "module":
            if name in ("module", "_orig_mod"):
                return owner
            if name in ("data", "weight"):
                return self.module_part(owner)
            return Method(owner, name)
        if name in SIZE_ATTRIBUTES:
            return self.size_of(self.data(owner), name)
        if name in ("data", "T", "mT", "real"):
            return owner
        if name == "grad":
            return self.gradient_of(frozenset((owner,)), node)
        if owner.kind == "optimizer" and name in ("param_groups", "state"):
            return self.data(owner)
        return Method(owner, name)

    def gradient_of(self, states: frozenset[Obj], node: ast.AST) -> Data:
        """`p.grad`: made of the tokens that `backward` has brought to the states."""
        pending: set[object] = set()
        for state in states:
            found = state.d.get("#pending")
            pending |= found if isinstance(found, frozenset) else set()
        return self.gradient(pending, node) if pending else Data(marks=frozenset(("grad",)))

    def module_part(self, owner: Obj) -> Data:
        me = frozenset((owner,))
        return Data(updates=self.history(owner), states=me, refs=me)

    # operators
    def e_BinOp(self, node: ast.BinOp, env: Env) -> Value:
        return self.binary(node.op, self.evaluate(node.left, env), self.evaluate(node.right, env), node)

    def binary(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        if isinstance(left, Const) and isinstance(right, Const):
            return self.constant_arithmetic(op, left, right)
        if isinstance(op, ast.BitAnd) and (self.is_false(left) or self.is_false(right)):
            return Const(False, getattr(left, "settings", NONE) | getattr(right, "settings", NONE))
        a, b = self.number(left), self.number(right)
        settings = getattr(left, "settings", NONE) | getattr(right, "settings", NONE)
        if a is not None and b is not None:
            expr = integer_arithmetic(op, a, b)
            if expr is None and isinstance(
                op, (ast.Mod, ast.Pow, ast.BitXor, ast.BitAnd, ast.RShift, ast.LShift)
            ):
                expr = Expr.of(Atom("opaque", (type(op).__name__, a, b)))
            if expr is not None:
                return Num(expr, settings)
        sequence = self.sequence_arithmetic(op, left, right, node)
        if sequence is not None:
            return sequence
        text = self.text_arithmetic(op, left, right)
        if text is not None:
            return text
        by_kind = self.combined(op, left, right)
        if by_kind is not None:
            out = replace(self.mix(left, right), by_kind=by_kind, span=None, array=None, template=None)
            return replace(self.arithmetic_looks(op, left, right, out, node), most=None)
        out = self.mix(left, right)
        if isinstance(op, ast.Add) and out.origins and not out.losses:
            out = replace(out, origins=self.added(self.data(left).origins, self.data(right).origins, node))
        rows = self.row_arithmetic(op, left, right, out, node)
        if rows is not None:
            return rows
        spans = [v.span for v in (left, right) if isinstance(v, Data) and v.span is not None]
        offset = b if a is None else a
        span = None
        if len(spans) == 1 and offset is not None and isinstance(op, (ast.Add, ast.Sub)):
            if isinstance(op, ast.Add):
                span = (spans[0][0] + offset, spans[0][1] + offset)
            elif isinstance(left, Data):
                span = (spans[0][0] - offset, spans[0][1] - offset)
        within = moved_intervals(op, left, right, offset)
        out = self.arithmetic_looks(op, left, right, out, node)
        logical = isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor)) and "mask" in out.marks
        marks = out.marks - {"equals"} if logical else out.marks - {"mask", "equals"}
        if "file" in marks:
            marks |= {"moved"}  # lists of files put together
        return replace(out, span=span, within=within, marks=marks, array=None, most=self.most_of(node))

    def is_false(self, value: Value) -> bool:
        if isinstance(value, Const):
            return value.value is False
        return isinstance(value, Obj) and self.constant_mask(value) is False

    def most_of(self, node: ast.AST) -> float | None:
        """What no result of an operation is larger than, where that is known."""
        tree = self.trees.get((self.layer, self.path))
        return 1.0 if tree is not None and is_share(tree, node) else None

    def row_arithmetic(
        self, op: ast.operator, left: Value, right: Value, out: Data, node: ast.AST
    ) -> Data | None:
        """Sums of integers held by row, positions added to them, and products and conjunctions of masks."""
        a, b = self.data(left), self.data(right)
        if isinstance(op, (ast.Mult, ast.BitAnd)):
            for record, mask in ((a, b), (b, a)):
                if "total" in record.marks:
                    continue  # a sum over tokens: nothing chooses among them any more
                if "selective" in mask.marks and record.regions:
                    return self.thinned(out, node)
                if (mask.above or mask.below or mask.written) and record.regions:
                    return replace(self.masked(out, mask, node), marks=out.marks - {"mask"})
            if a.above or a.below or b.above or b.below:
                return replace(
                    out, above=a.above | b.above, below=a.below | b.below, marks=out.marks | {"mask"}
                )
        if not isinstance(op, (ast.Add, ast.Sub)):
            return None
        sign = 1 if isinstance(op, ast.Add) else -1
        x, y = self.integers(left), self.integers(right)
        if (a.ints or b.ints) and x and y:
            ints = {
                (r if r is not None else q, n + m.scaled(sign), tuple(dict.fromkeys((*f, *g))))
                for r, n, f in x
                for q, m, g in y
                if None in (r, q) or r == q
            }
            return replace(out, ints=frozenset(ints), span=None, array=None)
        if sign == 1:
            for ints_side, span_side in ((a, b), (b, a)):
                if ints_side.ints and span_side.span is not None:
                    first, last = span_side.span
                    windows = frozenset((row, n + first, n + last, facts) for row, n, facts in ints_side.ints)
                    return replace(out, ints=frozenset(), windows=windows, span=None, array=None)
        return None

    def integers(self, value: Value) -> frozenset[RowNumber]:
        number = self.number(value)
        return frozenset(((None, number, ()),)) if number is not None else self.data(value).ints

    def constant_arithmetic(self, op: ast.operator, left: Const, right: Const) -> Value:
        settings = left.settings | right.settings
        a, b = left.value, right.value
        if isinstance(op, ast.Div) and (isinstance(a, str) != isinstance(b, str) or isinstance(a, str)):
            return Const(f"{a}/{b}", settings)
        if isinstance(op, ast.Mult) and not all(isinstance(v, (int, float)) for v in (a, b)):
            if isinstance(a, str) and isinstance(b, int) and len(a) * b <= MAX_TEXT:
                return Const(a * b, settings)
            return Data(settings=settings)
        try:
            if isinstance(op, ast.Pow):
                if abs(a) > 1e6 or abs(b) > 64:  # type: ignore[arg-type]
                    return Data(settings=settings)
                return Const(a**b, settings)  # type: ignore[operator]
            if isinstance(op, ast.LShift):
                return Const(a << b, settings) if 0 <= b < 256 else Data(settings=settings)  # type: ignore[operator]
            function = ARITHMETIC.get(type(op))
            return Const(function(a, b), settings) if function is not None else Data(settings=settings)
        except (TypeError, ValueError, ArithmeticError):
            return Data(settings=settings)

    def sequence_arithmetic(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value | None:
        """Concatenation and repetition of lists and tuples."""
        if isinstance(op, ast.Mult):
            container = left if isinstance(left, (Tup, Obj)) else right
            if isinstance(container, Tup) or (isinstance(container, Obj) and container.kind == "list"):
                out = self.allocate("list", node)
                items = self.exact_items(container)
                values = tuple(items) if items is not None else (self.content(container),)  # type: ignore[arg-type]
                out.d["#elements"] = tuple(
                    moved(v) for v in values if not (isinstance(v, Const) and v.value is None)
                )
                if any(not isinstance(v, Const) for v in values):
                    out.d["#repeated"] = True
                elif len(values) == 1:
                    out.d["#kinds"] = Data(by_kind=filled(values[0].value))  # type: ignore[attr-defined]
                return out
        if isinstance(op, ast.Add):
            a, b = self.exact_items(left), self.exact_items(right)
            if a is not None and b is not None:
                if isinstance(left, Tup):
                    return Tup((*a, *b))
                out = self.allocate("list", node)
                out.d["#items"] = (*a, *b)
                return out
            if any(isinstance(v, Obj) and v.kind == "list" for v in (left, right)):
                return self.concatenated_lists((left, right), node)
        return None

    def text_arithmetic(self, op: ast.operator, left: Value, right: Value) -> Value | None:
        a, b = template_of(left), template_of(right)
        if isinstance(op, ast.Add) and a is not None and b is not None:
            return replace(self.mix(left, right), template=merge_text([*a, *b]))
        if isinstance(op, ast.Div) and (a is not None or b is not None):
            record = self.mix(left, right)
            return replace(record, template=merge_text([*(a or (None,)), "/", *(b or (None,))]))
        if isinstance(op, ast.Mod) and isinstance(left, Const) and isinstance(left.value, str):
            return replace(self.mix(right), template=percent_template(left.value))
        return None

    def e_UnaryOp(self, node: ast.UnaryOp, env: Env) -> Value:
        value = self.evaluate(node.operand, env)
        if isinstance(node.op, ast.Not):
            outcome = self.truth(value)
            settings = getattr(value, "settings", NONE)
            if outcome is not None:
                return Const(not outcome, settings)
            if isinstance(value, Truth) and value.condition.operator == ">=":
                return Truth(Condition(">=", -value.condition.difference - 1), settings)
            negated = self.transformed(node.op, value)
            return self.mix(value) if negated is None else replace(self.mix(value), by_kind=negated)
        if isinstance(value, Const) and isinstance(value.value, (int, float)):
            if isinstance(node.op, ast.USub):
                return Const(-value.value, value.settings)
            if isinstance(node.op, ast.UAdd):
                return value
            return Const(~value.value, value.settings) if isinstance(value.value, int) else UNKNOWN
        expr = self.number(value)
        if expr is not None and isinstance(node.op, ast.USub):
            return Num(-expr, getattr(value, "settings", NONE))
        if isinstance(value, Columns) and isinstance(node.op, ast.Invert):
            return self.inverted(value)
        if isinstance(value, Lib) and value.name.endswith(".inf") and isinstance(node.op, ast.USub):
            return Const(float("-inf"))
        mixed = self.mix(value)
        by_kind = self.transformed(node.op, value)
        return replace(mixed, marks=mixed.marks - {"equals"}, by_kind=by_kind or mixed.by_kind)

    def e_BoolOp(self, node: ast.BoolOp, env: Env) -> Value:
        conjunction = isinstance(node.op, ast.And)
        undecided: list[Value] = []
        settings: frozenset[str] = NONE
        last: Value = Const(conjunction)
        for part in node.values:
            value = self.evaluate(part, env)
            outcome = self.truth(value)
            settings |= getattr(value, "settings", NONE)
            if outcome is None:
                undecided.append(value)
                continue
            if outcome is not conjunction:
                if conjunction:
                    return Const(False, settings) if undecided or isinstance(value, Const) else value
                if undecided:
                    out: Value = undecided[0]
                    for other in [*undecided[1:], value]:
                        out = self.join(out, other)
                    return out
                return Const(value.value, settings) if isinstance(value, Const) else value
            last = value
        if not undecided:
            return Const(last.value, settings) if isinstance(last, Const) else last
        if len(undecided) == 1 and isinstance(undecided[0], Truth):
            return Truth(undecided[0].condition, settings)
        by_kind = self.conjoined(undecided, conjunction=conjunction)
        if by_kind is not None:
            return replace(self.mix(*undecided), settings=settings, by_kind=by_kind)
        if not conjunction:
            joined: Value = undecided[0]
            for other in undecided[1:]:
                joined = self.join(joined, other)
            return joined
        return replace(self.mix(*undecided), settings=settings)

    def e_IfExp(self, node: ast.IfExp, env: Env) -> Value:
        test = self.evaluate(node.test, env)
        outcome = self.truth(test)
        if outcome is not None and not self.is_open(test):
            return self.evaluate(node.body if outcome else node.orelse, env)
        condition = test.condition if isinstance(test, Truth) and outcome is None else None
        self.certainty.append(Answer.MAYBE)
        try:
            first, second = self.evaluate(node.body, env), self.evaluate(node.orelse, env)
        finally:
            self.certainty.pop()
        joined = self.join(first, second, condition)
        if self.chooses_score(test, first, second):
            return self.select(self.mix(test, first, second), node, "a conditional")
        seen = self.data(test)
        if MATCHED in seen.marks and self.data(joined).losses:
            chosen = self.data(joined)
            return replace(chosen, marks=chosen.marks | {MATCHED}, origins=chosen.origins | seen.origins)
        picked = self.picked(test, first, second)
        if picked is not None:
            return replace(self.mix(test, first, second), by_kind=picked)
        choice = self.choice(test, node) if seen.looks else None
        if choice is not None and not self.same(first, second) and isinstance(joined, (Data, Const)):
            joined = self.told(self.as_record(joined), choice)
        if (seen.updates or seen.doubts or seen.losses) and isinstance(joined, (Data, Const, Num)):
            return self.decided(self.as_record(joined), seen, node)
        return joined

    def e_Compare(self, node: ast.Compare, env: Env) -> Value:
        left = self.evaluate(node.left, env)
        rights = [self.evaluate(c, env) for c in node.comparators]
        settings: frozenset[str] = getattr(left, "settings", NONE)
        for right in rights:
            settings |= getattr(right, "settings", NONE)
        if len(rights) == 1:
            found = self.comparison(node.ops[0], left, rights[0], settings)
        else:
            values = [left, *rights]
            found = None
            parts = [
                self.comparison(op, a, b, settings)
                for op, a, b in zip(node.ops, values[:-1], values[1:], strict=True)
            ]
            outcomes = [None if p is None else self.truth(p) for p in parts]
            if any(o is False for o in outcomes):
                found = Const(False, settings)
            elif all(o is True for o in outcomes):
                found = Const(True, settings)
        if found is not None:
            return found
        record = self.mix(left, *rights)
        marks = record.marks - {"equals"} | {"mask"}
        if isinstance(node.ops[0], ast.Eq) and len(rights) == 1 and "mask" not in record.marks:
            if isinstance(left, Const) or isinstance(rights[0], Const):
                marks |= {"equals"}
        if FROM_OUTSIDE in marks and matched(self.data(left), self.data(rights[0])):
            marks |= {MATCHED}
        by_kind = self.compared(node.ops[0], left, rights[0]) if len(rights) == 1 else None
        found = replace(record, marks=marks, span=None, by_kind=by_kind or record.by_kind)
        return self.with_comparison(left, rights[0], found, node) if len(rights) == 1 else found

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
        closed = self.closed(op, left, right)
        if closed is not None:
            return closed
        a, b = self.number(left), self.number(right)
        if a is None or b is None:
            return self.position_mask(op, left, right)
        condition = integer_condition(op, a, b)
        if condition is None:
            return None
        outcome = self.decide(condition[0])
        if outcome is not None:
            return Const(outcome is condition[1], settings)
        if condition[1]:
            return Truth(condition[0], settings)
        if condition[0].operator == ">=":
            return Truth(Condition(">=", -condition[0].difference - 1), settings)
        return Data(turns=condition[0].difference.iterations(), settings=settings)

    def position_mask(self, op: ast.cmpop, left: Value, right: Value) -> Data | None:
        """`positions >= offsets`, `positions < ends`: what a mask over the positions of a row lets through."""
        if isinstance(right, Data) and right.span is not None:
            flipped = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}.get(type(op))
            return None if flipped is None else self.position_mask(flipped(), right, left)
        if not isinstance(left, Data) or left.span is None:
            return None
        first = left.span[0]
        found = replace(self.mix(left, right), span=None, ints=frozenset())
        found = replace(found, marks=found.marks | {"mask"})
        limits = self.integers(right)
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
        if isinstance(value, Const):
            return value.value is None
        if isinstance(value, (Obj, Func, Class, Tup, Lib, Method, Num, Truth, View, Partial)):
            return False
        if isinstance(value, Data) and (value.relevant or value.turns):
            return False
        return None

    def membership(self, left: Value, right: Value) -> bool | None:
        if not isinstance(left, Const):
            return None
        if isinstance(right, Lib) and right.name == "os.environ":
            given = self.settings.get(str(left.value))
            return (given is not None and given.value is not None) or left.value in self.environment_writes
        if isinstance(right, Const):
            try:
                return left.value in right.value  # type: ignore[operator]
            except TypeError:
                return None
        if isinstance(right, Obj) and right.kind == "dict":
            return True if ("key", left.value) in right.d else None
        items = self.exact_items(right)
        if items is not None and all(isinstance(i, Const) for i in items):
            return any(isinstance(i, Const) and i.value == left.value for i in items)
        return None


def denominators(printed: Sequence[Data]) -> frozenset[int]:
    """The counts behind the numbers of a line: of those made of scores, where there are any.

    A count printed for its own sake beside the result is not what the result was divided by.
    """
    scored = [record for record in printed if record.losses]
    return frozenset().union(*(record.origins for record in scored or printed))


def bound(method: Func, instance: Value) -> Func:
    return replace(method, instance=instance)


def decorated_with(method: Func, *names: str) -> bool:
    decorators = getattr(method.node, "decorator_list", [])
    return any(
        (isinstance(d, ast.Name) and d.id in names) or (isinstance(d, ast.Attribute) and d.attr in names)
        for d in decorators
    )


def integer_arithmetic(op: ast.operator, a: Expr, b: Expr) -> Expr | None:
    if isinstance(op, ast.Add):
        return a + b
    if isinstance(op, ast.Sub):
        return a - b
    if isinstance(op, ast.Mult):
        return operation("mul", a, b)
    if isinstance(op, ast.FloorDiv):
        return None if b == Expr(0) else operation("floordiv", a, b)
    if isinstance(op, ast.Mod):
        return None if b == Expr(0) else operation("mod", a, b)
    return None


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


def moved_intervals(op: ast.operator, left: Value, right: Value, offset: Expr | None) -> frozenset[Interval]:
    """The intervals of positions taken out of consecutive ones, when a number is added or subtracted."""
    if offset is None or not isinstance(op, (ast.Add, ast.Sub)):
        return frozenset()
    if isinstance(op, ast.Sub) and not isinstance(left, Data):
        return frozenset()
    move = offset if isinstance(op, ast.Add) else -offset
    taken = frozenset().union(*(v.within for v in (left, right) if isinstance(v, Data)))
    return frozenset((first + move, None if last is None else last + move) for first, last in taken)


def merge_text(parts: Sequence[str | None]) -> tuple[str | None, ...]:
    """Parts of a text with neighbouring constants joined and repeated holes merged."""
    out: list[str | None] = []
    for part in parts:
        if part == "":
            continue
        if out and part is not None and out[-1] is not None:
            out[-1] = (out[-1] or "") + part
        elif not (out and part is None and out[-1] is None):
            out.append(part)
    return tuple(out)


def template_of(value: Value) -> tuple[str | None, ...] | None:
    if isinstance(value, Const) and isinstance(value.value, str):
        return (value.value,)
    if isinstance(value, Data):
        return value.template
    return None


def percent_template(text: str) -> tuple[str | None, ...]:
    """The parts of a `%` format."""
    out: list[str | None] = []
    for position, part in enumerate(text.split("%")):
        if position == 0:
            out.append(part)
            continue
        out.append(None)
        out.append(part.lstrip("0123456789.+- #").removeprefix(part.lstrip("0123456789.+- #")[:1]))
    return merge_text(out)


__all__ = ["Expressions", "ast_text", "bound", "decorated_with", "merge_text", "template_of"]
