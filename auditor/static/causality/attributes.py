"""What a dot gives: attributes of objects, classes, modules and tensors, and methods of containers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.methods import tensor_attribute
from auditor.static.causality.modules import module_attribute
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import (
    MISSING,
    Class,
    Decorated,
    Function,
    Instance,
    Library,
    Named,
    Native,
    Scope,
    Super,
    Unknown,
)
from auditor.static.causality.walker import Walker, held, is_open, key_of


def attribute(it: Walker, owner: Any, name: str) -> Any:
    """`owner.name`."""
    if isinstance(owner, Instance):
        return of_instance(it, owner, name)
    if isinstance(owner, Tensor):
        return tensor_attribute(it, owner, name)
    if isinstance(owner, Library):
        return it.library_member(f"{owner.name}.{name}")
    if isinstance(owner, Class):
        return of_class(it, owner, name)
    if isinstance(owner, Super):
        return of_super(it, owner, name)
    if isinstance(owner, Scope):
        if name in owner.names:
            return owner.names[name]
        return it.unknown(f"{name} of a module of the submission")
    if isinstance(owner, Unknown):
        return it.unknown(f"{owner.reason}.{name}"[-120:], owner.number, owner.pos)
    if isinstance(owner, Named) and name in ("values", "indices"):
        return getattr(owner, name)
    if isinstance(owner, Function) and name in ("__wrapped__", "__func__", "func"):
        return owner
    if isinstance(owner, Function | Native):
        if name in ("__name__", "__qualname__"):
            return owner.name
        if name == "__self__" and isinstance(owner, Function):
            return owner.receiver
        return it.unknown(f"{name} of a function")
    if isinstance(owner, list | dict | set | frozenset | tuple | str | bytes | int | float | range | slice):
        return of_container(it, owner, name)
    if owner is None:
        raise ScriptError("AttributeError", f"{name} of None")
    return it.unknown(f"{name} of a {type(owner).__name__}")


def of_instance(it: Walker, owner: Instance, name: str) -> Any:
    it.read_attributes.add(name)
    options = late_values(it, owner, name) if name in it.late and it.following else None
    value = owner.attributes.get(name, MISSING)
    if options and (value is not MISSING or owner.cls.find(name) is not MISSING):
        current = value if value is not MISSING else owner.cls.find(name)
        if not isinstance(current, Function | Decorated | Instance):
            every = [current, *(o for o in options if not same(o, current))]
            key = ("attribute", name, *(str(o) for o in options))
            value = it.choices.choose(key, range(len(every)), f"{name} is set elsewhere")
            return every[min(value, len(every) - 1)]
    if value is not MISSING:
        if isinstance(value, Tensor):
            value.refresh()
        elif value is None or (isinstance(value, int) and not isinstance(value, bool)):
            it.observed.setdefault(name, set()).add(value)
        return value
    found = owner.cls.find(name)
    if found is not MISSING:
        return bound(it, found, owner, owner.cls)
    if owner.cls.is_module:
        value = module_attribute(it, owner, name)
        if value is not MISSING:
            return value
    if name == "__class__":
        return owner.cls
    if name == "__dict__":
        return owner.attributes
    fallback = owner.cls.find("__getattr__")
    if isinstance(fallback, Function):
        return it.call(fallback.bound(owner), [name], {})
    if isinstance(fallback, Native):
        return it.call(fallback, [name], {})
    if (
        any(isinstance(base, Unknown | Library) for cls in owner.cls.lineage() for base in cls.bases)
        and not owner.cls.is_module
    ):
        return it.unknown(f"{name} of a {owner.cls.name}")
    raise ScriptError("AttributeError", f"{owner.cls.name} has no {name}")


def late_values(it: Walker, owner: Instance, name: str) -> list[Any]:
    """What an attribute of an object is given at places that the run does not come by."""
    nodes = [cls.node for cls in owner.cls.lineage()]
    return [late.value for late in it.late[name] if late.cls is None or late.cls in nodes]


def same(left: Any, right: Any) -> bool:
    """Whether two plain values are one."""
    return type(left) is type(right) and not isinstance(left, Tensor) and bool(left == right)


def bound(it: Walker, found: Any, receiver: Any, cls: Class) -> Any:
    """What an object gives for something found in its class."""
    if isinstance(found, Function):
        return found.bound(receiver)
    if isinstance(found, Decorated):
        if found.kind == "property":
            return it.call(found.function.bound(receiver), [], {})
        if found.kind == "classmethod":
            return found.function.bound(receiver.cls if isinstance(receiver, Instance) else cls)
        return found.function
    return found


def of_class(it: Walker, owner: Class, name: str) -> Any:
    found = owner.find(name)
    if found is MISSING:
        if name in ("__name__", "__qualname__"):
            return owner.name
        if name == "__init__":
            return Native(lambda *_args, **_more: None, "__init__")
        if name == "apply" and any(
            isinstance(b, Library) and b.name.endswith("autograd.Function")
            for c in owner.lineage()
            for b in c.bases
        ):
            return Native(lambda *args, **more: apply_function(it, owner, args, more), f"{owner.name}.apply")
        if name == "__dict__":
            return owner.names
        return it.unknown(f"{name} of class {owner.name}")
    if isinstance(found, Decorated):
        return found.function.bound(owner) if found.kind == "classmethod" else found.function
    it.read_attributes.add(name)
    options = it.late.get(name) if it.following else None
    if options and not isinstance(found, Function | Class):
        every = [found, *(o for o in options if not same(o, found))]
        index = it.choices.choose(("attribute", name), range(len(every)), f"{name} is set elsewhere")
        return every[min(index, len(every) - 1)]
    return found


def apply_function(it: Walker, cls: Class, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """`Function.apply`: its `forward`, with a context that keeps what it is given."""
    forward = cls.find("forward")
    if isinstance(forward, Decorated):
        forward = forward.function
    if not isinstance(forward, Function):
        raise NotFollowed(f"{cls.name}.apply without a forward")
    if cls.find("setup_context") is not MISSING:
        return it.call(forward, list(args), keywords)
    context = Instance(Class("a context of autograd", [], {}))
    context.cls.names["save_for_backward"] = Native(lambda *_a: None, "save_for_backward")
    context.cls.names["mark_non_differentiable"] = Native(lambda *_a: None, "mark_non_differentiable")
    context.cls.names["set_materialize_grads"] = Native(lambda *_a: None, "set_materialize_grads")
    context.cls.names["mark_dirty"] = Native(lambda *_a: None, "mark_dirty")
    context.cls.names["needs_input_grad"] = (False,) * 64
    return it.call(forward, [context, *args], keywords)


def of_super(it: Walker, owner: Super, name: str) -> Any:
    cls = owner.receiver.cls if isinstance(owner.receiver, Instance) else owner.receiver
    lineage = cls.lineage() if isinstance(cls, Class) else [owner.cls]
    after = lineage[lineage.index(owner.cls) + 1 :] if owner.cls in lineage else []
    for base in after:
        if name in base.names:
            return bound(it, base.names[name], owner.receiver, base)
    if name == "__init__":
        return Native(lambda *_args, **_more: None, "__init__")
    if name == "__setattr__" and isinstance(owner.receiver, Instance):
        return Native(lambda key, value: owner.receiver.attributes.__setitem__(key, value), "__setattr__")
    if isinstance(owner.receiver, Instance) and owner.receiver.cls.is_module:
        value = module_attribute(it, owner.receiver, name)
        if value is not MISSING:
            return value
    raise NotFollowed(f"super().{name}")


PURE: dict[type, frozenset[str]] = {
    list: frozenset("append extend pop insert index count sort reverse copy clear remove".split()),
    dict: frozenset("get items keys values pop setdefault update copy clear popitem".split()),
    set: frozenset(
        "add update discard remove union intersection difference copy clear pop issubset issuperset".split()
    ),
    frozenset: frozenset("union intersection difference copy issubset issuperset".split()),
    tuple: frozenset(["index", "count"]),
    str: frozenset(
        "split strip lower upper startswith endswith replace join format rsplit lstrip rstrip find count isdigit title "
        "encode partition rpartition splitlines capitalize zfill isalpha removeprefix removesuffix".split()
    ),
    bytes: frozenset(["decode", "startswith", "hex"]),
    int: frozenset(["bit_length", "is_integer"]),
    float: frozenset(["is_integer"]),
    range: frozenset(["index", "count"]),
}
MAX_TEXT = 100_000
COMPARING = frozenset(["index", "count", "remove"])
"""Methods of sequences that compare their elements."""


def of_container(it: Walker, owner: Any, name: str) -> Any:
    kind = bool if isinstance(owner, bool) else next((k for k in PURE if isinstance(owner, k)), object)
    if isinstance(owner, slice | range) and name in ("start", "stop", "step"):
        return getattr(owner, name)
    if isinstance(owner, int | float) and name in ("real", "imag", "numerator", "denominator"):
        return getattr(owner, name)
    if name not in PURE.get(kind, frozenset()) and kind is not object:
        if not hasattr(owner, name):
            raise ScriptError("AttributeError", f"a {type(owner).__name__} has no {name}")
        raise NotFollowed(f"{type(owner).__name__}.{name}")
    function: Callable[..., Any] = getattr(owner, name)

    def pure(*args: Any, **keywords: Any) -> Any:
        plain = list(args)
        if name in ("get", "pop", "setdefault") and plain:
            plain[0] = key_of(plain[0])
        if name in ("update", "extend", "union") and plain:
            plain = [p if isinstance(p, dict) else list(it.iterate(p)) for p in plain]
        if name == "sort":
            raise NotFollowed("list.sort")
        if isinstance(owner, str | bytes) and is_open(plain):
            return it.unknown(f"a text ({name})", it.where, held(plain))
        if name in COMPARING and is_open((*plain, *(owner if isinstance(owner, list | tuple) else ()))):
            raise NotFollowed(f"{type(owner).__name__}.{name} of values that are not known")
        if isinstance(owner, set | frozenset) and is_open(
            [p for a in plain for p in (a if isinstance(a, list) else [a])]
        ):
            raise NotFollowed("a set of values that are not known")
        if isinstance(owner, str) and name == "join":
            parts = list(it.iterate(plain[0]))
            return (
                "".join([])
                if not parts
                else owner.join(parts)
                if all(isinstance(p, str) for p in parts)
                else it.unknown("a text", it.where, held(parts))
            )
        if isinstance(owner, str) and (
            len(owner) > MAX_TEXT or (name in ("format", "zfill", "title") and owner.count("{") > 50)
        ):
            raise NotFollowed("a text that is too long")
        if isinstance(owner, str) and name == "format":
            return it.unknown("a formatted text", it.where, held((*plain, *keywords.values())))
        try:
            return function(*plain, **keywords)
        except (KeyError, IndexError, ValueError, StopIteration) as error:
            raise ScriptError(type(error).__name__) from None
        except TypeError:
            raise NotFollowed(f"the arguments of {type(owner).__name__}.{name}") from None

    return Native(pure, name)
