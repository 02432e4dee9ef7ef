"""The denominator of bits per byte: what a script's tables count for each kind of token, and where it is added up.

A loop over all token ids runs once for a model piece of each kind (`auditor.trace.token_bytes`), so a table
built from a tokenizer holds what the script computes for that kind. Lookups and arithmetic on them are followed
in `auditor.static.by_kind`; a sum over validation tokens is a `Count`.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.by_kind import (
    COMPARISONS,
    INDEX,
    OPERATORS,
    UNARY,
    ByKind,
    by_pair,
    elementwise,
    filled,
    table,
)
from auditor.static.heap import Env, Obj
from auditor.static.looks import NO_LOOKS
from auditor.static.machine import Machine
from auditor.static.statements import ast_text
from auditor.static.values import Const, Data, Func, Num, Slice, Truth, Tup, Value
from auditor.trace.events import Count, Load
from auditor.trace.linear import Atom, Expr
from auditor.trace.region import Region
from auditor.trace.token_bytes import KINDS, compared

QUESTIONS = frozenset(
    [
        "id_to_piece",
        "IdToPiece",
        "is_control",
        "IsControl",
        "is_unknown",
        "IsUnknown",
        "is_unused",
        "IsUnused",
        "is_byte",
        "IsByte",
        "decode",
        "Decode",
        "decode_ids",
        "DecodeIds",
    ]
)
SIZES = frozenset(["vocab_size", "get_piece_size", "GetPieceSize", "piece_size", "__len__"])
MAX_NODES = 500
"""Nodes of a loop's body that are searched for a question: loops that build tables are short."""
BYTES_SOURCE = "bytes"
"""The source of regions of a byte sidecar: lengths stored by position beside the validation tokens."""

Summed = tuple[object, ...]
NO_ORIGINS: frozenset[int] = frozenset()


