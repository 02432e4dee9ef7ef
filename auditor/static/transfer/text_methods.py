"""Methods of text and bytes that are known, paths among them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.dispatch import Functions
from auditor.static.transfer.files import Files
from auditor.trace.formula import Printed

COMPUTED = frozenset([
    "split", "strip", "lower", "upper", "replace", "startswith", "endswith", "lstrip", "rstrip", "removeprefix",
    "removesuffix", "title", "splitlines", "isdigit", "encode", "decode", "zfill", "count", "find", "rjust", "ljust",
    "partition", "rpartition", "casefold", "capitalize",
])  # fmt: skip
"""Methods whose result is computed where all that they are handed is known."""
SAME_PATH = frozenset(["resolve", "absolute", "expanduser", "as_posix", "with_suffix", "with_name"])
"""Methods of a path that name the same place, or one beside it."""

Handler = Callable[[Const, str, list[Value], dict[str, Value], ast.AST], Value]


class TextMethods:
    """Calls of methods of constants."""

    def __init__(self, machine: Machine, effects: EffectsRoom, files: Files, dispatch: Functions) -> None:
        self.machine = machine
        self.views = machine.views
        self.effects = effects
        self.files = files
        self.dispatch = dispatch
        self.of_text: dict[str, Handler] = {
            "format": self.formatted,
            "join": self.joined,
            "joinpath": self.joined_path,
            **dict.fromkeys(("glob", "rglob", "iterdir"), self.globbed),
            **dict.fromkeys(("read_bytes", "read_text", "open"), self.opened),
            **dict.fromkeys(("write_text", "write_bytes"), self.written),
            **dict.fromkeys(SAME_PATH, self.same_path),
        }

    def constant_method(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """What a method of a constant gives: computed, told apart by name, or made of what it is handed."""
        value = owner.value
        if isinstance(value, (str, bytes)) and name in COMPUTED and all(isinstance(a, Const) for a in args):
            try:
                result = getattr(value, name)(*[a.value for a in args if isinstance(a, Const)])
            except (TypeError, ValueError, LookupError):
                return Data(settings=owner.settings)
            return Const(tuple(result) if isinstance(result, list) else result, owner.settings)
        if isinstance(value, bytes) and name == "join":
            return self.joined_text("", args)
        handler = self.of_text.get(name) if isinstance(value, str) else None
        if handler is not None:
            return handler(owner, name, args, keywords, node)
        return replace(self.views.mix(*args, *keywords.values()), rank=None, template=None)

    def formatted(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """`text.format(…)`: the text with a gap for each number, and what each printed number is."""
        for filled in (*args, *keywords.values()):
            self.machine.evaluate.formatted(filled, "format", node)
        parts: list[str | None] = []
        for position, part in enumerate(str(owner.value).split("{")):
            parts.append(part if position == 0 else part.split("}", 1)[-1])
            parts.append(None)
        numbers: list[Printed] = []
        for place, item in enumerate(args):
            before = parts[2 * place] if 2 * place < len(parts) else ""
            numbers.extend(self.effects.formulas.printed_number(before or "", item, ""))
        for key, item in keywords.items():
            numbers.extend(self.effects.formulas.printed_number("", item, key))
        record = replace(self.views.mix(*args, *keywords.values()), formula=None, printed=tuple(numbers))
        return replace(record, template=tuple(parts[:-1]))

    def joined(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        return self.joined_text(str(owner.value), args)

    def joined_path(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        tail = "/".join(str(a.value) if isinstance(a, Const) else "?" for a in args)
        return Const(f"{owner.value}/{tail}", owner.settings)

    def globbed(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        return self.dispatch.call_library("glob.glob", [owner, *args], {}, node)

    def opened(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        given = args if name == "open" else []
        return self.dispatch.call_library("builtins.open", [owner, *given], keywords, node)

    def written(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        self.files.wrote(owner)
        return self.dispatch.call_library("pickle.dump", args, {}, node)

    def same_path(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        return owner

    def joined_text(self, separator: str, args: list[Value]) -> Value:
        items = self.known_parts(args[0]) if args else None
        if items is None:
            return replace(self.views.mix(*args), template=None)
        parts: list[str | None] = []
        for position, item in enumerate(items):
            if position:
                parts.append(separator)
            if isinstance(item, Const):
                parts.append(str(item.value))
            elif isinstance(item, Data) and item.template is not None:
                parts.extend(item.template)
            else:
                parts.append(None)
        return replace(self.views.mix(*items), template=tuple(parts))

    def known_parts(self, value: Value) -> list[Value] | None:
        if isinstance(value, TupleValue):
            return list(value.items)
        if isinstance(value, Obj) and value.elements is None:
            items = value.items
            return list(items) if isinstance(items, tuple) else None
        return None
