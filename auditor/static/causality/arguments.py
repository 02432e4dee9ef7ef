"""What the evaluation hands to its model beside tokens, as far as it is known."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from auditor.program.walk import walk
from auditor.static.causality.building import calls_in, made, names_in, scope_before
from auditor.static.causality.entry import Open, Part
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.tensor import BLURRED, NONE, WAYS, Tensor
from auditor.static.causality.values import Instance, Scope, Unknown
from auditor.static.causality.walker import Walker

MAX_FREE = 3
"""Names of one expression that are tried as a first row and as the last."""

MAX_NESTING = 8

SKIPPED = 24
"""What a number is taken for that the model is handed and that is not known, beside 0: rows that are not scored."""


def decide_number(it: Walker) -> int:
    """Take numbers that the model is handed for 0 or for `SKIPPED`; returns how many tokens the targets then lack."""
    it.number = it.choices.choose("a number", (0, SKIPPED), "a number that the model is handed")
    if not it.number:
        return 0
    return int(it.choices.choose("targets", (SKIPPED, 0), "whether the targets start with that number"))


def handed(it: Walker, value: Open) -> Unknown:
    """An argument that is not known: with tokens, or a number or some weights without any.

    Where it turns out to be a size it is taken for 0 in one run and for some in another.
    """
    if not value.content:
        return it.unknown(value.reason, size=it.number_handed)
    anything = np.full(WAYS, NONE, np.int32)
    anything[BLURRED] = np.iinfo(np.int32).max // 2
    return it.unknown(value.reason, pos=anything)


def part_of(it: Walker, value: Part, batch: int) -> Any:
    """What an expression says of a module: adapters for so many rows.

    Names that are not known stand for rows of the batch: each is 0 or all of them, the first way that fits.

    Raises:
        NotFollowed, ScriptError: no way gives tensors of so many rows.
    """
    text = defined_as(it, value.text, value.site)
    around = scope_before(it, value.site, names_in([text])) or it.base
    owner = made(it, replace(value.owner, args=tuple(_rows(part, batch) for part in value.owner.args)))
    names = dict.fromkeys(n.id for n in walk(text) if isinstance(n, ast.Name))
    free = [name for name in names if name != value.name and _is_free(it, around, name)]
    if len(free) > MAX_FREE:
        raise NotFollowed(f"what a module gives by {len(free)} numbers that are not known")
    failure: NotFollowed | ScriptError = NotFollowed(
        f"what {value.name} gives has no row for each of the batch"
    )
    for sizes in product((0, batch), repeat=len(free)):
        inner = Scope(around)
        inner.names[value.name] = owner
        for name, size in zip(free, sizes, strict=True):
            inner.names[name] = it.unknown(f"the name {name}", size=size)
        try:
            out = it.evaluate(text, inner)
        except (NotFollowed, ScriptError) as raised:
            failure = raised
            continue
        if all(tensor.shape[:1] == (batch,) for tensor in tensors_in(out)):
            return out
    raise failure


def _rows(value: Any, batch: int) -> Any:
    """An argument of adapters that is not known is one for each row."""
    return replace(value, size=batch) if isinstance(value, Open) else value


def _is_free(it: Walker, scope: Scope, name: str) -> bool:
    found = scope.find(name)
    if found is None:
        return name not in it.base.names
    return isinstance(found.names[name], Unknown)


def defined_as(it: Walker, text: ast.expr, site: ast.Call) -> ast.expr:
    """An expression; for a name that the function around the call gives one value, what it is given.

    Raises:
        NotFollowed: it is given several.
    """
    if not isinstance(text, ast.Name):
        return text
    around = next((calls_in(tree)[id(site)] for tree in it.trees if id(site) in calls_in(tree)), None)
    stores = [
        node.value
        for node in (walk(around) if around else ())
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == text.id for t in node.targets)
    ]
    if len(stores) != 1:
        raise NotFollowed(f"{text.id}, which is given {len(stores)} values")
    return stores[0]


def tensors_in(value: Any, depth: int = 0) -> Iterator[Tensor]:
    """The tensors in an object."""
    if depth > MAX_NESTING:
        raise NotFollowed("an argument that nests too deeply")
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part, depth + 1)
    elif isinstance(value, dict):
        yield from tensors_in(list(value.values()), depth + 1)
    elif isinstance(value, Instance):
        yield from tensors_in(list(value.attributes.values()), depth + 1)