class ByteCounts(Machine):
    """Follows tables by token id and records what is counted with them."""

    def prepare_counts(self) -> None:
        self.asks: dict[int, bool] = {}
        self.sums: dict[int, tuple[Summed, ByKind]] = {}

    # tokenizers
    def tokenizer(self, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.allocate("tokenizer", node)
        path = keywords.get("model_file", args[0] if args else None)
        if path is not None:
            self.tokenizer_loaded(path, node)
        return out

    def tokenizer_loaded(self, path: Value, node: ast.AST) -> None:
        self.record(Load(**self.common(node), source="tokenizer", what=self.text_of(path)))  # type: ignore[arg-type]

    def tokenizer_method(
        self, owner: Obj, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What a model piece answers; None for what is no question about pieces."""
        if name in SIZES:
            return Num(Expr.of(Atom("size", ((owner.number, "pieces"),), 1)))
        if name in ("load", "Load", "LoadFromFile"):
            path = keywords.get("model_file", args[0] if args else None)
            if path is not None:
                self.tokenizer_loaded(path, node)
            return Const(True)
        if name not in QUESTIONS or not args:
            return None
        index = args[0]
        if name.lower().startswith("decode"):
            items = self.exact_items(index)
            index = items[0] if items is not None and len(items) == 1 else index
        if not isinstance(index, Const) or not isinstance(index.value, int) or index.value not in INDEX:
            return None
        kind = KINDS[INDEX[index.value]]
        question = name.replace("_", "").lower()
        if question == "idtopiece":
            return Const(kind.piece)
        if question.startswith("decode"):
            return Const(kind.text)
        return Const(kind.name == question.removeprefix("is"))

    # loops over token ids
    def kinds_to_visit(self, node: ast.For | ast.AsyncFor, iterable: Value, env: Env) -> list[Value] | None:
        """The turns of a loop over all token ids: one for each kind; None for any other loop."""
        if isinstance(iterable, Obj) and iterable.kind == "iterator":
            return self.enumerated_kinds(iterable)
        if isinstance(node.target, ast.Name) and self.is_range(iterable):
            if self.asks_by(node.target.id, node.body, env, id(node)):
                return [Const(kind.number) for kind in KINDS]
        return None

    def enumerated_kinds(self, iterable: Obj) -> list[Value] | None:
        parts = iterable.d.get("#parts")
        if not isinstance(parts, tuple) or len(parts) != 1 or iterable.d.get("#start") != Expr(0):
            return None
        by_kind = self.by_kind_of(parts[0])
        if not isinstance(by_kind, ByKind) or not by_kind.is_table or not by_kind.known:
            return None
        return [
            Tup((Const(kind.number), known_value(value)))
            for kind, value in zip(KINDS, by_kind.values, strict=True)
        ]

    def is_range(self, iterable: Value) -> bool:
        if isinstance(iterable, Const):
            return isinstance(iterable.value, range) and len(iterable.value) >= len(KINDS)
        return isinstance(iterable, Obj) and bool(iterable.d.get("#aligned")) and "#entries" in iterable.d

    def asks_by(self, name: str, body: Sequence[ast.AST], env: Env, key: int) -> bool:
        """Whether the text asks a tokenizer about the token of that name, or reads a table by it."""
        known = self.asks.get(key)
        if known is None:
            parts = (part for statement in body for part in walk(statement))
            known = self.asks[key] = any(
                self.is_question(part, name, env) for part in itertools.islice(parts, MAX_NODES)
            )
        return known

    def is_question(self, node: ast.AST, name: str, env: Env) -> bool:
        if isinstance(node, ast.Call):
            mentioned = {n.id for argument in node.args for n in walk(argument) if isinstance(n, ast.Name)}
            if name not in mentioned or not is_path(node.func):
                return False
            if isinstance(node.func, ast.Attribute) and node.func.attr in QUESTIONS:
                owner = self.evaluate(node.func.value, env)
                return isinstance(owner, Obj) and owner.kind == "tokenizer"
            called = self.evaluate(node.func, env)
            return isinstance(called, Func) and self.mentions_question(called.node)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == name:
            if isinstance(node.ctx, ast.Load) and is_path(node.value):
                by_kind = self.by_kind_of(self.evaluate(node.value, env))
                return isinstance(by_kind, ByKind) and by_kind.is_table
        return False

    def mentions_question(self, function: ast.AST) -> bool:
        known = self.asks.get(-id(function))
        if known is None:
            known = self.asks[-id(function)] = any(
                isinstance(n, ast.Attribute) and n.attr in QUESTIONS for n in walk(function)
            )
        return known

    def kinds_listed(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, env: Env) -> Obj | None:
        """A comprehension over all token ids, as a table."""
        generator = node.generators[0]
        if len(node.generators) != 1 or generator.ifs:
            return None
        iterable = self.evaluate(generator.iter, env)
        entries: list[Value]
        if isinstance(generator.target, ast.Name) and self.is_range(iterable):
            if not self.asks_by(generator.target.id, [node.elt], env, id(node)):
                return None
            entries = [Const(kind.number) for kind in KINDS]
        else:
            by_kind = self.by_kind_of(iterable)
            if not isinstance(by_kind, ByKind) or not by_kind.is_table or not by_kind.known:
                return None
            entries = [known_value(value) for value in by_kind.values]
        scope = Env(env)
        values: list[object] = []
        for entry in entries:
            self.assign(generator.target, entry, scope)
            value = self.evaluate(node.elt, scope)
            values.append(value.value if isinstance(value, Const) else None)
        out = self.allocate("list", node)
        out.d["#elements"] = ()
        out.d["#kinds"] = Data(by_kind=table(values))
        return out

    # tables
    def by_kind_of(self, value: Value | None) -> object:
        """A value as `elementwise` takes it: by kind, a constant, or None for anything else."""
        if isinstance(value, Data):
            return value.by_kind
        if isinstance(value, Const):
            return value.value if isinstance(value.value, (bool, int, float)) else None
        if isinstance(value, Obj):
            found = value.d.get("#kinds")
            return found.by_kind if isinstance(found, Data) else None
        return None

    def store_by_kind(self, target: Obj, index: Value, value: Value) -> bool:
        """Write a table for one model piece, or a whole table into another; False for any other write."""
        known = self.by_kind_of(target)
        if not isinstance(known, ByKind) or not known.known:
            return False
        new: ByKind | None = None
        chosen = self.chosen_kinds(index)
        if isinstance(index, Const) and isinstance(index.value, int) and not isinstance(index.value, bool):
            position = INDEX.get(index.value)
            if position is None:
                return True  # a single id that no model piece has
            new = known.with_value(position, value.value if isinstance(value, Const) else None)
        elif isinstance(index, Slice) and (index.lower is None or self.number(index.lower) == Expr(0)):
            given = self.by_kind_of(value)
            new = given if isinstance(given, ByKind) and given.is_table else None
        if new is None and chosen is not None and isinstance(value, Const):
            new = known
            for position in chosen:
                new = new.with_value(position, value.value)
        if new is None:
            self.spoil(target)
            return False
        self.put(target, "#kinds", Data(by_kind=new))
        if isinstance(value, Const):
            self.note_stored(target, value)
        return True

    def note_stored(self, target: Obj, value: Const) -> None:
        """Keep the constants that are written into an array: zeros and ones make a mask."""
        known = target.d.get("#stored")
        written = value.value if isinstance(value.value, (int, float)) else None
        self.put(target, "#stored", (known if isinstance(known, frozenset) else frozenset()) | {written})

    def chosen_kinds(self, index: Value) -> list[int] | None:
        """Positions in `KINDS` of the ids that a slice with constant bounds selects."""
        if not isinstance(index, Slice) or index.step is not None:
            return None
        bounds: list[int | None] = []
        for part in (index.lower, index.upper):
            value = part.value if isinstance(part, Const) else None
            if part is not None and (not isinstance(value, int) or value < 0):
                return None
            bounds.append(value if isinstance(value, int) else None)
        chosen = slice(*bounds)
        return [INDEX[kind.number] for kind in KINDS if in_slice(kind.number, chosen)]

    def spoil(self, target: Obj) -> None:
        """The array was written in a way that is not followed by kind."""
        if "#kinds" in target.d:
            self.trail.drop(target, "#kinds")

    def looked_up(self, owner: Value, index: Value) -> Value | ByKind | None:
        """A table read by an index: a constant for a model piece, by kind for tokens; None for anything else."""
        known = self.by_kind_of(owner)
        if not isinstance(known, ByKind) or not (known.is_table or not known.axes):
            return None
        if isinstance(index, Const) and isinstance(index.value, int) and known.known:
            position = INDEX.get(index.value) if known.is_table else 0
            return None if position is None else known_value(known.values[position])
        if isinstance(index, Slice) and (index.lower is None or self.number(index.lower) == Expr(0)):
            return known
        if isinstance(index, Const) and isinstance(index.value, str) and not known.known:
            return known  # one of the tables in a file
        if isinstance(index, (Slice, Const, Tup, Num, Truth)):
            return None
        record = self.data(index)
        if "mask" in record.marks:
            return None
        return known.at(tokens_of(record))

    # arithmetic
    def combined(self, operator: ast.operator, left: Value, right: Value) -> ByKind | None:
        """Arithmetic by element where one side is known by kind."""
        a, b = self.by_kind_of(left), self.by_kind_of(right)
        given = [part for part in (a, b) if isinstance(part, ByKind)]
        if not given:
            return None
        function = OPERATORS.get(type(operator))
        for by_kind, other in ((a, right), (b, left)):
            # an array by position, not by token id: some of the tokens, each for what it counts
            by_tokens = isinstance(by_kind, ByKind) and by_kind.axes and not by_kind.is_table
            if isinstance(operator, (ast.Mult, ast.BitAnd)) and by_tokens and self.only_chooses(other):
                assert isinstance(by_kind, ByKind)
                return by_kind
        if function is not None and a is not None and b is not None:
            return elementwise(function, a, b)
        return given[0].lost()

    def only_chooses(self, value: Value) -> bool:
        """Whether a factor is one or nothing: the outcome of a comparison, or zeros with ones written into them."""
        record = self.data(value)
        if "mask" in record.marks:
            return record.by_kind is None
        stored = value.d.get("#stored") if isinstance(value, Obj) else None
        return isinstance(stored, frozenset) and stored <= {0, 1}

    def transformed(self, operator: ast.unaryop, value: Value) -> ByKind | None:
        function = UNARY.get(type(operator))
        return None if function is None else elementwise(function, self.by_kind_of(value))

    def compared(self, operator: ast.cmpop, left: Value, right: Value) -> ByKind | None:
        a, b = self.by_kind_of(left), self.by_kind_of(right)
        function = COMPARISONS.get(type(operator))
        if function is None or a is None or b is None:
            return None
        return elementwise(function, a, b)

    def conjoined(self, values: Sequence[Value], *, conjunction: bool) -> ByKind | None:
        """`a and b` or `a or b`, where all parts are known by kind."""
        parts = [self.by_kind_of(value) for value in values]
        if not all(isinstance(part, ByKind) for part in parts):
            return None
        return elementwise(every if conjunction else some, *parts)

    def picked(self, condition: Value, first: Value, second: Value) -> ByKind | None:
        """One of two values, chosen by element."""
        parts = [self.by_kind_of(value) for value in (condition, first, second)]
        if None in parts or not isinstance(parts[0], ByKind):
            return None
        return elementwise(either, *parts)

    def measured(self, value: Value) -> ByKind | None:
        """`len` of each piece of a table of texts."""
        found = self.by_kind_of(value)
        return elementwise(len, found) if isinstance(found, ByKind) and not found.is_table else None

    # sums
    def counted(self, record: Data, node: ast.AST) -> Data:
        """Bytes of tokens are added up."""
        by_kind, numbers = record.by_kind, set(record.origins)
        plain = replace(record, by_kind=None)
        if record.losses:
            return plain
        if by_kind is not None and any(isinstance(axis, frozenset) for axis in by_kind.axes):
            numbers.add(self.count(by_kind, node, record.origins))
            plain = replace(plain, looks=NO_LOOKS)  # a number of bytes is in no token's probability
        stored = frozenset(region for region in record.regions if region.source == BYTES_SOURCE)
        if stored:
            numbers.add(self.stored_count(stored, node))
            plain = replace(plain, regions=plain.regions - stored)
        return replace(plain, origins=frozenset(numbers))

    def count(
        self,
        by_kind: ByKind,
        node: ast.AST,
        origins: frozenset[int] = NO_ORIGINS,
        turn: tuple[object, ...] | None = None,
    ) -> int:
        where = turn if turn is not None else tuple((r.entry, r.iteration) for r in self.running)
        key = (self.place(node), by_kind.axes, id(by_kind.values), where)
        number = self.known_counts.get(key)
        if number is None:
            target = by_pair(by_kind, precedes)
            axes = [axis for axis in by_kind.axes if isinstance(axis, frozenset)]
            how = how_counted(target)
            read = any(isinstance(self.events[number], Load) for number in origins)
            event = Count(
                **self.common(node),  # type: ignore[arg-type]
                regions=axes[0] if axes else frozenset(),
                how="file" if read and how == "unknown" else how,
                what=ast_text(node) if isinstance(node, ast.expr) else "",
                counts=target,
            )
            self.record(event)
            number = self.known_counts[key] = event.number
            self.sums[number] = ((frozenset(axes), where), by_kind)
        return number

    def stored_count(self, stored: frozenset[Region], node: ast.AST) -> int:
        key = (self.place(node), stored)
        number = self.known_counts.get(key)
        if number is None:
            regions = frozenset(replace(region, source="val") for region in stored)
            what = ast_text(node) if isinstance(node, ast.expr) else ""
            event = Count(**self.common(node), regions=regions, how="sidecar", what=what)  # type: ignore[arg-type]
            self.record(event)
            number = self.known_counts[key] = event.number
        return number

    def added(self, old: frozenset[int], new: frozenset[int], node: ast.AST) -> frozenset[int]:
        """Origins of a sum: counts of the same tokens in the same turn are one count."""
        if not old or not new:
            return old | new
        out = set(old | new)
        for first in sorted(old & self.sums.keys()):
            for second in sorted(new & self.sums.keys()):
                (tokens, turn), a = self.sums[first]
                (others, other_turn), b = self.sums[second]
                related = tokens <= others or others <= tokens  # type: ignore[operator]
                if first != second and related and turn == other_turn:
                    total = elementwise(OPERATORS[ast.Add], a, b)
                    if total is not None:
                        out -= {first, second}
                        out.add(self.count(total, node, turn=turn))  # type: ignore[arg-type]
        return frozenset(out)


def in_slice(number: int, chosen: slice) -> bool:
    return number >= (chosen.start or 0) and (chosen.stop is None or number < chosen.stop)


def every(*given: object) -> bool:
    return all(given)


def some(*given: object) -> bool:
    return any(given)


def either(test: object, first: object, second: object) -> object:
    return first if test else second


def how_counted(counts: tuple[float | None, ...]) -> str:
    """ "table" where each kind has its own length, "uniform" where all text tokens count alike, else "unknown"."""
    inside = [c for c in compared(counts) if c.kind.common and not c.before.boundary]
    common = {c.count for c in inside}
    unmarked = {c.count for c in inside if c.kind.size > 1 and not c.kind.leading}
    if not inside or None in common or (unmarked == {0.0} and common != {0.0}):
        return "unknown"  # with nothing for a plain piece the greater part of its length was not followed
    return "uniform" if len(common) == 1 else "table"


def known_value(value: object) -> Value:
    return Data() if value is None else Const(value)


def tokens_of(record: Data) -> frozenset[Region]:
    """The tokens that a lookup goes by, as the axis of a `ByKind`."""
    return frozenset(region for region in record.regions if region.source == "val")


def precedes(first: object, second: object) -> bool | None:
    """Whether the first tokens stand one position before the second; None if their places do not tell."""
    if not isinstance(first, frozenset) or not isinstance(second, frozenset):
        return None
    if len(first) != 1 or len(second) != 1:
        return None
    (a,), (b,) = first, second
    if a.start is None or b.start is None:
        return None
    difference = b.start - a.start
    if not difference.is_constant or abs(difference.constant) != 1:
        return None
    return bool(difference.constant == 1)


def is_path(node: ast.expr) -> bool:
    """A name or attributes of one: evaluating it does nothing."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


__all__ = ["ByteCounts", "filled"]
