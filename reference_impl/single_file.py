"""The package as one script: what a run needs of its modules, in order of dependence, nothing written twice.

Each module is read as source. Imports from this package vanish, other imports are collected at the top,
definitions that the run does not reach are left out, and what is left is trimmed (`trim`): code counts
towards the size limit. That works because no two modules use one top-level name for two things, which is
checked here.
"""

from __future__ import annotations

import ast
import base64
import functools
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reference_impl.roster import PACKAGE, Evaluation
from reference_impl.trim import trim

ENTRY = f"{PACKAGE}.run"
Definition = ast.FunctionDef | ast.ClassDef | ast.Assign


class SingleFileError(ValueError):
    """The modules cannot be pasted together."""


@dataclass(frozen=True, slots=True)
class Part:
    """One module taken apart: its subject, foreign imports, modules it needs, source lines, definitions by name."""

    name: str
    about: str
    imports: list[ast.Import | ast.ImportFrom]
    needs: list[str]
    lines: list[str]
    definitions: dict[str, Definition]


def module_path(name: str) -> Path:
    """Return the source file of a module of this package."""
    return Path(__file__).parent.joinpath(*name.removeprefix(f"{PACKAGE}.").split(".")).with_suffix(".py")


@functools.cache
def take_apart(name: str) -> Part:
    """Split one module into what is merged and what is copied."""
    source = module_path(name).read_text(encoding="utf-8")
    tree = ast.parse(source)
    part = Part(name, (ast.get_docstring(tree) or "").partition("\n")[0], [], [], source.splitlines(), {})
    for node in tree.body[1:]:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            if any(alias.asname for alias in node.names):
                raise SingleFileError(f"{name}:{node.lineno}: an import under another name cannot be pasted")
            part.needs.append(node.module)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            part.imports.append(node)
        elif isinstance(node, Definition):
            part.definitions.update(dict.fromkeys(names_of(node), node))
        else:
            raise SingleFileError(
                f"{name}:{node.lineno}: only imports, definitions and assignments can be pasted"
            )
    return part


