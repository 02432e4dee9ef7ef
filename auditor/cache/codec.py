"""An audit's result, or what it was judged from, as bytes and back, every object of it once.

Nothing is called by name on the way back but the classes of the few modules that a result is made of: a file of
answers is data, never code, so `pickle` is not used. Objects stand in a list, each after its parts, which are
named by their numbers; what was one object comes back as one object.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

import zstandard

from auditor.errors import AuditorError
from auditor.solver.expressions import Expr, Symbol

MODULES: Final = (
    "auditor.judgement.result",
    "auditor.reading.claim_matching",
    "auditor.reading.configuration_entry",
    "auditor.reading.counterfactuals",
    "auditor.reading.explored",
    "auditor.reading.grounds",
    "auditor.records.findings",
    "auditor.solver.axioms",
    "auditor.solver.expressions",
    "auditor.trace.answer",
    "auditor.trace.coverage",
    "auditor.trace.events",
    "auditor.trace.formula",
    "auditor.trace.forward_pass",
    "auditor.trace.place",
    "auditor.trace.region",
    "auditor.trace.trace",
    "auditor.trace.tree",
    "rules.core.rule",
)
"""Where the classes of a result are defined."""

MAX_BYTES: Final = 1 << 28
"""Largest result that is read back, uncompressed; real ones take up to some 10 MB."""

CONTAINERS: Final = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
BUILT: Final[dict[type, tuple[str, ...]]] = {
    Expr: ("constant", "terms"),
    Symbol: ("kind", "args", "low", "high", "facts"),
}
"""Classes that keep one object a value; they are made from these parts."""

Scalar = str | int | float | bool | None


class Unkept(AuditorError):
    """A value that cannot be kept, or kept bytes that are none of ours."""


def encode(value: object) -> bytes:
    """A result as bytes.

    Raises:
        Unkept: it holds an object of another class, or itself.
    """
    table = _Table()
    root = table.add(value)
    text = json.dumps(
        {"classes": list(table.classes), "rows": table.rows, "root": root}, separators=(",", ":")
    )
    return zstandard.compress(text.encode("ascii"), 3)


def decode(content: bytes) -> Any:
    """The result that `encode` made bytes of.

    Raises:
        Unkept: the bytes are cut short, or hold what `encode` does not write.
    """
    try:
        read = json.loads(zstandard.ZstdDecompressor().decompress(content, max_output_size=MAX_BYTES))
        classes = [_class(name) for name in read["classes"]]
        made: list[Any] = []
        for row in read["rows"]:
            made.append(_made(row, classes, made) if isinstance(row, list) else row)
        return made[read["root"]]
    except (zstandard.ZstdError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Unkept(f"a kept answer cannot be read: {type(error).__name__}: {error}") from error


class _Table:
    """The objects met, in the order in which they can be made again."""

    def __init__(self) -> None:
        self.rows: list[Scalar | list[Any]] = []
        self.classes: dict[str, int] = {}
        self._numbers: dict[object, int] = {}
        self._alive: list[object] = []
        """Objects whose identity is a key: while they are held no other can have it."""

    def add(self, root: object) -> int:
        """Put a value and all its parts there; give its number."""
        open_now: set[int] = set()
        waiting: list[tuple[object, bool]] = [(root, False)]
        while waiting:
            value, entered = waiting.pop()
            if self._number(value) is not None:
                continue
            tag, parts = self._taken_apart(value)
            if entered or not parts:
                open_now.discard(id(value))
                self._put(value, [*tag, *map(self._known, parts)] if tag else value)
                continue
            if id(value) in open_now:
                raise Unkept(f"a {type(value).__name__} that holds itself cannot be kept")
            open_now.add(id(value))
            waiting.append((value, True))
            waiting += [(part, False) for part in parts]
        return self._known(root)

    def _put(self, value: object, row: Any) -> None:
        self._numbers[self._key(value)] = len(self.rows)
        self._alive.append(value)
        self.rows.append(row)

    def _key(self, value: object) -> object:
        if isinstance(value, (str, int, float, bool)) and not isinstance(value, Enum):
            return type(value), repr(value)
        return id(value)

    def _number(self, value: object) -> int | None:
        return self._numbers.get(self._key(value))

    def _known(self, value: object) -> int:
        return self._numbers[self._key(value)]

    def _taken_apart(self, value: object) -> tuple[list[Any], tuple[object, ...]]:
        """How a value is made again: a tag, and the parts that must be made before it; no tag for a scalar."""
        kind = type(value)
        if isinstance(value, Enum):
            return ["enum", self._class(kind), value.name], ()
        if value is None or kind in (str, int, float, bool):
            return [], ()
        if kind is dict:
            assert isinstance(value, dict)
            return ["dict"], tuple(part for item in value.items() for part in item)
        if kind.__name__ in CONTAINERS and kind is CONTAINERS[kind.__name__]:
            assert isinstance(value, (list, tuple, set, frozenset))
            return [kind.__name__], tuple(_in_order(value))
        return ["made", self._class(kind)], tuple(getattr(value, name) for name in _parts(kind))

    def _class(self, kind: type) -> int:
        name = f"{kind.__module__}:{kind.__qualname__}"
        if _class(name) is not kind:
            raise Unkept(f"a {name} cannot be kept")
        return self.classes.setdefault(name, len(self.classes))


def _in_order(value: Iterable[object]) -> Iterable[object]:
    """The items; those of a set in an order that does not hang on where they lie in memory, if they have one."""
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except TypeError:
            return value
    return value


def _parts(kind: type) -> tuple[str, ...]:
    """The names of the parts that an object of a class is made from."""
    if kind in BUILT:
        return BUILT[kind]
    if not dataclasses.is_dataclass(kind):
        raise Unkept(f"a {kind.__module__}:{kind.__qualname__} cannot be kept")
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)


@functools.cache
def _class(name: str) -> type:
    """A class that a result may hold, by module and name."""
    module, _, qualified = name.partition(":")
    if module not in MODULES:
        raise Unkept(f"a {name} cannot be kept")
    found = getattr(importlib.import_module(module), qualified, None)
    kept = isinstance(found, type) and (
        found in BUILT or issubclass(found, Enum) or dataclasses.is_dataclass(found)
    )
    if not kept or found.__module__ != module:
        raise Unkept(f"a {name} cannot be kept")
    assert isinstance(found, type)
    return found


def _made(row: list[Any], classes: list[Any], made: list[Any]) -> Any:
    """One object of its row."""
    tag = row[0]
    if tag == "enum":
        return classes[row[1]][row[2]]
    if tag == "made":
        kind, parts = classes[row[1]], [made[number] for number in row[2:]]
        return kind(**dict(zip(_parts(kind), parts, strict=True)))
    parts = [made[number] for number in row[1:]]
    if tag == "dict":
        return dict(zip(parts[::2], parts[1::2], strict=True))
    return CONTAINERS[tag](parts)
