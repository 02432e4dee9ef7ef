"""The model as the evaluation has it: made by the script's own constructors from what is known of their arguments."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from typing import Any

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.causality.entry import Borders, Construction, Holder, Open
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import Class, Instance, Scope, Unknown
from auditor.static.causality.walker import Walker


def class_of(it: Walker, node: ast.ClassDef) -> Class:
    """The class of a definition.

    Raises:
        NotFollowed: it is not defined at the top of a module.
    """
    for scope in it.modules.values():
        value = scope.names.get(node.name)
        if isinstance(value, Class) and value.node is node:
            return value
    for scope in it.modules.values():
        for value in scope.names.values():
            if isinstance(value, Class) and value.node is node:
                return value
    raise NotFollowed(f"class {node.name} is not defined at the top of the script")


def made(it: Walker, value: Any) -> Any:
    """A value of an entry as the interpreter has it."""
    if isinstance(value, Construction):
        args = [made(it, part) for part in value.args]
        keywords = {name: made(it, part) for name, part in value.keywords.items()}
        _ask_site(it, value, args, keywords)
        return it.call(class_of(it, value.cls), args, keywords)
    if isinstance(value, Holder):
        cls = class_of(it, value.cls)
        out = Instance(cls)
        out.attributes.update({name: made(it, part) for name, part in value.attributes.items()})
        return out
    if isinstance(value, Borders):
        return Tensor((2,), kind="i", lost=True)
    if isinstance(value, Open):
        return it.unknown(value.reason, size=value.size)
    if isinstance(value, tuple):
        return tuple(made(it, part) for part in value)
    if isinstance(value, list):
        return [made(it, part) for part in value]
    if isinstance(value, dict):
        return {key: made(it, part) for key, part in value.items()}
    return value


def _ask_site(it: Walker, value: Construction, args: list[Any], keywords: dict[str, Any]) -> None:
    """Find arguments that are open where the call stands: by the statements before it, as far as they are followed."""
    site = value.site
    if site is None:
        return
    asked: dict[int | str, ast.expr] = {
        number: node
        for number, node in enumerate(site.args[: len(args)])
        if isinstance(args[number], Unknown) and not isinstance(node, ast.Starred)
    }
    asked |= {
        k.arg: k.value for k in site.keywords if isinstance(keywords.get(k.arg or ""), Unknown) and k.arg
    }
    scope = scope_before(it, site, names_in(asked.values())) if asked else None
    if scope is None:
        return
    for place, node in asked.items():
        if isinstance(place, int):
            args[place] = _asked(it, node, scope, args[place])
        else:
            keywords[place] = _asked(it, node, scope, keywords[place])


def _changes(it: Walker, node: ast.expr, scope: Scope) -> bool:
    """Whether an expression reads an attribute of a module that the submission sets at several places: a state."""
    stores: Counter[str] = Counter()
    for tree in it.trees:
        stores.update(attributes_set(tree))
    return any(
        isinstance(part, ast.Attribute)
        and stores[part.attr] > 1
        and it.is_module(it.evaluate(part.value, scope))
        for part in walk(node)
    )


@once_a_node
def attributes_set(tree: ast.AST) -> tuple[str, ...]:
    """The attributes that a text sets, once for each place."""
    return tuple(
        node.attr
        for node in walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    )


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that texts speak of."""
    return {part.id for node in nodes for part in walk(node) if isinstance(part, ast.Name)}


def _asked(it: Walker, node: ast.expr, scope: Scope, otherwise: Any) -> Any:
    it.following = False
    try:
        found = otherwise if _changes(it, node, scope) else it.evaluate(node, scope)
        return otherwise if isinstance(found, Unknown) else found
    except (NotFollowed, ScriptError):
        return otherwise
    finally:
        it.following = True


def scope_before(it: Walker, site: ast.Call, needed: set[str]) -> Scope | None:
    """The names at a call: those of its module, and the needed ones of the function around it, as far as followed."""
    for tree, scope in zip(it.trees, it.tree_scopes, strict=True):
        if id(site) not in calls_in(tree):
            continue
        around = calls_in(tree)[id(site)]
        if around is None:
            return scope
        inside = Scope(scope)
        it.following = False
        try:
            it.execute_softly(_leading_to(around, site, needed), inside)
        finally:
            it.following = True
        return inside
    return None


def _leading_to(function: ast.FunctionDef, site: ast.Call, needed: set[str]) -> list[ast.stmt]:
    """The statements of a function before a call that give names their values which are needed there."""
    out: list[ast.stmt] = []
    wanted = set(needed)
    for statement in reversed(function.body):
        if statement.lineno >= site.lineno or not isinstance(statement, ast.Assign | ast.AnnAssign | ast.If):
            continue
        if wanted & stored_names(statement):
            out.append(statement)
            wanted |= names_in([statement])
    return out[::-1]


@once_a_node
def stored_names(statement: ast.AST) -> frozenset[str]:
    """The names that a statement gives a value."""
    return frozenset(
        n.id for n in walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    )


@once_a_node
def calls_in(tree: ast.AST) -> dict[int, ast.FunctionDef | None]:
    """The calls of a text by identity, each with the outermost function around it."""
    out: dict[int, ast.FunctionDef | None] = {}
    todo: list[tuple[ast.AST, ast.FunctionDef | None]] = [(tree, None)]
    while todo:
        node, around = todo.pop()
        if isinstance(node, ast.Call):
            out[id(node)] = around
        if around is None and isinstance(node, ast.FunctionDef):
            around = node
        todo.extend((child, around) for child in ast.iter_child_nodes(node))
    return out
