"""The table of caps in SECURITY.md, made from the constants and the strings beneath them."""

from __future__ import annotations

import ast
import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECURITY = ROOT / "SECURITY.md"
READERS = (
    "json_text.py",
    "submission",
    "program",
    "records",
    "native",
    "static/interpreter/budget.py",
    "static/interpreter/frames.py",
    "solver/solver.py",
    "replay/sandbox",
    "replay/runs",
)
"""Parts of the package that touch a submission; caps of reports and statistics bound our own text."""


def table() -> str:
    """Markdown: where, name, value, reason; in order of files."""
    rows = ["| file | cap | value | why |", "|---|---|---|---|"]
    for path, name, reason in caps():
        module = importlib.import_module(".".join(path.with_suffix("").parts))
        value = getattr(module, name)
        shown = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        rows.append(f"| `{path.relative_to('auditor')}` | `{name}` | {shown} | {' '.join(reason.split())} |")
    return "\n".join(rows) + "\n"


def caps() -> Iterator[tuple[Path, str, str]]:
    """Each constant `MAX_…` or `…_TIMEOUT_S` of these parts that has a reason, by file and line."""
    for part in READERS:
        place = ROOT / "auditor" / part
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            body = ast.parse(file.read_text(encoding="utf-8")).body
            for statement, after in itertools.pairwise(body):
                name = _constant(statement)
                if name and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    yield file.relative_to(ROOT), name, str(after.value.value)


def _constant(statement: ast.stmt) -> str:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    name = targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""
    return name if name.lstrip("_").startswith("MAX_") or name.endswith("_TIMEOUT_S") else ""
