"""The package as one script: its modules pasted together in order of dependence, nothing written twice.

Each module is read as source. Its docstring becomes a comment banner, imports from this package vanish, other
imports are collected at the top, and the rest is copied verbatim. That works because no two modules use one
top-level name for two things, which is checked here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "reference_impl"
ENTRY = f"{PACKAGE}.run"


class SingleFileError(ValueError):
    """The modules cannot be pasted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a script claims: an evaluator, and what it does to the model before export, if anything."""

    module: str
    function: str
    label: str
    adapt: str | None = None


EVALUATIONS = {
    "flat": Evaluation(module="evaluators.flat", function="evaluate_flat", label="final_flat"),
    "document": Evaluation(
        module="evaluators.document", function="evaluate_document", label="final_document"
    ),
    "sliding": Evaluation(
        module="evaluators.sliding", function="evaluate_sliding", label="final_sliding_window"
    ),
    "lora_ttt": Evaluation(
        module="evaluators.lora_ttt", function="evaluate_lora_ttt", label="final_lora_ttt"
    ),
    "chunk_ttt": Evaluation(
        module="evaluators.chunk_ttt", function="evaluate_chunk_ttt", label="final_chunk_ttt"
    ),
}
VIOLATIONS = {
    "multi_epoch_lora_ttt": Evaluation(
        module="violations.multi_epoch_lora_ttt",
        function="evaluate_multi_epoch_lora_ttt",
        label="final_multi_epoch_lora_ttt",
    ),
    "slot": Evaluation(module="violations.slot", function="evaluate_slot", label="final_slot"),
    "prequant_ttt": Evaluation(
        module="violations.prequant_ttt",
        function="evaluate_flat",
        label="final_prequant_ttt",
        adapt="adapt_to_validation",
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One module taken apart: banner text, foreign imports, modules it needs, code and top-level names."""

    name: str
    banner: str
    imports: list[ast.Import | ast.ImportFrom]
    needs: list[str]
    code: str
    names: set[str]


def module_path(name: str) -> Path:
    """Return the source file of a module of this package."""
    return Path(__file__).parent.joinpath(*name.removeprefix(f"{PACKAGE}.").split(".")).with_suffix(".py")


def take_apart(name: str) -> Part:
    """Split one module into what is merged and what is copied."""
    source = module_path(name).read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    imports: list[ast.Import | ast.ImportFrom] = []
    needs: list[str] = []
    names: set[str] = set()
    for node in tree.body[1:]:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE}."):
            if any(alias.asname for alias in node.names):
                raise SingleFileError(f"{name}:{node.lineno}: an import under another name cannot be pasted")
            needs.append(node.module)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.append(node)
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {
                leaf.id for target in node.targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)
            }
        else:
            raise SingleFileError(
                f"{name}:{node.lineno}: only imports, definitions and assignments can be pasted"
            )
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert node.end_lineno is not None
            for line in range(node.lineno - 1, node.end_lineno):
                lines[line] = ""
    docstring = tree.body[0]
    assert docstring.end_lineno is not None
    code = "\n".join(lines[docstring.end_lineno :]).strip("\n")
    return Part(name, ast.get_docstring(tree) or "", imports, needs, code, names)


def collect(name: str, parts: dict[str, Part]) -> None:
    """Add a module after everything it needs."""
    if name not in parts:
        part = take_apart(name)
        for needed in part.needs:
            collect(needed, parts)
        parts[name] = part


def merge_imports(nodes: list[ast.Import | ast.ImportFrom]) -> str:
    """Return each plain import once and one line per module imported from."""
    plain: set[str] = set()
    taken: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            plain.add(ast.unparse(node))
        elif node.module != "__future__":
            taken.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
    froms = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(taken.items())]
    return "\n".join([*sorted(plain), *froms])


def banner(part: Part) -> str:
    """Return a module's docstring as a comment block."""
    rule = "# " + "-" * 100
    text = "\n".join(f"# {line}".rstrip() for line in part.banner.splitlines())
    return f"{rule}\n# {part.name.removeprefix(PACKAGE + '.')}\n#\n{text}\n{rule}"


def write_script(evaluation: Evaluation) -> str:
    """Return the source of a script that trains, exports and reports this evaluation all by itself.

    Raises SingleFileError if two modules define one name.
    """
    parts: dict[str, Part] = {}
    collect(ENTRY, parts)
    collect(f"{PACKAGE}.{evaluation.module}", parts)
    owner: dict[str, str] = {}
    for part in parts.values():
        for name in part.names:
            if name in owner:
                raise SingleFileError(f"{name} is defined in both {owner[name]} and {part.name}")
            owner[name] = part.name
    adapt = f", {evaluation.adapt}" if evaluation.adapt else ""
    pieces = [
        '"""Trains, exports and scores a Parameter Golf model. Generated from the modules named below."""',
        "from __future__ import annotations",
        merge_imports([node for part in parts.values() for node in part.imports]),
        *(f"{banner(part)}\n\n{part.code}" for part in parts.values()),
        f'if __name__ == "__main__":\n    main({evaluation.function}, "{evaluation.label}"{adapt})',
    ]
    return "\n\n\n".join(pieces) + "\n"
