"""What the evaluator knows of the evaluation's calls of models, as entries of a proof."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from auditor.solver.expressions import Expr
from auditor.static.causality.entry import (
    Borders,
    Construction,
    Entry,
    Holder,
    Open,
    Part,
    TokenArgument,
)
from auditor.static.domain.heap import Class, Env, Obj, View
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, SymbolicInt, TupleValue, Union, Value
from auditor.trace.events import Place
from auditor.trace.region import Region

INPUT_NAMES = frozenset(
    ["input_ids", "ids", "idx", "tokens", "input", "inputs", "x", "prev", "prev_ids", "raw_ids"]
)
"""Names of parameters that are no targets, for tokens whose places are not known."""

MAX_OFFSET = 8
MAX_NESTING = 6


@dataclass(frozen=True, slots=True, eq=False)
class ModelCall:
    """A call of a method of the script's own module with validation tokens, as the evaluator saw it."""

    module: Obj
    method: str
    names: tuple[str, ...]
    args: tuple[Value, ...]
    keywords: Mapping[str, Value]
    place: Place
    site: ast.AST | None = None
    settled: Mapping[tuple[str, ...], Const] = field(default_factory=dict)


def settled_names(env: Env) -> dict[tuple[str, ...], Const]:
    """The constants that the names around a function's module have now, and the attributes of the classes there."""
    while env.up is not None:
        env = env.up
    out: dict[tuple[str, ...], Const] = {}
    for name, value in env.d.items():
        if isinstance(name, str) and isinstance(value, Const):
            out[name,] = value
        elif isinstance(name, str) and isinstance(value, Class):
            out |= {
                (name, key): part
                for key, part in value.d.items()
                if isinstance(key, str) and isinstance(part, Const)
            }
    return out


V = TypeVar("V")


def settled_in_both(
    left: Mapping[tuple[str, ...], V], right: Mapping[tuple[str, ...], V]
) -> dict[tuple[str, ...], V]:
    """What two calls find the same."""
    return {
        name: value
        for name, value in left.items()
        if name in right and type(right[name]) is type(value) and right[name] == value
    }


def entries_of(calls: Sequence[ModelCall]) -> tuple[Entry, ...]:
    """The calls as entries, each different one once."""
    out: dict[object, Entry] = {}
    for call in calls:
        entry = entry_of(call)
        if entry is None:
            continue
        key = (
            id(entry.model.cls),
            entry.method,
            repr(entry.args),
            repr(sorted(entry.keywords.items(), key=lambda i: i[0])),
        )
        first = out.setdefault(key, entry)
        if first is not entry:
            out[key] = replace(first, settled=settled_in_both(first.settled, entry.settled))
    return tuple(out.values())


def entry_of(call: ModelCall) -> Entry | None:
    """One call as an entry; None where the class of the model is not the script's."""
    model = plain(call.module)
    if not isinstance(model, Construction):
        return None
    names = [*call.names[: len(call.args)], *call.keywords]
    given = [*call.args, *call.keywords.values()]
    first: frozenset[Region] = frozenset()
    converted: list[Any] = []
    for name, value in zip([*names, *[""] * len(given)], given, strict=False):
        regions = token_regions(value)
        if not regions:
            lengths = isinstance(value, Data | Obj) and "seqlens" in name
            text = _text_of(call, len(converted))
            converted.append(Borders() if lengths else _part(value, text, call.site) or plain(value))
            continue
        rank = value.rank if isinstance(value, Data) and value.rank == 1 else 2
        if not first:
            first = regions
            converted.append(TokenArgument(0, rank))
        else:
            converted.append(TokenArgument(_offset(first, regions, name), rank))
    if not first:
        return None
    return Entry(
        model=model,
        method=call.method,
        args=tuple(converted[: len(call.args)]),
        keywords=dict(zip(call.keywords, converted[len(call.args) :], strict=True)),
        length=max((_constant(r.stop, r.start) or 0 for r in first), default=0) or None,
        place=call.place,
        settled={
            name: value.value
            for name, value in call.settled.items()
            if isinstance(value.value, bool | int | float | str | type(None))
        },
    )


