"""Imports run down the list of rooms and never up, and no files import each other in a circle.

Read from the source by `ast`, imports inside functions and under `TYPE_CHECKING` included.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FLOORS = (
    ("auditor.errors", "auditor.exit_codes", "auditor.json_value"),
    ("auditor.extras", "auditor.json_text", "auditor.replacing", "auditor.versions"),
    ("auditor.stats", "auditor.solver", "auditor.program"),
    ("auditor.submission", "auditor.native", "auditor.trace"),
    ("auditor.records", "auditor.static.ast_text", "auditor.static.names"),
    ("auditor.static.domain",),
    ("auditor.static.interpreter", "auditor.static.causality"),
    ("auditor.static.effects",),
    ("auditor.static.transfer",),
    ("auditor.static.syntax",),
    ("auditor.static.evaluator",),
    ("auditor.static.predict",),
    ("auditor.static",),
    ("rules",),
    ("auditor.reading",),
    ("auditor.judgement", "auditor.cache"),
    ("auditor.replay",),
    ("auditor.audit",),
    ("auditor.diffing",),
    ("auditor.pull_request", "auditor.corpus", "auditor.preflight"),
    ("auditor.report", "auditor.api"),
    ("auditor.commands", "auditor.cli"),
    ("auditor.specimens", "auditor.__main__"),
)
"""The rooms from the ground up; a room imports from lower floors, and from its own floor only itself."""

APART, SHARED = "reference_impl", "auditor.stats"
"""Imports nothing of the auditor but its statistics, and nothing of the auditor imports it."""

FILES = sorted(
    path
    for package in ("auditor", "rules", APART)
    for path in (ROOT / package).rglob("*.py")
    if path.parent != ROOT / "auditor" / "specimens" or path.stem.startswith("__")
)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Modules of this project that a file imports, submodules named in `from package import module` resolved."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else str(node.module))
    return {name for name in found if name in MODULES and MODULES[name] != path}


def floor_of(module: str) -> tuple[int, str]:
    for number, rooms in enumerate(FLOORS):
        for room in rooms:
            if module == room or module.startswith(f"{room}."):
                return number, room
    raise AssertionError(f"{module} stands in no room: give it one in FLOORS")


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_imports_run_down(path: Path) -> None:
    module = module_of(path)
    for name in imports_of(path):
        if module.split(".")[0] == APART or name.split(".")[0] == APART:
            assert name.startswith(f"{SHARED}.") or module.split(".")[0] == name.split(".")[0], (
                f"{module} imports {name}"
            )
            continue
        if module == "auditor" or name == "auditor":
            continue
        (upper, room), (lower, other) = floor_of(module), floor_of(name)
        assert room == other or lower < upper, f"{module} imports {name}, which stands no lower"


def test_no_circle() -> None:
    graph = {module: imports_of(path) for module, path in MODULES.items()}
    done: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"imports go round: {' -> '.join((*way[way.index(module) :], module))}"
        if module in done:
            return
        for name in sorted(graph[module]):
            walk(name, (*way, module))
        done.add(module)

    for module in sorted(graph):
        walk(module, ())
