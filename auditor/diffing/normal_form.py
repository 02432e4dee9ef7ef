"""A piece of code without what does not change its meaning: names of locals, annotations, docstrings, layout.

Two pieces with the same kept form are the same code. Names that the program itself defines (functions,
classes, attributes) stay in the kept form and are numbered in the free form, so that a renamed function can
be told from a changed one and code can be recognised under other names.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

_DROPPED_FIELDS = frozenset({"annotation", "returns", "type_comment", "type_params", "ctx", "kind"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNames:
    """What a program defines itself: names at module level and attributes of its classes."""

    names: frozenset[str]
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalForm:
    """The two forms of a piece of code.

    Attributes:
        kept: locals numbered, own names as they are.
        free: own names numbered too.
        own: the own names and attributes in order of their numbers.
        nodes: how many tree nodes were kept, a measure of size.
    """

    kept: str
    free: str
    own: tuple[str, ...]
    nodes: int

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of SHA-256 over the free form."""
        return hashlib.sha256(self.free.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]


def own_names(modules: list[ast.Module]) -> OwnNames:
    """Collect what modules define: functions, classes, constants; attributes set on `self` or in a class."""
    names: set[str] = set()
    attributes: set[str] = set()
    for module in modules:
        for statement in module.body:
            names.update(_defined(statement))
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    attributes.update(_defined(statement))
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                attributes.add(node.attr)
    return OwnNames(names=frozenset(names), attributes=frozenset(attributes))


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def normal_form(node: ast.AST, own: OwnNames) -> NormalForm:
    """Put a function, class or statement into its normal forms; cost is linear in its nodes."""
    writer = _Writer(_locals(node), own)
    writer.write(node)
    return NormalForm(
        kept="".join(writer.kept), free="".join(writer.free), own=tuple(writer.numbers), nodes=writer.nodes
    )


def _locals(node: ast.AST) -> frozenset[str]:
    """Names bound anywhere inside a function, its parameters included; those declared global are not."""
    found: set[str] = set()
    outer: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.arg):
            found.add(inner.arg)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            found.add(inner.id)
        elif isinstance(inner, (ast.Global, ast.Nonlocal)):
            outer.update(inner.names if isinstance(inner, ast.Global) else ())
        elif isinstance(inner, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and inner is not node:
            found.update({inner.name} if inner.name else ())
        elif isinstance(inner, ast.alias):
            found.add((inner.asname or inner.name).split(".")[0])
    return frozenset(found - outer)


class _Writer:
    """Writes both forms at once, in one walk."""

    def __init__(self, local: frozenset[str], own: OwnNames) -> None:
        self.kept: list[str] = []
        self.free: list[str] = []
        self.numbers: dict[str, int] = {}
        self.nodes = 0
        self._local_numbers: dict[str, int] = {}
        self._local = local
        self._own = own

    def _both(self, text: str) -> None:
        self.kept.append(text)
        self.free.append(text)

    def _name(self, name: str, *, attribute: bool = False) -> None:
        if not attribute and name in self._local:
            self._both(f"v{self._local_numbers.setdefault(name, len(self._local_numbers))};")
        elif name in (self._own.attributes if attribute else self._own.names):
            self.kept.append(f"{name};")
            self.free.append(
                f"{'a' if attribute else 'g'}{self.numbers.setdefault(name, len(self.numbers))};"
            )
        else:
            self._both(f"{name};")

    def write(self, node: ast.AST) -> None:
        self.nodes += 1
        self._both(f"({type(node).__name__} ")
        if isinstance(node, ast.Name):
            self._name(node.id)
        elif isinstance(node, ast.Attribute):
            self.write(node.value)
            self._name(node.attr, attribute=True)
        elif isinstance(node, ast.arg):
            self._name(node.arg)
        elif isinstance(node, ast.Raise):
            # The words of an error change nothing that is computed.
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if error is not None:
                self.write(error)
        elif isinstance(node, ast.Assert):
            self.write(node.test)
        else:
            self._fields(node)
        self._both(")")

    def _fields(self, node: ast.AST) -> None:
        for field, value in ast.iter_fields(node):
            if field in _DROPPED_FIELDS:
                continue
            if field == "name" and isinstance(value, str):
                self._name(value, attribute=False)
            elif field == "body" and isinstance(value, list):
                self._body(value)
            elif isinstance(value, list):
                self._both("[")
                for item in value:
                    self.write(item) if isinstance(item, ast.AST) else self._both(f"{item!r};")
                self._both("]")
            elif isinstance(value, ast.AST):
                self.write(value)
            elif value is not None or field == "value":
                self._both(f"{value!r};")

    def _body(self, statements: list[ast.stmt]) -> None:
        self._both("[")
        for statement in statements:
            bare = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if bare or isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)):
                continue
            if isinstance(statement, ast.AnnAssign) and statement.value is None:
                continue
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                statement = ast.Assign(targets=[statement.target], value=statement.value)
            self.write(statement)
        self._both("]")
