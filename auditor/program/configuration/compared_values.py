"""The texts that a script compares a variable of the environment with: the modes that it knows.

`MODE = os.environ.get("MODE", "plain")` and `if MODE == "ngram":` say that "ngram" is a value to be tried.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from auditor.program.configuration.environment import environment_reads, variable_of
from auditor.program.model import Program
from auditor.program.walk import walk

MAX_VALUES = 6
"""Texts of one variable that are tried; real scripts know at most five modes."""


def compared_values(program: Program) -> Mapping[str, tuple[str, ...]]:
    """Variable → the texts that it is compared with, in the order of the source."""
    variables = variable_of(environment_reads(program))
    found: dict[str, dict[str, None]] = {}
    for layer in program.layers:
        if layer.module is None:
            continue
        for node in walk(layer.module):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            read = next((variables[name] for side in sides if (name := _name(side)) in variables), None)
            if read is not None:
                found.setdefault(read.name, {}).update(
                    dict.fromkeys(t for side in sides for t in _texts(side))
                )
    return {name: tuple(texts)[:MAX_VALUES] for name, texts in found.items() if texts}


def _name(node: ast.expr) -> str:
    """What a side of a comparison is called, text methods aside."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args:
        node = node.func.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr) -> Iterator[str]:
    members = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    for member in members:
        if isinstance(member, ast.Constant) and isinstance(member.value, str):
            yield member.value
