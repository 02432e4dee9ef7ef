"""What the evaluation has settled before it calls a model: names of the module and attributes of its classes.

A proof runs the script's definitions and the model, and nothing of what the script does around it: a switch that `main`
sets would be open, one way and the other. The evaluator has followed `main`; where it found one value at every call of
the model, that value holds while the model runs, unless code that the model itself may run gives it another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.causality.entry import Entry
from auditor.static.causality.values import Class
from auditor.static.causality.walker import Walker

Settled = frozenset[tuple[str, ...]]
"""Names by `(name,)`, attributes of classes by `(class, attribute)`."""


def settle(it: Walker, entry: Entry) -> Settled:
    """Give names and classes of the model's module the values that the call finds; which ones were given."""
    place = next(
        (
            number
            for number, scope in enumerate(it.tree_scopes)
            if isinstance(found := scope.names.get(entry.model.cls.name), Class)
            and found.node is entry.model.cls
        ),
        None,
    )
    if place is None:
        return frozenset()
    scope = it.tree_scopes[place]
    own = frozenset(target for tree in it.trees for target in set_by_models(tree))
    given: set[tuple[str, ...]] = set()
    for key, value in entry.settled.items():
        if key[-1] in own:
            continue
        if len(key) == 1 and it.late_globals.pop((id(scope), key[0]), None) is not None:
            scope.names[key[0]] = value
            given.add(key)
        elif len(key) == 2 and isinstance(cls := scope.names.get(key[0]), Class) and key[1] in cls.names:
            cls.names[key[1]] = value
            given.add(key)
    return frozenset(given)


@once_a_node
def set_by_models(tree: ast.AST) -> frozenset[str]:
    """The names and attributes that code which classes' code may run gives a value, by their last names."""
    functions: dict[str, list[ast.AST]] = {}
    classes: list[ast.AST] = []
    for node in walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            classes.append(node)
    reached: set[int] = set()
    out: set[str] = set()
    todo = classes
    while todo:
        node = todo.pop()
        if id(node) in reached:
            continue
        reached.add(id(node))
        for part in walk(node):
            if isinstance(part, ast.Name | ast.Attribute):
                name = part.id if isinstance(part, ast.Name) else part.attr
                todo.extend(functions.get(name, ()))
            out.update(_names_set(part))
    return frozenset(out)


def _names_set(node: ast.AST) -> Iterator[str]:
    """What a node gives a value: a name that is declared global, an attribute, one that is set by its text."""
    if isinstance(node, ast.Global):
        yield from node.names
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
        yield from (str(part.value) for part in node.args[1:2] if isinstance(part, ast.Constant))
