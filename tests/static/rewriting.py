"""Rewritings of a script that keep its meaning: other names, other imports, other functions, packed.

Each takes a script's text and returns another script's. They know Python, not the auditor.
"""

from __future__ import annotations

import ast
import base64
import builtins
import lzma
from collections.abc import Iterator

FOREIGN_ATTRIBUTES = frozenset({"forward"})
"""Names that own classes define because a library calls them."""


def own_names(tree: ast.Module) -> set[str]:
    """Return the names that a script itself gives to variables, parameters, functions and classes."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return {name for name in found if not name.startswith("__")}


def own_attributes(tree: ast.Module) -> set[str]:
    """Return the attributes that own classes define: fields, methods, and what is set on `self`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    found.add(item.name)
                elif isinstance(item, (ast.Assign, ast.AnnAssign)):
                    targets = item.targets if isinstance(item, ast.Assign) else [item.target]
                    found |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                found.add(node.attr)
    return {name for name in found if not name.startswith("__")} - FOREIGN_ATTRIBUTES


class _Renaming(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], attributes: dict[str, str], callables: set[str]) -> None:
        self.names, self.attributes, self.callables = names, attributes, callables
        self.fields: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.generic_visit(node)
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        node.attr = self.attributes.get(node.attr, node.attr)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self.names.get(node.name, node.name)
        for base in (*node.bases, *node.decorator_list):
            self.visit(base)
        for item in node.body:
            if isinstance(item, (ast.Assign, ast.AnnAssign)):
                # Within the body fields are names, outside attributes: both get the attribute's new name.
                targets = item.targets if isinstance(item, ast.Assign) else [item.target]
                fields = {target.id for target in targets if isinstance(target, ast.Name)}
                for name in fields:
                    self.fields[name] = self.attributes[name]
        outer, self.names = self.names, {**self.names, **self.fields}
        for item in node.body:
            if not isinstance(item, ast.FunctionDef):
                self.visit(item)
        self.names, self.fields = outer, {}
        for item in node.body:
            if isinstance(item, ast.FunctionDef):
                self.visit_FunctionDef(item, method=True)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef, method: bool = False) -> ast.AST:
        self.generic_visit(node)
        node.name = (self.attributes if method else self.names).get(node.name, node.name)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = self.names.get(node.name, node.name) if node.name else None
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self.names.get(name, name) for name in node.names]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if called in self.callables:
            for keyword in node.keywords:
                keyword.arg = self.names.get(keyword.arg, keyword.arg) if keyword.arg else None
        self.generic_visit(node)
        return node


def renamed(text: str) -> str:
    """Give every name of the script's own, and every attribute its own classes define, a name without meaning."""
    tree = ast.parse(text)
    names = {name: f"u{i}" for i, name in enumerate(sorted(own_names(tree)))}
    attributes = {name: f"w{i}" for i, name in enumerate(sorted(own_attributes(tree)))}
    defined = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    renaming = _Renaming(names, attributes, defined | {"forward"})
    return ast.unparse(ast.fix_missing_locations(renaming.visit(tree)))


def realiased(text: str) -> str:
    """Import everything under another name."""
    tree = ast.parse(text)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            for alias in node.names:
                if "." in alias.name and alias.asname is None:
                    continue
                new = names.setdefault(alias.asname or alias.name, f"lib{len(names)}")
                alias.asname = new
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)


def wrapped(text: str) -> str:
    """Put the whole body into a function that is called at the end."""
    tree = ast.parse(text)
    first = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    rest = [n for n in tree.body if n not in first]
    shell = ast.parse("def everything():\n    pass\neverything()\n")
    function = shell.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = rest
    for node in ast.walk(function):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list):
                changed = [ast.Nonlocal(names=v.names) if isinstance(v, ast.Global) else v for v in value]
                setattr(node, field, changed)
    return ast.unparse(ast.fix_missing_locations(ast.Module(body=[*first, *shell.body], type_ignores=[])))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def split_out(text: str) -> str:
    """Compute every call that a function assigns to something in a function of its own, from its names."""
    tree = ast.parse(text)
    everywhere = set(dir(builtins))
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            everywhere |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            everywhere.add(node.name)
        else:
            everywhere |= own_names(ast.Module(body=[node], type_ignores=[]))
    helpers: list[ast.stmt] = []
    for function in list(_functions(tree)):
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            inside = list(ast.walk(node.value))
            if any(isinstance(n, (ast.Lambda, ast.NamedExpr, ast.Yield, ast.Await)) for n in inside):
                continue
            used = [n for n in inside if isinstance(n, ast.Name)]
            bound = {n.id for n in used if isinstance(n.ctx, ast.Store)}
            if any(n.id in {"super", "locals", "part"} or n.id.startswith("part_") for n in used):
                continue
            needed = list(dict.fromkeys(n.id for n in used if n.id not in everywhere | bound))
            name = f"part_{len(helpers)}"
            made = ast.parse(f"def {name}({', '.join(needed)}):\n    return 0").body[0]
            assert isinstance(made, ast.FunctionDef) and isinstance(made.body[0], ast.Return)
            made.body[0].value = node.value
            helpers.append(made)
            node.value = ast.parse(f"{name}({', '.join(needed)})", mode="eval").body
    at = next(i for i, n in enumerate(tree.body) if isinstance(n, (ast.FunctionDef, ast.ClassDef)))
    tree.body[at:at] = helpers
    return ast.unparse(ast.fix_missing_locations(tree))


def reordered(text: str) -> str:
    """Define the functions of the module in the opposite order."""
    tree = ast.parse(text)
    places = [i for i, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef)]
    functions = [tree.body[i] for i in places]
    for i, function in zip(places, reversed(functions), strict=True):
        tree.body[i] = function
    return ast.unparse(tree)


def packed(text: str) -> str:
    """Compress the script and run it from its compressed text."""
    data = base64.b85encode(lzma.compress(text.encode())).decode()
    return f'import lzma as L,base64 as B\nexec(L.decompress(B.b85decode("{data}")))\n'


def everything(text: str) -> str:
    """All of it, one after the other."""
    return packed(wrapped(reordered(renamed(realiased(split_out(text))))))


REWRITINGS = (renamed, realiased, wrapped, split_out, reordered, packed, everything)
