"""Where the identifiers of a text get their values, read off its statements alone, and which of them hold tokens."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from auditor.replay.runs.printed_numbers import RESULT

Scope = ast.AST | None
"""A function, or None for names and attributes that are the whole text's."""


@dataclass(slots=True)
class Names:
    """What each identifier of a text is set to, by any statement.

    Attributes:
        values: by identifier, whatever scope it stands in.
        scoped: by identifier and scope, each value with the scope that it stands in itself.
        unknown: identifiers set by loops and the like.
    """

    values: dict[str, list[ast.expr]] = field(default_factory=dict)
    scoped: dict[tuple[str, Scope], list[tuple[ast.expr, Scope]]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, tree: ast.Module, scopes: Mapping[ast.AST, Scope]) -> Names:
        names = cls()
        called: dict[str, ast.FunctionDef] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                        called.setdefault(node.name, part)
            elif isinstance(node, ast.FunctionDef):
                known = called.get(node.name)
                if known is None or len(node.args.args) > len(known.args.args):
                    called[node.name] = node
        for node in ast.walk(tree):
            names._take(node, scopes.get(node), called)
        return names

    def _take(self, node: ast.AST, scope: Scope, called: Mapping[str, ast.FunctionDef]) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._set(target, node.value, scope)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr, ast.AugAssign)):
            if node.value is not None:
                self._set(node.target, node.value, scope)
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            self._lose(node.target)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    self._lose(item.optional_vars)
        elif isinstance(node, ast.FunctionDef):
            given, named = node.args, [*node.args.posonlyargs, *node.args.args]
            for argument, default in zip(
                named[len(named) - len(given.defaults) :], given.defaults, strict=True
            ):
                self._add(argument.arg, node, default, scope)
            for argument, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
                if value is not None:
                    self._add(argument.arg, node, value, scope)
        elif isinstance(node, ast.Call):
            self._call(node, scope, called)

    def _call(self, node: ast.Call, scope: Scope, called: Mapping[str, ast.FunctionDef]) -> None:
        name = last_name(node.func)
        function = called.get(name)
        if function is None and isinstance(node.func, ast.Name) and len(node.args) > 1:
            # What is no function of the text is taken for a model that is called with tokens and targets.
            function = None if hasattr(builtins, name) else called.get("forward")
        for keyword in node.keywords:
            if keyword.arg is not None:
                self._add(keyword.arg, function, keyword.value, scope)
        if function is None:
            return
        parameters = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        parameters = parameters[1:] if parameters[:1] == ["self"] else parameters
        for parameter, value in zip(parameters, node.args, strict=False):
            if not isinstance(value, ast.Starred):
                self._add(parameter, function, value, scope)

    def _add(self, name: str, holder: Scope, value: ast.expr, scope: Scope) -> None:
        self.values.setdefault(name, []).append(value)
        self.scoped.setdefault((name, holder), []).append((value, scope))

    def _set(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            if len(parts) != len(target.elts):
                self._lose(target)
                for inner in target.elts:
                    if isinstance(inner, ast.Name):
                        self.scoped.setdefault((inner.id, scope), []).append((value, scope))
                return
            for inner, part in zip(target.elts, parts, strict=True):
                self._set(inner, part, scope)
        elif isinstance(target, ast.Subscript):
            if isinstance(target.value, ast.Name):
                self.scoped.setdefault((target.value.id, scope), []).append((value, scope))
        elif name := last_name(target):
            self._add(name, scope if isinstance(target, ast.Name) else None, value, scope)

    def _lose(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, (ast.Name, ast.Attribute)):
                self.unknown.add(last_name(node))


def last_name(node: ast.expr) -> str:
    """The identifier at the end of a name or attribute chain, or ""."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def token_names(tree: ast.Module, names: Names, scopes: Mapping[ast.AST, Scope]) -> set[tuple[str, Scope]]:
    """Identifiers, by scope, that hold the tokens which become targets of a loss, or what these are taken from."""
    waiting: list[tuple[ast.expr, Scope]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name, found = last_name(node.func), list[ast.expr]()
            if name in ("cross_entropy", "nll_loss"):
                found = [k.value for k in node.keywords if k.arg == "target"] or node.args[1:2]
            elif name in ("gather", "take_along_dim"):
                found = [k.value for k in node.keywords if k.arg in ("index", "indices")] or node.args[-1:]
            waiting += [(value, scopes.get(node)) for value in found]
    tokens: set[tuple[str, Scope]] = set()
    while waiting:
        value, scope = waiting.pop()
        for held in _held(value):
            holder = scope if isinstance(held, ast.Name) else None
            key = last_name(held), holder
            if key not in tokens and key[0] != "self":
                tokens.add(key)
                waiting += names.scoped.get(key, ())
                if holder is not None and key not in names.scoped:
                    waiting += names.scoped.get((key[0], None), ())
    return tokens


def scopes_of(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Each node with the innermost function around it; a function itself with the one that it stands in."""
    for child in ast.iter_child_nodes(node):
        yield child, scope
        yield from scopes_of(
            child, child if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
        )


def _held(node: ast.expr) -> Iterator[ast.Name | ast.Attribute]:
    """Names whose values an expression passes on: not those of functions, types and places in a row."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.Subscript):
        yield from _held(node.value)
    elif isinstance(node, ast.Attribute):
        yield from _held(node.value) if isinstance(node.value, ast.Call) else (node,)
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and last_name(node.func.value) not in (
            "torch",
            "np",
            "numpy",
            "F",
        ):
            yield from _held(node.func.value)
        else:
            for argument in node.args[:1]:
                yield from _held(argument)
    elif isinstance(node, (ast.IfExp, ast.NamedExpr, ast.Starred)):
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from _held(part)


def number_names(tree: ast.Module, names: Names, scopes: Mapping[ast.AST, Scope]) -> set[tuple[str, Scope]]:
    """Identifiers, by scope, that a printed result is made of: in its line, and where functions return it."""
    returned: dict[str, list[tuple[ast.expr, Scope]]] = {}
    waiting: list[tuple[ast.expr, Scope]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            function = scopes.get(node)
            if isinstance(function, ast.FunctionDef):
                returned.setdefault(function.name, []).append((node.value, function))
        elif isinstance(node, ast.JoinedStr) and RESULT.search(ast.unparse(node)):
            waiting.append((node, scopes.get(node)))
    found: set[tuple[str, Scope]] = set()
    while waiting:
        value, scope = waiting.pop()
        for part in _parts(value):
            if isinstance(part, ast.Call):
                waiting += returned.pop(last_name(part.func), ())
            elif (part.id, scope) not in found:
                found.add((part.id, scope))
                waiting += names.scoped.get((part.id, scope), ())
    return found


def _parts(node: ast.AST) -> Iterator[ast.Name | ast.Call]:
    """Names that a number is made of, and calls that make it: what these are handed is not the number."""
    if isinstance(node, ast.Name):
        yield node
    elif isinstance(node, ast.Call):
        yield node
        yield from _parts(node.func.value) if isinstance(node.func, ast.Attribute) else ()
    elif not isinstance(node, (ast.Subscript, ast.Lambda)):
        for inner in ast.iter_child_nodes(node):
            yield from _parts(inner)
