"""Python's builtin functions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.static.causality.extents import Extent
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.methods import numbers_of
from auditor.static.causality.operations.table import integer
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import (
    MISSING,
    Class,
    Decorated,
    Function,
    Instance,
    Library,
    Native,
    Scope,
    Unknown,
)
from auditor.static.causality.walker import Walker, held, highest, is_open, joined_unknown, key_of

MAX_RANGE = 1_000_000


def _length(it: Walker, value: Any) -> Any:
    if isinstance(value, Tensor):
        return it.sizes.of(value)[0]
    if isinstance(value, Instance):
        return it.call(it.attribute(value, "__len__"), [], {})
    if isinstance(value, Unknown):
        return it.unknown("a length", value.number, value.pos, value.size if value.has_size else None)
    if isinstance(value, Library):
        return it.unknown("a length")
    try:
        return len(value)
    except TypeError:
        raise ScriptError("TypeError", "a length of what has none") from None


def _range(it: Walker, *bounds: Any) -> range:
    out = range(*(integer(bound) for bound in bounds))
    if len(out) > MAX_RANGE:
        raise NotFollowed(f"a loop of {len(out):,} turns")
    return out


def _getattr(it: Walker, owner: Any, name: Any, *default: Any) -> Any:
    if not isinstance(name, str):
        raise NotFollowed("an attribute whose name is not known")
    try:
        value = it.attribute(owner, name)
    except ScriptError:
        if default:
            return default[0]
        raise
    if isinstance(value, Unknown) and default and isinstance(owner, Class | Scope):
        return default[0]
    return value


def _hasattr(it: Walker, owner: Any, name: Any) -> Any:
    if isinstance(owner, Library):
        return it.choices.choose(("hasattr", owner.name, name), (True, False), f"{owner.name} has {name}")
    try:
        value = it.attribute(owner, name)
    except ScriptError:
        return False
    if isinstance(value, Unknown):
        return it.unknown(f"whether there is a {name}", value.number)
    return True


def _setattr(it: Walker, owner: Any, name: Any, value: Any) -> None:
    if not isinstance(name, str):
        raise NotFollowed("an attribute whose name is not known")
    it.set_attribute(owner, name, value)


def _isinstance(it: Walker, value: Any, kinds: Any) -> Any:
    for kind in kinds if isinstance(kinds, tuple) else (kinds,):
        if isinstance(kind, Class) and isinstance(value, Instance) and kind in value.cls.lineage():
            return True
        if isinstance(kind, Library):
            if kind.name in ("torch.Tensor", "torch.nn.Parameter") and isinstance(value, Tensor):
                return True
            if kind.name.startswith("builtins."):
                plain = getattr(builtins, kind.name[9:], None)
                if isinstance(plain, type) and isinstance(value, plain) and not isinstance(value, Unknown):
                    return True
        if isinstance(value, Unknown) or isinstance(kind, Unknown):
            return it.unknown("the type of what is not known", getattr(value, "number", None))
    return False


def _sequence(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    def make(it: Walker, values: Any = ()) -> Any:
        if isinstance(values, Unknown):
            return values
        items = it.iterate(values)
        if kind in (set, frozenset):
            items = list(items)
            if is_open(items):
                raise NotFollowed("a set of values that are not known")
        try:
            return kind(items)
        except TypeError:
            raise NotFollowed(f"a {kind} of values that have no hash here") from None

    return make


def _dict(it: Walker, values: Any = (), **more: Any) -> Any:
    if isinstance(values, Unknown):
        return values
    if isinstance(values, dict):
        return {**values, **more}
    pairs = [tuple(it.iterate(pair)) for pair in it.iterate(values)]
    return {**{key_of(key): value for key, value in pairs}, **more}


def _extreme(name: str) -> Callable[..., Any]:
    def make(it: Walker, *values: Any, key: Any = None, default: Any = MISSING) -> Any:
        items = list(it.iterate(values[0])) if len(values) == 1 else list(values)
        items = [
            v.value.reshape(()).item() if isinstance(v, Tensor) and v.value is not None and v.size == 1 else v
            for v in items
        ]
        if not items and default is not MISSING:
            return default
        unknown = [v for v in items if isinstance(v, Unknown)]
        if unknown:
            out = unknown[0]
            for other in items:
                if other is not out:
                    out = joined_unknown(it, name, out, other)
            return out
        if any(isinstance(v, Tensor) for v in items):
            pos = None
            for value in items:
                if isinstance(value, Tensor):
                    pos = highest(value) if pos is None else np.maximum(pos, highest(value))
            return it.unknown(f"the {name} of tensors", it.where, pos)
        function = min if name == "min" else max
        try:
            if key is None and any(isinstance(v, Extent) for v in items):
                return it.sizes.extreme(it.where, function, items)
            return function(items, key=None if key is None else lambda v: it.call(key, [v], {}))
        except (TypeError, ValueError):
            raise NotFollowed(f"a {name} of what cannot be compared") from None

    return make


def _sum(it: Walker, values: Any, start: Any = 0) -> Any:
    out = start
    for value in it.iterate(values):
        out = it.arithmetic(ast.Add(), out, value)
    return out


def _number(kind: Callable[..., Any]) -> Callable[..., Any]:
    def make(it: Walker, *args: Any) -> Any:
        if args and isinstance(args[0], Tensor):
            args = (numbers_of(it, args[0], "item"), *args[1:])
        if args and isinstance(args[0], Unknown):
            return args[0]
        if any(isinstance(a, Library | Instance | Function | Unknown | Tensor) for a in args):
            return it.unknown("a number", it.where, held(args))
        try:
            return kind(*args)
        except (ValueError, TypeError, OverflowError) as error:
            raise ScriptError(type(error).__name__, str(error)[:60]) from None

    return make


def _bool(it: Walker, value: Any = False) -> Any:
    return value if isinstance(value, Unknown) else it.truth(value)


def _text(it: Walker, value: Any = "", *_args: Any) -> Any:
    if isinstance(value, bool | int | float | str | type(None)):
        return str(value)
    return it.unknown("a text", it.where, held([value]))


def _absolute(it: Walker, value: Any) -> Any:
    if isinstance(value, Tensor):
        return it.operate("abs", [value], {})
    return value if isinstance(value, Unknown) else abs(value)


def _any_all(name: str) -> Callable[..., Any]:
    def make(it: Walker, values: Any) -> Any:
        for value in it.iterate(values):
            if it.truth(value) == (name == "any"):
                return name == "any"
        return name == "all"

    return make


def _sorted(it: Walker, values: Any, key: Any = None, reverse: Any = False) -> Any:
    items = list(it.iterate(values))
    if any(isinstance(v, Tensor | Unknown) for v in items):
        raise NotFollowed("a sort of values that are not known")
    try:
        return sorted(
            items, key=None if key is None else lambda v: it.call(key, [v], {}), reverse=bool(reverse)
        )
    except TypeError:
        raise NotFollowed("a sort of what cannot be compared") from None


def _next(it: Walker, values: Any, *default: Any) -> Any:
    if isinstance(values, list):
        if values:
            return values[0]
    elif hasattr(values, "__next__"):
        try:
            return next(values)
        except StopIteration:
            pass
    else:
        raise NotFollowed("next of what is no iterator")
    if default:
        return default[0]
    raise ScriptError("StopIteration")


def _type(it: Walker, value: Any, *_args: Any) -> Any:
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, bool | int | float | str | list | dict | tuple):
        return Library(f"builtins.{type(value).__name__}")
    return Library("torch.Tensor") if isinstance(value, Tensor) else it.unknown("a type")


def _callable(it: Walker, value: Any) -> Any:
    if isinstance(value, Unknown):
        return it.unknown("whether something can be called", value.number)
    return isinstance(value, Function | Native | Class | Library) or (
        isinstance(value, Instance) and (value.cls.is_module or value.cls.find("__call__") is not MISSING)
    )


def _isubclass(it: Walker, value: Any, kinds: Any) -> Any:
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    return isinstance(value, Class) and any(
        kind in value.lineage() for kind in kinds if isinstance(kind, Class)
    )


def _vars(it: Walker, value: Any = MISSING) -> Any:
    return value.attributes if isinstance(value, Instance) else it.unknown("vars")


def _set_on_object(it: Walker, owner: Any, name: Any, value: Any) -> None:
    if not isinstance(owner, Instance):
        raise NotFollowed("object.__setattr__ on what is no object")
    owner.attributes[name] = value


def _map(it: Walker, function: Any, *parts: Any) -> list[Any]:
    return [
        it.call(function, list(values), {})
        for values in zip(*(list(it.iterate(p)) for p in parts), strict=False)
    ]


def _filter(it: Walker, function: Any, values: Any) -> list[Any]:
    return [
        v for v in it.iterate(values) if it.truth(it.call(function, [v], {}) if function is not None else v)
    ]


def _identity_number(it: Walker, value: Any) -> Any:
    return it.unknown("the hash or the address of an object", it.where, held([value]))


BUILTINS: dict[str, Callable[..., Any]] = {
    "len": _length,
    "range": _range,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "setattr": _setattr,
    "isinstance": _isinstance,
    "issubclass": _isubclass,
    "list": _sequence(list),
    "tuple": _sequence(tuple),
    "set": _sequence(set),
    "frozenset": _sequence(frozenset),
    "dict": _dict,
    "dict.fromkeys": lambda it, keys, value=None: {key_of(key): value for key in it.iterate(keys)},
    "fromkeys": lambda it, keys, value=None: {key_of(key): value for key in it.iterate(keys)},
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sum": _sum,
    "int": _number(int),
    "float": _number(float),
    "round": _number(round),
    "divmod": _number(divmod),
    "pow": _number(pow),
    "ord": _number(ord),
    "chr": _number(chr),
    "bool": _bool,
    "str": _text,
    "repr": _text,
    "format": lambda it, *args: it.unknown("a text", it.where, held(args)),
    "abs": _absolute,
    "any": _any_all("any"),
    "all": _any_all("all"),
    "sorted": _sorted,
    "enumerate": lambda it, values, start=0: list(enumerate(it.iterate(values), integer(start))),
    "zip": lambda it, *parts, strict=False: list(zip(*(list(it.iterate(p)) for p in parts), strict=False)),
    "reversed": lambda it, values: list(it.iterate(values))[::-1],
    "map": _map,
    "filter": _filter,
    "iter": lambda it, values: iter(list(it.iterate(values))),
    "next": _next,
    "type": _type,
    "callable": _callable,
    "id": _identity_number,
    "slice": lambda it, *bounds: slice(*bounds),
    "vars": _vars,
    "object": lambda it: Instance(Class("object", [], {})),
    "object.__setattr__": _set_on_object,
    "__setattr__": _set_on_object,
    "print": lambda it, *_a, **_k: None,
    "hash": _identity_number,
    "bytes": lambda it, *args: it.unknown("bytes", it.where, held(args)),
    "open": lambda it, *_a, **_k: it.unknown("a file"),
    "exec": lambda it, *_a, **_k: it.unknown("exec"),
    "eval": lambda it, *_a, **_k: it.unknown("eval"),
    "input": lambda it, *_a: it.unknown("input"),
    "property": lambda it, function=None, *_a: _property(function),
}


def _property(function: Any) -> Any:
    return Decorated("property", function)


EXCEPTIONS = (
    "Exception ValueError TypeError RuntimeError KeyError IndexError AttributeError ImportError NotImplementedError "
    "AssertionError StopIteration FileNotFoundError OSError ModuleNotFoundError ZeroDivisionError UserWarning "
    "DeprecationWarning FutureWarning Warning BaseException KeyboardInterrupt SystemExit LookupError"
).split()
for _name in EXCEPTIONS:
    BUILTINS[_name] = lambda it, *_a, _name=_name, **_k: it.unknown(_name)
