"""Functions of torch and numpy that make or rearrange tensors."""

from __future__ import annotations

import ast
import math

from auditor.replacing import replace
from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation
from auditor.static.domain.by_token_kind import filled
from auditor.static.domain.flow import WHOLE
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import CLEAN, EMPTY, LAYOUT, SPACED, Array, Data
from auditor.static.domain.taint import choosing, joined
from auditor.static.domain.values import (
    Const,
    LibraryRef,
    RowNumber,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import ALLOCATIONS, COPIES, PARTS, POSITION_FUNCTIONS, RESETS, RESHAPES
from auditor.static.transfer.splitting import SPLITS, Pieces
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.tensor_methods import BY_ELEMENT, SUMS, TensorMethods
from auditor.trace.formula import LOST

CASTS = frozenset(["float16", "float32", "float64", "float_", "single", "double"])
"""Numpy types that keep a number as it is, but for its digits."""
MAX_CELLS = 16
"""Numbers that an array is made of and that are kept apart."""
EQUALITIES = {"eq": "eq", "equal": "eq", "ne": "ne", "not_equal": "ne"}
BY_ELEMENT_METHODS = frozenset([*SUMS, *BY_ELEMENT, "logical_not", "bitwise_not", "take", "index_select"])


WRAPS = frozenset(["as_tensor", "from_numpy", "asarray", "ascontiguousarray"])
"""Functions whose result looks at the memory of an array they are given."""

FILLS: dict[str, int | None] = {"zeros": 0, "ones": 1, "full": None, "bytearray": 0}


class TensorFunctions:
    """Calls of tensor functions."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        tensor_methods: TensorMethods,
        pieces: Pieces,
        stacked_columns: SideBySide,
    ) -> None:
        self.machine = machine
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.tensor_methods = tensor_methods
        self.pieces = pieces
        self.stacked_columns = stacked_columns

    def tensors(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        tail = name.rsplit(".", 1)[-1]
        first = args[0] if args else CLEAN
        if tail in ALLOCATIONS and name.split(".")[0] in ("torch", "numpy", "builtins"):
            if len(args) == 1 and tail in ("zeros", "empty") and self.views.number(first) == Expr(0):
                return EMPTY
            return self.allocated(tail, args, keywords, node)
        if tail in SPLITS and len(args) > 1:
            # numpy's number is one of pieces, torch's a size
            kind = "tensor_split" if name.startswith("numpy.") else tail
            parts = self.pieces.cut(first, self.views.data(first), kind, args[1:], keywords, node)
            if parts is not None:
                return parts
        if tail == "arange":
            return self.arange(args, keywords)
        if tail in ("linspace", "logspace", "geomspace"):
            found = self.views.mix(*args, *keywords.values())
            return replace(found, rank=1, marks=found.marks | {SPACED})
        if tail in POSITION_FUNCTIONS or (tail == "where" and len(args) == 1):
            return self.positions(name, tail, args, keywords, node)
        if tail in ("cat", "concatenate", "hstack") and args:
            return self.concatenated(first)
        if tail in ("tensor", "as_tensor", "from_numpy", "asarray", "array", "ascontiguousarray", "fromiter"):
            bits = self.tensor_methods.cast_bits(tail, args, keywords)
            if bits is not None:
                first = self.tensor_methods.wrapped(first, bits)
            if isinstance(first, (SymbolicInt, Const, SymbolicBool)):
                if isinstance(first, SymbolicInt):
                    return first
                if isinstance(first, Const) and isinstance(first.value, int | float) and first.value == 0:
                    return self.allocated("zeros", [TupleValue(())], keywords, node)
                return self.allocated(tail, [], keywords, node)
            if isinstance(first, Obj) and self.machine.evaluate.length(first) == Expr(0):
                return EMPTY
            if isinstance(first, Obj) and first.kind == "tensor" and tail in WRAPS and bits is None:
                return first
            totals = self.of_totals(first, node) if bits is None else None
            if totals is not None:
                return totals
            record = self.views.data(first)
            if isinstance(first, Obj):
                span = self.consecutive(first)
                record = replace(
                    record, span=span, ints=self.numbers_of(first) if span is None else frozenset()
                )
            return replace(record, array=first.array if isinstance(first, Data) else None, refs=frozenset())
        known = self.stacked_columns.constant_mask(first) if tail == "where" and len(args) == 3 else None
        if known is not None:
            return args[1] if known else args[2]
        if tail in CASTS and name.startswith("numpy.") and len(args) == 1:
            return first if isinstance(first, Const) else self.views.data(first).plain()
        if tail == "where" and len(args) == 3:
            mask = self.views.data(args[0])
            picked = self.effects.token_tables.picked(*args)
            if picked is not None:
                return replace(self.views.mix(*args), by_kind=picked)
            chosen = self.views.mix(*args[1:])
            if mask.looks:
                chosen = replace(chosen, looks=joined(chosen.looks, choosing(mask.looks)))
            if self.effects.lookups.in_vocabulary(chosen) and not chosen.losses:
                chosen = replace(chosen, regions=chosen.regions | mask.regions)
            found = self.effects.selection.decided(
                self.effects.masks.masked(chosen, mask, node), args[0], node
            )
            if (
                self.effects.token_tables.by_kind_of(args[2]) == 0
                and isinstance(args[1], Data)
                and "mask" in mask.marks
            ):
                return replace(found, by_kind=args[1].by_kind)  # some tokens only, each for what it counts
            return found
        if tail == "stack" and args and len(args) == 1 and not keywords:
            totals = self.of_totals(first, node)
            if totals is not None:
                return totals
        columns = (
            self.stacked_columns.stacked(args, keywords)
            if tail in ("stack", "column_stack") and args
            else None
        )
        if columns is not None:
            return columns
        if tail == "stack" and args:
            record = self.views.mix(*args)
            return replace(
                record, rank=None if record.rank is None else record.rank + 1, span=None, array=None
            )
        if tail == "nan_to_num" and args:
            return first
        if tail in EQUALITIES and len(args) == 2:
            return self.machine.apply.call_method(first, EQUALITIES[tail], args[1:], keywords, node)
        if tail in RESHAPES | COPIES | PARTS and args:
            return self.machine.apply.call_method(first, tail, args[1:], keywords, node)
        if tail in RESETS and args:
            return self.machine.apply.call_method(first, tail, args[1:], keywords, node)
        if name.startswith("math.") and all(isinstance(a, Const) for a in args):
            function = getattr(math, tail, None)
            if function is None:
                return CLEAN
            if not callable(function):
                return Const(function)
            try:
                return Const(function(*[a.value for a in args if isinstance(a, Const)]))
            except (TypeError, ValueError, OverflowError):
                return CLEAN
        if tail in ("minimum", "maximum", "clip", "clamp") and args and isinstance(first, Data):
            if first.intervals and not first.regions and first.by_kind is None:
                # positions kept inside an array: those beyond its ends change, and no others
                return replace(first, span=None, within=first.intervals)
        if tail in BY_ELEMENT_METHODS and args:
            record = self.views.data(first)
            if record.by_kind is not None or (record.regions and tail in SUMS):
                return self.machine.apply.call_method(first, tail, args[1:], keywords, node)
        if tail in ("minimum", "maximum", "clip") and len(args) >= 2:
            numbers = [self.views.number(a) for a in args[:2]]
            if all(n is not None for n in numbers) and tail != "clip":
                return SymbolicInt(operation("min" if tail == "minimum" else "max", *numbers))
        return None

    def numbers_of(self, listed: Obj) -> frozenset[RowNumber]:
        """The numbers of a list, each at its place, as an array of them holds them."""
        count = self.machine.evaluate.length(listed)
        if listed.kind != "list" or count is None or count.is_constant:
            return frozenset()
        entry = self.machine.recorder.next_entry()
        first = Symbol("iter", (entry, 1), 0, Expr(0))
        found: set[RowNumber] = set()
        for turn in (first, Symbol("iter", (entry, 2), 1, count - 1)):
            row = Expr.of(turn)
            number = self.views.number(self.machine.evaluate.element(listed, row))
            if number is None:
                return frozenset()
            found.add((row, number, ()))
        return frozenset(found)

    def of_totals(self, parts: Value, node: ast.AST) -> Obj | None:
        """An array of a few totals: scores added up, counts; what stands where is known until it is changed."""
        items = self.machine.evaluate.exact_items(parts)
        if items is None or not 1 < len(items) <= MAX_CELLS:
            return None
        records = [self.views.data(item) for item in items]
        scores = [record for record in records if record.losses]
        if not scores or not all("total" in record.marks for record in scores):
            return None
        out = self.heap.allocate("tensor", node)
        out.content = replace(self.views.mix(*items), formula=LOST)
        out.cells = TupleValue(tuple(items))
        return out

    def allocated(self, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.heap.allocate("tensor", node)
        rank: int | None = None
        if args and not tail.endswith("_like"):
            shape = args[0].items if isinstance(args[0], TupleValue) else None
            if shape is None and isinstance(args[0], Obj):
                items = args[0].items
                shape = items if isinstance(items, tuple) else None
            rank = len(shape) if shape is not None else 1 if tail == "full" else len(args)
        model = args[0] if args and tail.endswith("_like") else None
        if isinstance(model, Obj) and model.kind == "tensor" and model.length is not None:
            out.length = model.length
        empty = self.effects.masks.starts_empty(tail, args, keywords)
        out.content = Data(rank=rank)
        size = self.views.number(args[0]) if args and rank == 1 else None
        if size is not None and tail != "bytearray":
            out.length = size
        if empty:
            out.empty = True
            if len(args) == 1 and size is not None and size.is_constant and 1 < size.constant <= MAX_CELLS:
                out.cells = TupleValue((Const(0.0),) * size.constant)
        if rank == 1 and tail in FILLS:
            out.kinds = Data(by_kind=filled(self.fill_value(tail, args, keywords)))
        return out

    def fill_value(self, tail: str, args: list[Value], keywords: dict[str, Value]) -> object:
        """What a fresh array holds everywhere; None where it is not known."""
        if tail == "full":
            value = keywords.get("fill_value", args[1] if len(args) > 1 else CLEAN)
            return value.value if isinstance(value, Const) else None
        kind = keywords.get("dtype", args[1] if len(args) > 1 else CLEAN)
        if isinstance(kind, LibraryRef) and kind.name.rsplit(".", 1)[-1] in ("bool", "bool_", "bool8"):
            return FILLS[tail] == 1
        return FILLS[tail]

    def arange(self, args: list[Value], keywords: dict[str, Value]) -> Data:
        numbers = [self.views.number(a) for a in args]
        if len(numbers) == 1 and numbers[0] is not None:
            return Data(span=(Expr(0), numbers[0]), rank=1)
        if len(numbers) == 2 and numbers[0] is not None and numbers[1] is not None:
            return Data(span=(numbers[0], numbers[1]), rank=1, turns=numbers[0].iterations())
        return Data(turns=self.views.mix(*args).turns, rank=1)

    def positions(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """Indices of what is found in an array: positions, no content; in ascending order where they are."""
        given = self.views.mix(*args)
        found = Data(
            turns=given.turns,
            doubts=given.doubts,
            updates=given.updates,
            looks=choosing(given.looks),
        )
        found = self.effects.selection.decided(found, given, node)
        if tail in ("nonzero", "flatnonzero", "argwhere", "where"):
            self.symbols.last += 1
            array = Array(self.symbols.last, Expr(0), ascending=True)
            found = replace(found, array=array, rank=1, within=frozenset(((Expr(0), None),)))
            if "equals" in given.marks and self.is_split(given):
                self.effects.scoring.delimiters.add(array.number)
            as_tuple = keywords.get("as_tuple")
            if tail == "where" or name == "numpy.nonzero" or (isinstance(as_tuple, Const) and as_tuple.value):
                return TupleValue((found,))
        return found

    def is_split(self, record: Data) -> bool:
        """Whether places in a value are places in the split."""
        starts = [region.start for region in record.regions]
        return starts == [Expr(0)] and not record.marks & LAYOUT

    def concatenated(self, parts: Value) -> Value:
        """Concatenation: of arrays of positions with constants at their ends it still ascends."""
        items = parts.items if isinstance(parts, TupleValue) else None
        if items is None and isinstance(parts, Obj) and parts.elements is None:
            known = parts.items
            items = known if isinstance(known, tuple) else None
        record = replace(self.views.mix(parts), by_kind=self.views.data(parts).by_kind)
        if items is not None:
            arrays = [i for i in items if isinstance(i, Data) and i.array is not None]
            plain = [i for i in items if not (isinstance(i, Data) and i.array is not None)]
            if len(arrays) == 1 and all(not self.views.data(i).relevant for i in plain):
                array = arrays[0].array
                assert array is not None
                self.symbols.last += 1
                return replace(record, array=Array(self.symbols.last, Expr(0), array.ascending))
        every_file = items is None and record.regions == frozenset((WHOLE,))
        if not every_file and (items is None or len(items) > 1):
            # a place in several parts one behind the other is no place in the split
            record = replace(record, marks=record.marks | {"moved"})
        return replace(record, array=None, span=None, within=record.intervals)

    def consecutive(self, values: Obj) -> tuple[Expr, Expr] | None:
        """The interval of a list of positions one behind the other, such as `[start + i for i in range(n)]`."""
        length = self.machine.evaluate.length(values) if values.kind == "list" else None
        if length is None or not self.machine.evaluate.is_aligned(values, values.entries or ()):
            return None
        place = self.symbols.fresh("free")
        first, other = (
            self.views.number(self.machine.evaluate.element(values, Expr(0))),
            self.views.number(self.machine.evaluate.element(values, place)),
        )
        return (first, first + length) if first is not None and other == first + place else None
