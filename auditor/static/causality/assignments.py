"""What an assignment does: to names, attributes and elements."""

from __future__ import annotations

import ast
from typing import Any

from auditor.static.causality import indexing
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.operations.table import cast_to, operand
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import (
    Class,
    Decorated,
    Function,
    Instance,
    Library,
    Native,
    Scope,
    Unknown,
)
from auditor.static.causality.walker import Walker, held, key_of


def bind(it: Walker, target: ast.expr, value: Any, scope: Scope) -> None:
    """Assign a value to a target."""
    if isinstance(target, ast.Name):
        scope.put(target.id, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(it, target.elts, value, scope)
    elif isinstance(target, ast.Attribute):
        set_attribute(it, it.evaluate(target.value, scope), target.attr, value)
    elif isinstance(target, ast.Subscript):
        set_item(it, it.evaluate(target.value, scope), it.evaluate(target.slice, scope), value)
    elif isinstance(target, ast.Starred):
        bind(it, target.value, value, scope)
    else:
        raise NotFollowed(f"an assignment to a {type(target).__name__}")


def _unpack(it: Walker, targets: list[ast.expr], value: Any, scope: Scope) -> None:
    if isinstance(value, Unknown) and not any(isinstance(t, ast.Starred) for t in targets):
        for number, target in enumerate(targets):
            bind(
                it, target, it.unknown(f"element {number} of {value.reason}", value.number, value.pos), scope
            )
        return
    values = list(it.iterate(value))
    starred = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    if starred is not None:
        rest = len(targets) - starred - 1
        values = [*values[:starred], values[starred : len(values) - rest], *values[len(values) - rest :]]
    if len(values) != len(targets):
        raise ScriptError("ValueError", f"{len(values)} values for {len(targets)} names")
    for target, part in zip(targets, values, strict=True):
        bind(it, target, part, scope)


def set_attribute(it: Walker, owner: Any, name: str, value: Any) -> None:
    """`owner.name = value`."""
    if isinstance(owner, Instance):
        prop = owner.cls.find(name)
        if isinstance(prop, Decorated) and prop.kind == "property":
            raise NotFollowed(f"a store through the property {name}")
        custom = owner.cls.find("__setattr__")
        if isinstance(custom, Function) and not any(f.node is custom.node for f in it.functions):
            it.call(custom.bound(owner), [name, value], {})
            return
        owner.attributes[name] = value
    elif isinstance(owner, Class | Scope):
        owner.names[name] = value
    elif isinstance(owner, Tensor):
        if name == "data" and isinstance(value, Tensor):
            owner.assign(value)
        elif held([value]) is not None:
            raise NotFollowed(f"a store of data to the attribute {name} of a tensor")
        elif name in ("requires_grad", "grad", "_is_param") or isinstance(
            value, bool | str | int | float | None
        ):
            return
        else:
            raise NotFollowed(f"a store to the attribute {name} of a tensor")
    elif isinstance(owner, Library):
        if it.following or not owner.name.startswith(("torch.backends", "torch._", "os.", "sys.")):
            raise NotFollowed(f"a store into the library: {owner.name}.{name}")
    elif isinstance(owner, Unknown):
        if it.following and held([value]) is not None:
            raise NotFollowed(f"a store of data into what is not known: {owner.reason}")
    elif it.following or not isinstance(owner, Function | Native):
        raise NotFollowed(f"a store to an attribute of a {type(owner).__name__}")


def set_item(it: Walker, owner: Any, index: Any, value: Any) -> None:
    """`owner[index] = value`."""
    if isinstance(owner, Tensor):
        owner.refresh()
        source = it.influenced(cast_to(operand(value), owner.kind))
        owner.assign(indexing.put(owner, index, source))
    elif isinstance(owner, dict | list):
        try:
            owner[key_of(index)] = value
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ScriptError(type(error).__name__) from None
    elif isinstance(owner, Instance):
        it.call(it.attribute(owner, "__setitem__"), [index, value], {})
    elif isinstance(owner, Unknown | Library):
        if it.following:
            raise NotFollowed(f"a store into what is not known: {owner!r}")
    else:
        raise NotFollowed(f"a store into a {type(owner).__name__}")