def names_of(node: Definition) -> list[str]:
    """Return the names that a definition binds."""
    if isinstance(node, ast.Assign):
        return [leaf.id for target in node.targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
    return [node.name]


def collect(name: str, parts: dict[str, Part]) -> None:
    """Add a module after everything it needs."""
    if name not in parts:
        part = take_apart(name)
        for needed in part.needs:
            collect(needed, parts)
        parts[name] = part


def leaves(node: ast.AST, idle: frozenset[str] = frozenset(), inside: bool = False) -> Iterator[ast.AST]:
    """Yield the nodes of a syntax tree but for idle methods and the annotations of functions."""
    yield node
    if isinstance(node, ast.arg):
        return
    inside = inside or isinstance(node, ast.FunctionDef)
    for child in ast.iter_child_nodes(node):
        is_idle = isinstance(child, ast.FunctionDef) and child.name in idle
        is_type = child is getattr(node, "returns", None) or (
            inside and isinstance(node, ast.AnnAssign) and child is node.annotation
        )
        if not is_idle and not is_type:
            yield from leaves(child, idle, inside)


def read_names(node: ast.AST, idle: frozenset[str] = frozenset()) -> set[str]:
    """Return the names that occur in a text: where one is bound locally too, too much is kept and nothing is lost."""
    return {leaf.id for leaf in leaves(node, idle) if isinstance(leaf, ast.Name)}


def reachable(roots: Iterable[str], definitions: dict[str, Definition], idle: frozenset[str]) -> set[str]:
    """Return the names of all definitions that the roots need."""
    kept: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in kept:
            kept.add(name)
            waiting.extend(read_names(definitions[name], idle))
    return kept


def methods_of(definitions: dict[str, Definition]) -> frozenset[str]:
    """Return the methods that only this code can call: not Python's own, nor those of classes of a library's."""
    own: set[str] = set()
    of_libraries: set[str] = set()
    for node in definitions.values():
        if isinstance(node, ast.ClassDef):
            names = {method.name for method in node.body if isinstance(method, ast.FunctionDef)}
            inherits = any(not read_names(base) <= set(definitions) for base in node.bases)
            (of_libraries if inherits else own).update(names)
    return frozenset(name for name in own - of_libraries if not name.startswith("__"))


def needed(roots: list[str], definitions: dict[str, Definition]) -> tuple[set[str], frozenset[str]]:
    """Return what the roots reach, and the methods that nothing of it calls.

    At first no method is taken to be called; those that what is reached mentions are, until nothing new is.
    """
    idle = methods_of(definitions)
    while True:
        kept = reachable(roots, definitions, idle)
        mentioned = {
            leaf.attr
            for name in kept
            for leaf in leaves(definitions[name], idle)
            if isinstance(leaf, ast.Attribute)
        }
        if not idle & mentioned:
            return kept, idle
        idle -= mentioned


def source_of(node: Definition, lines: list[str]) -> str:
    """Return a definition's source with its decorators and the comments right above it."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])


def merge_imports(nodes: list[ast.Import | ast.ImportFrom], used: set[str]) -> str:
    """Return each plain import once and one line per module imported from, of names that are used."""
    plain: set[str] = set()
    taken: dict[str, set[str]] = {}
    for node in nodes:
        for alias in node.names:
            if (alias.asname or alias.name.split(".")[0]) not in used:
                continue
            if isinstance(node, ast.Import):
                plain.add(ast.unparse(ast.Import([alias])))
            elif node.module != "__future__":
                taken.setdefault(node.module or "", set()).add(alias.name)
    froms = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(taken.items())]
    return "\n".join([*sorted(plain), *froms])


def paste(part: Part, kept: set[str], idle: frozenset[str]) -> str:
    """Return a heading and the definitions of a module that are kept."""
    nodes = list(dict.fromkeys(node for name, node in part.definitions.items() if name in kept))
    heading = f"# {part.name.removeprefix(PACKAGE + '.')}: {part.about}"
    return (
        "\n\n".join([heading, *(trim(source_of(node, part.lines), idle) for node in nodes)]) if nodes else ""
    )


def write_script(evaluation: Evaluation, pack: bool = False) -> str:
    """Return the source of a script that trains, exports and reports this evaluation all by itself.

    Args:
        evaluation: what is reported.
        pack: compress the script; what is left is three lines that unpack and run it.

    Raises SingleFileError if two modules define one name.
    """
    parts: dict[str, Part] = {}
    collect(ENTRY, parts)
    collect(f"{PACKAGE}.{evaluation.module}", parts)
    owner: dict[str, str] = {}
    for part in parts.values():
        for name in part.definitions:
            if name in owner:
                raise SingleFileError(f"{name} is defined in both {owner[name]} and {part.name}")
            owner[name] = part.name
    definitions = {name: node for part in parts.values() for name, node in part.definitions.items()}
    arguments = [
        evaluation.function,
        evaluation.config,
        f'"{evaluation.label}"',
        *filter(None, [evaluation.adapt]),
    ]
    kept, idle = needed(["main", *arguments], definitions)
    used = {leaf for name in kept for leaf in read_names(definitions[name], idle)}
    pieces = [
        '"""Trains, exports and scores a Parameter Golf model. Pasted from the modules named below."""',
        "from __future__ import annotations",
        merge_imports([node for part in parts.values() for node in part.imports], used),
        *(text for part in parts.values() if (text := paste(part, kept, idle))),
        f'if __name__ == "__main__":\n  main({", ".join(arguments)})',
    ]
    script = "\n\n".join(pieces) + "\n"
    return packed(script) if pack else script


def packed(script: str) -> str:
    """Return a script that unpacks another one and runs it: LZMA without headers to spare, in base 85."""
    blob = lzma.compress(script.encode("utf-8"), format=lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)
    text = base64.b85encode(blob).decode("ascii")
    return f'import base64, lzma\n\nexec(lzma.decompress(base64.b85decode("{text}")))\n'