def _text_of(call: ModelCall, number: int) -> ast.expr | None:
    """The expression of an argument: of a positional one, or after them of one by name."""
    if not isinstance(call.site, ast.Call) or any(isinstance(a, ast.Starred) for a in call.site.args):
        return None
    if number < len(call.args):
        return call.site.args[number] if number < len(call.site.args) else None
    name = list(call.keywords)[number - len(call.args)]
    return next((k.value for k in call.site.keywords if k.arg == name), None)


def _part(value: object, text: ast.expr | None, site: ast.AST | None) -> Part | None:
    """What one module other than the model gives, without any token: adapters."""
    if text is None or not isinstance(site, ast.Call) or not isinstance(value, Data) or value.regions:
        return None
    modules = [state for state in value.states if state.kind == "module"]
    owner = plain(modules[0]) if len(modules) == 1 and not value.losses else None
    return Part(owner, modules[0].name, text, site) if isinstance(owner, Construction) else None


def token_regions(value: object) -> frozenset[Region]:
    """The validation tokens that a value holds, where they are tokens and nothing that was computed from them.

    A tensor that is filled piece by piece is an object of its own; its content says what it holds.
    """
    if isinstance(value, View):
        value = value.base
    if isinstance(value, Obj) and value.kind == "tensor":
        value = value.content
    if not isinstance(value, Data) or value.losses or any(state.kind == "module" for state in value.states):
        return frozenset()
    return frozenset(region for region in value.regions if region.source == "val")


def _offset(first: frozenset[Region], other: frozenset[Region], name: str) -> int:
    """How much later the other tokens start: known by their places, else by the parameter's name."""
    if len(first) == len(other) == 1:
        (one,), (another,) = first, other
        distance = _constant(another.start, one.start)
        if distance is not None and 0 < distance <= MAX_OFFSET:
            return distance
    return 0 if name in INPUT_NAMES else 1


def _constant(left: Expr | None, right: Expr | None) -> int | None:
    if left is None or right is None:
        return None
    difference = left - right
    return difference.constant if not difference.terms else None


def plain(value: object, depth: int = 0) -> Any:
    """A value of the evaluator as a plain one; `Open` where it is not known."""
    if depth > MAX_NESTING:
        return Open("it nests too deeply")
    if isinstance(value, Const):
        known = value.value
        return (
            known
            if isinstance(known, bool | int | float | str | type(None))
            else Open("a constant of another type")
        )
    if isinstance(value, SymbolicInt):
        return (
            value.expr.constant
            if not value.expr.terms
            else Open("a number that depends on loops", content=False)
        )
    if isinstance(value, Union):
        known = [plain(option, depth + 1) for option in value.options]
        return next(
            (option for option in known if isinstance(option, Construction)), Open("one of several values")
        )
    if isinstance(value, TupleValue):
        return tuple(plain(item, depth + 1) for item in value.items)
    if isinstance(value, Obj) and value.cls is not None:
        return _object(value, depth)
    if isinstance(value, Obj) and value.kind == "list":
        items = value.items
        return [plain(item, depth + 1) for item in items] if isinstance(items, tuple) else Open("a list")
    made_of_tokens = not isinstance(value, Data) or bool(
        value.regions or value.losses or value.looks or value.doubts
    )
    return Open(f"a value that was not followed ({type(value).__name__})", made_of_tokens)


def _object(value: Obj, depth: int) -> Any:
    assert value.cls is not None
    if value.kind == "module":
        given = value.made_with
        if not isinstance(given, tuple):
            return Open("a module whose constructor was not seen")
        args, keywords, site = given
        return Construction(
            value.cls.node,
            tuple(plain(arg, depth + 1) for arg in args),
            {name: plain(part, depth + 1) for name, part in keywords.items() if name != "**"},
            site if isinstance(site, ast.Call) else None,
        )
    attributes = {
        key: plain(part, depth + 1)
        for key, part in value.d.items()
        if isinstance(key, str) and isinstance(part, Value)
    }
    return Holder(value.cls.node, {k: v for k, v in attributes.items() if not isinstance(v, Open)})
