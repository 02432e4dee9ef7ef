"""The units of a program that a reader thinks in: functions, methods, classes without their methods.

A unit keeps where it stands and its normal form; comparing two programs is done in `units_delta`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.diffing.normal_form import NormalForm, OwnNames, normal_form, own_names
from auditor.program.model import Layer, Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One function, method ("Class.method") or class ("class Name": its body without methods)."""

    name: str
    path: str
    layer: int
    line: int
    form: NormalForm
    node: ast.AST


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramUnits:
    """All units of a program by name, with what the program defines itself."""

    units: dict[str, Unit]
    own: OwnNames
    modules: tuple[ast.Module, ...]


def readable_modules(program: Program) -> list[tuple[Layer, ast.Module]]:
    """The innermost layers that are Python: the decoded text of a packed script, and bundled modules."""
    return [(layer, layer.module) for layer in program.innermost if layer.module is not None]


def collect_units(program: Program) -> ProgramUnits:
    """Collect the units of a program; of two with one name in different layers the first counts."""
    modules = readable_modules(program)
    own = own_names([module for _, module in modules])
    units: dict[str, Unit] = {}
    for layer, module in modules:
        for name, node in _definitions(module.body):
            line = getattr(node, "lineno", 0)
            unit = Unit(
                name=name,
                path=layer.path,
                layer=layer.index,
                line=line,
                form=normal_form(node, own),
                node=node,
            )
            units.setdefault(name, unit)
    return ProgramUnits(units=units, own=own, modules=tuple(module for _, module in modules))


def _definitions(statements: list[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    for statement in statements:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            yield from _class(statement)
        elif isinstance(statement, (ast.If, ast.Try, ast.With)):
            # Definitions under a guard (`try: import … except: def …`) are definitions all the same.
            yield from _definitions(
                [inner for inner in ast.iter_child_nodes(statement) if isinstance(inner, ast.stmt)]
            )


def _class(definition: ast.ClassDef) -> Iterator[tuple[str, ast.AST]]:
    methods = [s for s in definition.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef))]
    rest = [s for s in definition.body if s not in methods]
    body = ast.ClassDef(
        name=definition.name,
        bases=definition.bases,
        keywords=definition.keywords,
        body=rest,
        decorator_list=definition.decorator_list,
        lineno=definition.lineno,
        col_offset=definition.col_offset,
    )
    yield f"class {definition.name}", body
    for method in methods:
        yield f"{definition.name}.{method.name}", method
