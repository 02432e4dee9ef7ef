"""Binary operators: on integers, positions held by row, text, lists, and everything else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.program.operators import ELEMENTWISE, Binary
from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation
from auditor.static.ast_text import ast_text
from auditor.static.domain.by_token_kind import filled
from auditor.static.domain.heap import Env, Obj
from auditor.static.domain.provenance import THINNED, Data
from auditor.static.domain.values import (
    NONE,
    Const,
    Interval,
    Method,
    RowNumber,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Value,
)
from auditor.static.effects.count_ratios import is_share
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.list_views import moved
from auditor.static.transfer.room import TransferRoom

MAX_TEXT = 4096
ARITHMETIC: Mapping[type[ast.operator], Binary] = {**ELEMENTWISE, ast.RShift: operator.rshift}


class Arithmetic:
    """Evaluates binary operators."""

    def __init__(self, machine: Machine, effects: EffectsRoom, transfer: TransferRoom) -> None:
        self.machine = machine
        self.script = machine.script
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.transfer = transfer

    def eval_BinOp(self, node: ast.BinOp, env: Env) -> Value:
        return self.machine.evaluate.binary_by_method(
            node.op,
            self.machine.evaluate.evaluate(node.left, env),
            self.machine.evaluate.evaluate(node.right, env),
            node,
        )

    def binary(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        left, right = self.as_number(left, node), self.as_number(right, node)
        result = self.effects.formula_arithmetic.with_binary(
            op, left, right, self.operated(op, left, right, node), node
        )
        return self.effects.clocks.with_time(op, left, right, result)

    def as_number(self, value: Value, node: ast.AST) -> Value:
        """`array.size`, which is a number where an array of numpy or MLX is calculated with, and no method."""
        if not isinstance(value, Method) or value.name != "size":
            return value
        owner = value.owner
        if isinstance(owner, Data) or (isinstance(owner, Obj) and owner.kind == "tensor"):
            return self.machine.apply.call_method(owner, "size", [], {}, node)
        return value

    def operated(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        if isinstance(left, Const) and isinstance(right, Const):
            return self.constant_arithmetic(op, left, right)
        if isinstance(op, ast.BitAnd) and (self.is_false(left) or self.is_false(right)):
            return Const(False, getattr(left, "settings", NONE) | getattr(right, "settings", NONE))
        a, b = self.views.number(left), self.views.number(right)
        settings = getattr(left, "settings", NONE) | getattr(right, "settings", NONE)
        if a is not None and b is not None:
            expr = integer_arithmetic(op, a, b)
            if expr is None and isinstance(
                op, (ast.Mod, ast.Pow, ast.BitXor, ast.BitAnd, ast.RShift, ast.LShift)
            ):
                expr = Expr.of(Symbol("opaque", (type(op).__name__, a, b)))
            if expr is not None:
                return SymbolicInt(expr, settings)
        sequence = self.sequence_arithmetic(op, left, right, node)
        if sequence is not None:
            return sequence
        text = self.text_arithmetic(op, left, right)
        if text is not None:
            return text
        by_kind = self.effects.token_tables.combined(op, left, right)
        if by_kind is not None:
            out = replace(self.views.mix(left, right), by_kind=by_kind, span=None, array=None, template=None)
            if any(self.effects.token_tables.by_kind_of(side) is by_kind for side in (left, right)):
                out = replace(out, marks=out.marks | {THINNED})
            return replace(self.effects.lookups.arithmetic_looks(op, left, right, out, node), most=None)
        out = self.views.mix(left, right)
        if isinstance(op, ast.Add) and out.origins and not out.losses:
            out = replace(
                out,
                origins=self.effects.byte_counts.added(
                    self.views.data(left).origins, self.views.data(right).origins, node
                ),
            )
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
        out = self.effects.lookups.arithmetic_looks(op, left, right, out, node)
        logical = isinstance(op, (ast.BitAnd, ast.BitOr, ast.BitXor)) and "mask" in out.marks
        marks = out.marks - {"equals"} if logical else out.marks - {"mask", "equals"}
        if "file" in marks:
            marks |= {"moved"}  # lists of files put together
        return replace(out, span=span, within=within, marks=marks, array=None, most=self.most_of(node))

    def is_false(self, value: Value) -> bool:
        if isinstance(value, Const):
            return value.value is False
        return isinstance(value, Obj) and self.transfer.stacked_columns.constant_mask(value) is False

    def most_of(self, node: ast.AST) -> float | None:
        """What no result of an operation is larger than, where that is known."""
        tree = self.script.trees.get((self.recorder.layer, self.recorder.path))
        return 1.0 if tree is not None and is_share(tree, node) else None

    def row_arithmetic(
        self, op: ast.operator, left: Value, right: Value, out: Data, node: ast.AST
    ) -> Data | None:
        """Sums of integers held by row, positions added to them, and products and conjunctions of masks."""
        a, b = self.views.data(left), self.views.data(right)
        if isinstance(op, ast.Mult):
            for scores, weight in ((a, right), (b, left)):
                if scores.losses and scores.regions and may_be_zero(weight):
                    return self.effects.masks.chosen_unseen(out, ast_text(node), node)
        if isinstance(op, (ast.Mult, ast.BitAnd)):
            for record, mask in ((a, b), (b, a)):
                if "total" in record.marks:
                    continue  # a sum over tokens: nothing chooses among them any more
                if record.losses and record.regions and self.effects.masks.chooses_unseen(mask):
                    return self.effects.masks.chosen_unseen(out, ast_text(node), node)
                if "selective" in mask.marks and record.regions:
                    return self.effects.masks.thinned(out, node)
                if (mask.above or mask.below or mask.written) and record.regions:
                    return replace(self.effects.masks.masked(out, mask, node), marks=out.marks - {"mask"})
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
        number = self.views.number(value)
        return frozenset(((None, number, ()),)) if number is not None else self.views.data(value).ints

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
            container = left if isinstance(left, (TupleValue, Obj)) else right
            if isinstance(container, TupleValue) or (isinstance(container, Obj) and container.kind == "list"):
                out = self.heap.allocate("list", node)
                items = self.machine.evaluate.exact_items(container)
                values = tuple(items) if items is not None else (self.views.content(container),)  # type: ignore[arg-type]
                out.elements = tuple(
                    moved(v) for v in values if not (isinstance(v, Const) and v.value is None)
                )
                if any(not isinstance(v, Const) for v in values):
                    out.repeated = True
                elif len(values) == 1:
                    out.kinds = Data(by_kind=filled(values[0].value))  # type: ignore[attr-defined]
                return out
        if isinstance(op, ast.Add):
            a, b = self.machine.evaluate.exact_items(left), self.machine.evaluate.exact_items(right)
            if a is not None and b is not None:
                if isinstance(left, TupleValue):
                    return TupleValue((*a, *b))
                out = self.heap.allocate("list", node)
                out.items = (*a, *b)
                return out
            if any(isinstance(v, Obj) and v.kind == "list" for v in (left, right)):
                return self.transfer.list_views.concatenated_lists((left, right), node)
        return None

    def text_arithmetic(self, op: ast.operator, left: Value, right: Value) -> Value | None:
        a, b = template_of(left), template_of(right)
        if isinstance(op, ast.Add) and a is not None and b is not None:
            numbers = [*self.views.data(left).printed, *self.views.data(right).printed]
            if b == (None,) and not self.views.data(right).printed:
                words = [part for part in a if part is not None]
                numbers.extend(self.effects.formulas.printed_number(words[-1] if words else "", right, ""))
            found = replace(self.views.mix(left, right), template=merge_text([*a, *b]))
            return replace(found, formula=None, printed=tuple(dict.fromkeys(numbers)))
        if isinstance(op, ast.Div) and (a is not None or b is not None):
            record = self.views.mix(left, right)
            return replace(record, template=merge_text([*(a or (None,)), "/", *(b or (None,))]))
        if isinstance(op, ast.Mod) and isinstance(left, Const) and isinstance(left.value, str):
            template = percent_template(left.value)
            items = right.items if isinstance(right, TupleValue) else (right,)
            words = [part for part in template if part is not None]
            numbers = [
                number
                for place, item in enumerate(items)
                for number in self.effects.formulas.printed_number(
                    words[place] if place < len(words) else "", item, ""
                )
            ]
            return replace(self.views.mix(right), template=template, formula=None, printed=tuple(numbers))
        return None


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


def may_be_zero(weight: Value) -> bool:
    """Whether a number is 0 under a condition, which leaves out what it is multiplied with."""
    if isinstance(weight, SymbolicBool):
        return True
    if not isinstance(weight, SymbolicInt) or len(weight.expr.terms) != 1 or weight.expr.constant:
        return False
    symbol, _ = weight.expr.terms[0]
    return symbol.kind == "ite" and Expr(0) in symbol.args[1:]
