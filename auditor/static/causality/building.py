"""The model as the evaluation has it: made by the script's own constructors from what is known of their arguments."""

from __future__ import annotations

import ast
from typing import Any

from auditor.program.walk import walk
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
    if site is None or not any(isinstance(part, Unknown) for part in (*args, *keywords.values())):
        return
    scope = scope_before(it, site)
    if scope is None:
        return
    for number, node in enumerate(site.args[: len(args)]):
        if isinstance(args[number], Unknown) and not isinstance(node, ast.Starred):
            args[number] = _asked(it, node, scope, args[number])
    for keyword in site.keywords:
        if keyword.arg is not None and isinstance(keywords.get(keyword.arg), Unknown):
            keywords[keyword.arg] = _asked(it, keyword.value, scope, keywords[keyword.arg])


def _asked(it: Walker, node: ast.expr, scope: Scope, otherwise: Any) -> Any:
    it.following = False
    try:
        found = it.evaluate(node, scope)
        return otherwise if isinstance(found, Unknown) else found
    except (NotFollowed, ScriptError):
        return otherwise
    finally:
        it.following = True


def scope_before(it: Walker, site: ast.Call) -> Scope | None:
    """The names at a call: those of its module, and of the function around it as far as that was followed."""
    for tree, scope in zip(it.trees, it.tree_scopes, strict=True):
        around = [node for node in walk(tree) if isinstance(node, ast.FunctionDef) and _holds(node, site)]
        if not around and not any(node is site for node in walk(tree)):
            continue
        if not around:
            return scope
        function = around[0]
        inside = Scope(scope)
        before = [statement for statement in function.body if statement.lineno < site.lineno]
        it.following = False
        try:
            it.execute_softly(
                [s for s in before if isinstance(s, ast.Assign | ast.AnnAssign | ast.If)], inside
            )
        finally:
            it.following = True
        return inside
    return None


def _holds(function: ast.AST, site: ast.Call) -> bool:
    return any(node is site for node in walk(function))
