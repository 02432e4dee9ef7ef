"""docs/benchmarks.md: what `make bench` measured, as tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
RESULTS, PAGE = DOCS / "benchmarks.json", DOCS / "benchmarks.md"


def render(found: Mapping[str, object]) -> str:
    """The page of a file of results."""
    parts = [
        "# What it costs\n",
        f"Measured on {found['date']} ({found['machine']}) by `make bench`, in processor seconds; everything but the "
        "yardsticks is a ratio within that run. The scripts are the auditor's own specimens. Made by `make docs` from "
        "[benchmarks.json](benchmarks.json).\n",
        "## Start-up, in units of `python -c pass`\n",
        _pairs(found["start"]),
    ]
    for name, value in found.items():
        if name.startswith("stages of "):
            parts += [f"## S{name[1:]}, in units of LibCST's parse of it\n", _pairs(value)]
    parts += [
        "## The same again with `--cache`, in units of the first time\n",
        _pairs(found["cache"]),
        "Start-up is in both.\n",
        "## Length of the script: helpers that are called once each\n",
        _rows(found["length"], "script"),
        "## `corpus`: in units of one process on the fewest, and the same again\n",
        _rows(found["corpus"], "run"),
    ]
    return "\n".join(parts)


def _pairs(values: object) -> str:
    assert isinstance(values, Mapping)
    return _table(("what", "measured"), [(name, _shown(value)) for name, value in values.items()])


def _rows(values: object, first: str) -> str:
    assert isinstance(values, Mapping)
    head = (first, *next(iter(values.values())))
    return _table(head, [(name, *map(_shown, row.values())) for name, row in values.items()])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def write() -> None:
    """Write the page anew."""
    PAGE.write_text(render(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
