"""Calls: functions and classes of the script, methods of containers, and what is handed on to the library."""

from __future__ import annotations

import ast
from typing import Any

from auditor.static.ast_text import once_a_node
from auditor.static.causality import indexing
from auditor.static.causality.failures import NotFollowed, Return, ScriptError
from auditor.static.causality.limits import MAX_DEPTH
from auditor.static.causality.scores import picked_by_index
from auditor.static.causality.tensor import Tensor, View
from auditor.static.causality.values import (
    MISSING,
    Class,
    Decorated,
    DefaultDict,
    Function,
    Instance,
    Library,
    Native,
    Scope,
    Super,
    Unknown,
)
from auditor.static.causality.walker import Walker, key_of


def call(it: Walker, function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
    """The result of calling any value."""
    if isinstance(function, Function):
        return call_function(it, function, args, keywords)
    if isinstance(function, Native):
        return call_native(function, args, keywords)
    if isinstance(function, Class):
        return construct(it, function, args, keywords)
    if isinstance(function, Library):
        return it.call_library(function.name, args, keywords)
    if isinstance(function, Instance):
        return call_instance(it, function, args, keywords)
    if isinstance(function, Decorated):
        return call(it, function.function, args, keywords)
    if isinstance(function, Unknown):
        if it.following:
            raise NotFollowed(f"a call of what is not known: {function.reason}")
        return it.unknown(f"{function.reason}(…)")
    raise ScriptError("TypeError", f"a {type(function).__name__} is called")


def call_native(function: Native, args: list[Any], keywords: dict[str, Any]) -> Any:
    try:
        return function.call(*args, **keywords)
    except TypeError as error:
        if "argument" in str(error):
            raise NotFollowed(f"the arguments of {function.name}: {error}") from None
        raise


def call_instance(it: Walker, instance: Instance, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`instance(…)`: for modules that is `forward`, with what was set on the instance first."""
    if instance.cls.is_module:
        custom = instance.cls.find("__call__")
        if isinstance(custom, Function):
            return call_function(it, custom.bound(instance), args, keywords)
        if instance.attributes.get("_hooked"):
            raise NotFollowed(f"a hook on a module of class {instance.cls.name}")
        return call(it, it.attribute(instance, "forward"), args, keywords)
    return call(it, it.attribute(instance, "__call__"), args, keywords)


def construct(it: Walker, cls: Class, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A new object of a class of the script."""
    libraries = [b.name for c in cls.lineage() for b in c.bases if isinstance(b, Library)]
    if (
        any(name.endswith(("Enum", "Function", "Optimizer", "Dataset", "Thread")) for name in libraries)
        and it.following
    ):
        raise NotFollowed(f"an object of class {cls.name}, which inherits from {libraries[0]}")
    unknown = [b for c in cls.lineage() for b in c.bases if isinstance(b, Unknown)]
    if unknown and it.following:
        raise NotFollowed(f"a base of class {cls.name} is not known")
    out = Instance(cls)
    initialiser = cls.find("__init__")
    if (cls.is_dataclass or any("NamedTuple" in name for name in libraries)) and not _own_initialiser(cls):
        _fill_fields(it, out, cls, args, keywords)
    elif isinstance(initialiser, Function):
        call_function(it, initialiser.bound(out), args, keywords)
    elif libraries and "builtins.object" not in libraries and not cls.is_module:
        if any(
            name in ("builtins.dict", "builtins.list", "builtins.str", "builtins.int") for name in libraries
        ):
            raise NotFollowed(f"class {cls.name} inherits from {libraries[0]}")
        out.attributes.update(keywords)
    elif args or keywords:
        out.attributes.update(keywords)
    return out


def _own_initialiser(cls: Class) -> bool:
    return "__init__" in cls.names


def _fill_fields(it: Walker, out: Instance, cls: Class, args: list[Any], keywords: dict[str, Any]) -> None:
    fields = cls.fields or [
        s.target.id
        for s in (cls.node.body if cls.node else [])
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
    ]
    out.attributes.update(zip(fields, args, strict=False))
    out.attributes.update(keywords)
    for name in fields:
        if name not in out.attributes:
            value = cls.find(name)
            if isinstance(value, Native) and value.name == "default_factory":
                value = value.call()
            out.attributes[name] = (
                it.unknown(f"the field {name} of {cls.name}") if value is MISSING else value
            )
    post = cls.find("__post_init__")
    if isinstance(post, Function):
        call_function(it, post.bound(out), [], {})


def call_function(it: Walker, function: Function, args: list[Any], keywords: dict[str, Any]) -> Any:
    """Run a function of the script."""
    node = function.node
    if function.receiver is not None:
        args = [function.receiver, *args]
    scope = bound_arguments(it, function, args, keywords)
    if len(it.functions) >= MAX_DEPTH:
        raise NotFollowed(f"more than {MAX_DEPTH} calls in one another")
    it.tick()
    it.functions.append(function)
    path, where = it.path, it.where
    it.path = function.path
    try:
        if isinstance(node, ast.Lambda):
            return it.evaluate(node.body, scope)
        if yields(node):
            raise NotFollowed(f"the generator {node.name}")
        it.execute(node.body, scope)
        return None
    except Return as result:
        return result.value
    finally:
        it.functions.pop()
        it.path, it.where = path, where


@once_a_node
def yields(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a generator or waits for others."""
    todo: list[ast.AST] = list(node.body)
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Yield | ast.YieldFrom | ast.Await):
            return True
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(part))
    return False


def bound_arguments(it: Walker, function: Function, args: list[Any], keywords: dict[str, Any]) -> Scope:
    """The scope of a call."""
    parameters = function.node.args
    scope = Scope(
        function.scope.outer if function.scope.is_class and function.scope.outer else function.scope
    )
    scope.top = function.scope.top
    scope.function = function
    names = [a.arg for a in (*parameters.posonlyargs, *parameters.args)]
    rest = dict(keywords)
    scope.names.update(zip(names, args, strict=False))
    if len(args) > len(names):
        if parameters.vararg is None:
            raise ScriptError("TypeError", f"too many arguments of {function.name}")
        scope.names[parameters.vararg.arg] = tuple(args[len(names) :])
    elif parameters.vararg is not None:
        scope.names[parameters.vararg.arg] = ()
    for name in (*names, *(a.arg for a in parameters.kwonlyargs)):
        if name in rest:
            scope.names[name] = rest.pop(name)
    if parameters.kwarg is not None:
        scope.names[parameters.kwarg.arg] = rest
    elif rest:
        raise ScriptError("TypeError", f"{function.name} takes no {next(iter(rest))}")
    first = len(names) - len(function.defaults)
    for name, default in zip(names[first:], function.defaults, strict=True):
        scope.names.setdefault(name, default)
    for argument, default in zip(parameters.kwonlyargs, function.keyword_defaults, strict=True):
        if default is not None or argument.arg in scope.names:
            scope.names.setdefault(argument.arg, default)
        else:
            scope.names.setdefault(argument.arg, None)
    for name in names:
        if name not in scope.names:
            raise ScriptError("TypeError", f"{function.name} lacks {name}")
    return scope


def super_of(it: Walker, scope: Scope) -> Super:
    """`super()` in a method."""
    at: Scope | None = scope
    while at is not None and at.function is None:
        at = at.outer
    function = at.function if at is not None else None
    if function is None or function.owner is None:
        raise NotFollowed("super() outside a method")
    receiver = function.receiver
    if receiver is None and at is not None:
        first = next(iter(function.node.args.args), None)
        receiver = at.names.get(first.arg) if first is not None else None
    return Super(receiver, function.owner)


def element_of(owner: Tensor, index: Any) -> Tensor:
    """`owner[index]`; a view where the library gives one."""
    owner.refresh()
    out = indexing.get(owner, index)
    parts = index if isinstance(index, tuple) else (index,)
    if not any(
        isinstance(part, Tensor | list) and not (isinstance(part, Tensor) and part.rank == 0)
        for part in parts
    ):
        out.view = View(
            owner, lambda base: indexing.get(base, index), lambda base, new: indexing.put(base, index, new)
        )
    if owner.role == "losses" or out.view is not None:
        out.role = owner.role
    return out


def subscript(it: Walker, owner: Any, index: Any) -> Any:
    """`owner[index]`."""
    if isinstance(owner, Tensor):
        out = element_of(owner, index)
        if owner.kind == "f" and picked_by_index(it, owner, index):
            out.role = "losses"
        return it.influenced(out)
    if isinstance(owner, Unknown):
        return it.unknown(f"an element of {owner.reason}", (owner.number, repr(index)[:40]), owner.pos)
    if isinstance(owner, Library) and owner.name == "os.environ":
        return it.settings.get(str(index)) or it.unknown(f"the environment's {index}")
    if isinstance(owner, Instance):
        return call(it, it.attribute(owner, "__getitem__"), [index], {})
    if isinstance(owner, Scope | Function | Native) or owner is None:
        raise ScriptError("TypeError", f"an element of a {type(owner).__name__}")
    if isinstance(owner, DefaultDict) and owner.factory is not None and key_of(index) not in owner:
        owner[key_of(index)] = call(it, owner.factory, [], {})
    try:
        return owner[key_of(index)]
    except (KeyError, IndexError) as error:
        raise ScriptError(type(error).__name__, str(error)[:40]) from None
    except TypeError:
        raise NotFollowed(f"an element of a {type(owner).__name__}") from None
