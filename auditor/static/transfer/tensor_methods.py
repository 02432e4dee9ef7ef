"""Methods that cast, select from and reshape tensors, and tell their sizes."""

from __future__ import annotations

import ast
from itertools import pairwise

from auditor.replacing import replace
from auditor.solver.expressions import Expr
from auditor.solver.operations import operation
from auditor.solver.solver import proves
from auditor.static.ast_text import ast_text
from auditor.static.domain.provenance import CLEAN, LAYOUT, Data
from auditor.static.domain.values import Const, LibraryRef, Slice, SymbolicInt, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import NARROW_BITS, OVER_AXIS
from auditor.trace.formula import Formula, Of

MAX_CHUNKS = 16
"""Parts that a tensor is broken into and that are kept apart."""

SUMS = frozenset(["sum", "nansum", "mean", "cumsum"])
BY_ELEMENT: dict[str, ast.operator] = {
    "add": ast.Add(),
    "mul": ast.Mult(),
    "logical_and": ast.BitAnd(),
    "bitwise_and": ast.BitAnd(),
    "logical_or": ast.BitOr(),
}


class TensorMethods:
    """What tensors become."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.symbols = machine.symbols
        self.views = machine.views
        self.effects = effects

    def cast_bits(self, name: str, args: list[Value], keywords: dict[str, Value]) -> int | None:
        """The bits that a cast leaves to a number, where these are too few for a position; None for any other call."""
        if name in NARROW_BITS and not args:
            return NARROW_BITS[name]
        if name not in ("to", "type", "astype", "view", "tensor", "as_tensor", "array", "asarray", "full"):
            return None
        for value in (*args, *keywords.values()):
            text = value.name.rsplit(".", 1)[-1] if isinstance(value, LibraryRef) else ""
            if isinstance(value, Const) and isinstance(value.value, str):
                text = value.value.removeprefix("torch.")
            if text in NARROW_BITS:
                return NARROW_BITS[text]
        return None

    def wrapped(self, value: Value, bits: int) -> Value:
        """A number or positions cast to so few bits: only what provably fits is still known."""
        if isinstance(value, SymbolicInt):
            fits = proves(value.expr) and proves(-value.expr + (2**bits - 1))
            return value if fits else SymbolicInt(self.symbols.fresh("opaque", value.expr), value.settings)
        if isinstance(value, Data) and (value.span or value.array or value.ints or value.windows):
            return replace(value, span=None, array=None, ints=frozenset(), windows=frozenset())
        return value

    def part(
        self,
        owner: Value,
        record: Data,
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value:
        """`narrow(axis, start, length)`, `select(axis, index)`, `index_select(axis, indices)`, `take(indices)`."""
        axis: Value = keywords.get("dim", Const(0)) if name == "take" else args[0]
        rest = args if name == "take" else args[1:]
        place = self.views.number(axis)
        if place is None or not place.is_constant or place.constant < 0 or not rest:
            marks = record.marks | {"moved"} if record.regions else record.marks
            return replace(self.views.mix(owner, *args), marks=marks, rank=None)
        chosen: Value = rest[0]
        if name == "narrow":
            start = self.views.number(rest[0])
            count = self.views.number(rest[1]) if len(rest) > 1 else None
            stop = SymbolicInt(start + count) if start is not None and count is not None else CLEAN
            chosen = Slice(rest[0], stop, None)
        whole = Slice(None, None, None)
        return self.machine.evaluate.subscript(owner, TupleValue((whole,) * place.constant + (chosen,)), node)

    def chunks(self, owner: Value, record: Data, args: list[Value], node: ast.AST) -> Value | None:
        """`tokens.chunk(n)`: its parts, where these are few and it is one stretch of tokens."""
        count = args[0].value if len(args) == 1 and isinstance(args[0], Const) else None
        length = self.data_length(owner, record)
        if not isinstance(count, int) or not 0 < count <= MAX_CHUNKS or length is None or record.rank != 1:
            return None
        size = operation("floordiv", length + (count - 1), Expr(count))
        ends = [operation("min", size.scaled(place), length) for place in range(count + 1)]
        parts = [Slice(SymbolicInt(first), SymbolicInt(last), None) for first, last in pairwise(ends)]
        return TupleValue(tuple(self.machine.evaluate.subscript(owner, part, node) for part in parts))

    def method_by_kind(
        self,
        owner: Value,
        record: Data,
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value | None:
        """Methods of tables and of byte lengths by token; None for those that do nothing of their own."""
        if name in SUMS:
            return self.effects.byte_counts.counted(record, node)
        if name in ("gather", "index_select", "take", "take_along_dim"):
            return self.machine.evaluate.subscript(
                owner, keywords.get("index", args[-1] if args else CLEAN), node
            )
        if name in ("bitwise_not", "logical_not"):
            by_kind = self.effects.token_tables.transformed(
                ast.Not() if name == "logical_not" else ast.Invert(), owner
            )
            return replace(record, by_kind=by_kind)
        if name in BY_ELEMENT and args:
            return self.machine.evaluate.binary(BY_ELEMENT[name], owner, args[0], node)
        return None

    def reshaped(self, record: Data, name: str, args: list[Value]) -> Data:
        rank: int | None = None
        shape: tuple[Value, ...] = ()
        if name in ("view_as", "reshape_as"):
            like = self.views.data(args[0] if args else None)
            return replace(record.laid_out_as(like), rank=like.rank, array=None, span=None)
        if name in ("reshape", "view"):
            shape = args[0].items if len(args) == 1 and isinstance(args[0], TupleValue) else tuple(args)
            rank = len(shape) if shape else None
            if (
                len(shape) == 1
                and isinstance(shape[0], (LibraryRef, Const))
                and not isinstance(getattr(shape[0], "value", 0), int)
            ):
                rank = record.rank
        elif name in ("flatten", "ravel"):
            rank = 1
        elif name == "unsqueeze":
            in_front = bool(args) and self.views.number(args[0]) == Expr(0)
            lifted = None if record.rank is None or (record.rank == 1 and not in_front) else record.rank + 1
            return replace(record, rank=lifted, array=None)
        elif name == "squeeze":
            if record.array is not None or record.rank == 1:
                return record
            rank = record.rank - 1 if record.rank is not None and record.rank > 2 else None
        elif name in ("permute", "transpose", "T"):
            return replace(record, marks=record.marks | {"moved"}) if "folded" in record.marks else record
        elif name in ("expand", "repeat"):
            # copies, one behind the other
            return replace(record, marks=record.marks | {"moved"}, span=None, array=None)
        keep = record.array if name in ("flatten", "ravel", "reshape", "view") and rank == 1 else None
        found = replace(record, rank=rank, array=keep, span=record.span if rank == 1 else None)
        return self.refolded(found, record.rank, shape)

    def refolded(self, record: Data, before: int | None, shape: tuple[Value, ...]) -> Data:
        """How the tokens lie after a change of shape: rows put one behind the other, or a stretch broken into rows."""
        marks = record.marks
        if not record.regions or record.rank == before or record.rank is None:
            return record
        if record.rank == 1:
            marks = marks - {"folded"} if "folded" in marks else marks | {"flat"}
        elif before == 1:
            one_row = bool(shape) and self.views.number(shape[0]) == Expr(1)
            if "flat" in marks:
                marks = marks - {"flat"}
            elif not one_row and not all(region.row is not None for region in record.regions):
                marks = marks | {"folded"}
        return replace(record, marks=marks)

    def gathered(self, record: Data, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Data:
        """Log-probabilities picked at an index: the tokens of the index are what is scored."""
        index = keywords.get("index", args[-1] if args else CLEAN)
        target = self.views.data(index)
        out = self.views.mix(record, index)
        if self.is_other_axis(record, args, keywords) and (record.losses or "softmax" in record.marks):
            text = f"{ast_text(node)}: normalised over another axis than the vocabulary's"
            known = record.formula or Formula(of=Of.PROBABILITY)
            record = replace(record, formula=known.changed(self.effects.formulas.change(node, text=text)))
            out = replace(out, formula=record.formula)
        if record.losses and target.regions:
            return self.effects.scoring.picked_score(out, target, node)
        if record.states and record.regions and target.regions and "softmax" in record.marks:
            return self.effects.scoring.loss(
                target,
                out,
                node,
                "softmax" if record.updates <= self.in_modules(record) else "mixture",
                self.effects.formulas.made_with_target(
                    record.formula or Formula(of=Of.PROBABILITY), record, target, node
                ),
            )
        if self.effects.lookups.in_vocabulary(record) and self.effects.lookups.key_tokens(target):
            # a logit at the target: it becomes a score where the normaliser is taken off
            out = out.laid_out_as(target)
            return replace(out, regions=target.regions, rank=target.rank, marks=out.marks | {"picked"})
        return self.effects.lookups.with_lookup(out, record, [index], node)

    def is_other_axis(self, record: Data, args: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether it was normalised over one axis, and entries are picked along another one."""
        axis = keywords.get("dim", args[0] if len(args) > 1 else None)
        number = axis.value if isinstance(axis, Const) else None
        over = {mark for mark in record.marks if mark.startswith(OVER_AXIS)}
        return isinstance(number, int) and number >= 0 and bool(over) and f"{OVER_AXIS}{number}" not in over

    def in_modules(self, record: Data) -> frozenset[int]:
        """The updates that the modules in a value have absorbed: what else it absorbed was mixed in."""
        return frozenset().union(*(self.views.history(o) for o in record.states if o.kind == "module"))

    def size_method(self, owner: Value, record: Data, name: str, args: list[Value]) -> Value | None:
        if name in ("numel", "__len__") or (
            name == "size" and (not args or self.views.number(args[0]) == Expr(0))
        ):
            length = self.data_length(owner, record)
            if length is not None:
                return SymbolicInt(length)
        if name in (
            "numel",
            "size",
            "dim",
            "element_size",
            "nelement",
            "stride",
            "storage_offset",
        ):
            return Data(turns=record.turns) if record.turns else CLEAN
        return None

    def data_length(self, owner: Value, record: Data) -> Expr | None:
        """The number of elements of a stream of tokens or an array of positions."""
        if record.array is not None:
            return record.array.length()
        if record.span is not None:
            return record.span[1] - record.span[0]
        if record.rank == 1 and len(record.regions) == 1 and not record.marks & LAYOUT:
            (region,) = record.regions
            if (
                region.start is not None
                and region.stop is not None
                and region.row is None
                and not region.turns
            ):
                return region.stop - region.start
        return None
