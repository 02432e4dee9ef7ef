"""What scripts ask a tokenizer about its pieces: loops over all token ids, and the questions inside them.

A loop over all token ids runs once for a model piece of each kind (`auditor.trace.token_bytes`), so a table
built from a tokenizer holds what the script computes for that kind.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence

from auditor.program.walk import walk
from auditor.solver.expressions import Expr, Symbol
from auditor.static.domain.by_token_kind import (
    INDEX,
    ByKind,
    table,
)
from auditor.static.domain.heap import Env, Func, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, SymbolicInt, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.effects.token_tables import known_value
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Load
from auditor.trace.token_bytes import KINDS

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


class Tokenizers:
    """Answers for model pieces, and visits them."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.effects = effects
        self.asks: dict[int, bool] = {}

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """A tokenizer of SentencePiece; None for any other function."""
        if name.rsplit(".", 1)[-1] != "SentencePieceProcessor":
            return None
        out = self.heap.allocate("tokenizer", node)
        path = keywords.get("model_file", args[0] if args else None)
        if path is not None:
            self.tokenizer_loaded(path, node)
        return out

    def tokenizer_loaded(self, path: Value, node: ast.AST) -> None:
        self.recorder.record(
            Load(**self.recorder.common(node), source="tokenizer", what=self.machine.apply.text_of(path))
        )

    def tokenizer_method(
        self, owner: Obj, name: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What a model piece answers; None for what is no question about pieces."""
        if name in SIZES:
            return SymbolicInt(Expr.of(Symbol("size", ((owner.number, "pieces"),), 1)))
        if name in ("load", "Load", "LoadFromFile"):
            path = keywords.get("model_file", args[0] if args else None)
            if path is not None:
                self.tokenizer_loaded(path, node)
            return Const(True)
        if name not in QUESTIONS or not args:
            return None
        index = args[0]
        if name.lower().startswith("decode"):
            items = self.machine.evaluate.exact_items(index)
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
        parts = iterable.parts
        if not isinstance(parts, tuple) or len(parts) != 1 or iterable.start != Expr(0):
            return None
        by_kind = self.effects.token_tables.by_kind_of(parts[0])
        if not isinstance(by_kind, ByKind) or not by_kind.is_table or not by_kind.known:
            return None
        return [
            TupleValue((Const(kind.number), known_value(value)))
            for kind, value in zip(KINDS, by_kind.values, strict=True)
        ]

    def is_range(self, iterable: Value) -> bool:
        if isinstance(iterable, Const):
            return isinstance(iterable.value, range) and len(iterable.value) >= len(KINDS)
        return isinstance(iterable, Obj) and bool(iterable.aligned) and iterable.entries is not None

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
                owner = self.machine.evaluate.evaluate(node.func.value, env)
                return isinstance(owner, Obj) and owner.kind == "tokenizer"
            called = self.machine.evaluate.evaluate(node.func, env)
            return isinstance(called, Func) and self.mentions_question(called.node)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and node.slice.id == name:
            if isinstance(node.ctx, ast.Load) and is_path(node.value):
                by_kind = self.effects.token_tables.by_kind_of(
                    self.machine.evaluate.evaluate(node.value, env)
                )
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
        iterable = self.machine.evaluate.evaluate(generator.iter, env)
        entries: list[Value]
        if isinstance(generator.target, ast.Name) and self.is_range(iterable):
            if not self.asks_by(generator.target.id, [node.elt], env, id(node)):
                return None
            entries = [Const(kind.number) for kind in KINDS]
        else:
            by_kind = self.effects.token_tables.by_kind_of(iterable)
            if not isinstance(by_kind, ByKind) or not by_kind.is_table or not by_kind.known:
                return None
            entries = [known_value(value) for value in by_kind.values]
        scope = Env(env)
        values: list[object] = []
        for entry in entries:
            self.machine.evaluate.assign(generator.target, entry, scope)
            value = self.machine.evaluate.evaluate(node.elt, scope)
            values.append(value.value if isinstance(value, Const) else None)
        out = self.heap.allocate("list", node)
        out.elements = ()
        out.kinds = Data(by_kind=table(values))
        return out


def is_path(node: ast.expr) -> bool:
    """A name or attributes of one: evaluating it does nothing."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)
