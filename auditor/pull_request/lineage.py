"""Which ruled pull requests a script shares code with, by fingerprints of normalised functions.

`lineage.jsonl` holds, for each precedent, fingerprints of its rarer functions; names, layout and comments do
not matter to them (`auditor.diffing.normal_form`). Sharing code proves nothing by itself: the ruling of the
other pull request is named so that a reviewer looks there.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from auditor.diffing.units import Unit, collect_units
from auditor.program.model import Program

_EVALUATES = re.compile(
    r"inference_mode|^val_tokens|base_bytes|^val_data|bpb|ttt|slot|ngram|_eval|^eval", re.IGNORECASE
)
MIN_NODES = 120
"""Smaller functions are alike by chance."""
MAX_RELATIVES = 12
"""A function in more ruled pull requests than this is common stock and tells nothing."""
MAX_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """A ruled pull request that shares functions; `shared` are their names in the script at hand."""

    pr: int
    label: str
    rules: tuple[str, ...]
    ruling: str
    source: str
    shared: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {
            "pr": self.pr,
            "label": self.label,
            "rules": list(self.rules),
            "ruling": self.ruling,
            "source": self.source,
            "shared": list(self.shared),
        }


def fingerprints(program: Program) -> dict[str, Unit]:
    """Fingerprint → function, for those that evaluate or adapt and are large enough to be recognised.

    Rulings are about the evaluation; a shared attention block says nothing about them.
    """
    units = collect_units(program).units.values()
    return {
        unit.form.fingerprint: unit
        for unit in units
        if unit.form.nodes >= MIN_NODES and any(_EVALUATES.search(name) for name in _names(unit.node))
    }


def _names(node: ast.AST) -> Iterator[str]:
    """The names that code uses, its own name included."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.arg):
            yield inner.arg
        elif isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.FunctionDef):
            yield inner.name


@cache
def known() -> Mapping[int, frozenset[str]]:
    """Pull request → fingerprints, as shipped."""
    text = resources.files("auditor.pull_request").joinpath("lineage.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return {row["pr"]: frozenset(row["fingerprints"]) for row in rows}


def relatives(
    program: Program, *, own: int | None = None, stock: frozenset[str] = frozenset()
) -> tuple[Relative, ...]:
    """The ruled pull requests that share rare functions, most shared first.

    Args:
        own: the pull request itself, left out.
        stock: fingerprints of the repository's own script at the base point: everybody starts from it.
    """
    from rules.documentation import precedents

    mine = {print_: unit for print_, unit in fingerprints(program).items() if print_ not in stock}
    found = []
    for precedent in precedents():
        shared = known().get(precedent.pr, frozenset()) & mine.keys()
        if not shared or precedent.pr == own:
            continue
        found.append(
            Relative(
                pr=precedent.pr,
                label=precedent.label,
                rules=precedent.rules,
                ruling=precedent.ruling,
                source=precedent.source,
                shared=tuple(sorted(mine[print_].name for print_ in shared)),
            )
        )
    return tuple(sorted(found, key=lambda relative: (-len(relative.shared), relative.pr)))[:MAX_SHOWN]


def rare(rows: Mapping[int, Iterable[str]]) -> dict[int, list[str]]:
    """Keep the fingerprints that at most MAX_RELATIVES of the pull requests have; makes the data file."""
    count: dict[str, int] = {}
    for prints in rows.values():
        for print_ in set(prints):
            count[print_] = count.get(print_, 0) + 1
    return {pr: sorted({p for p in prints if count[p] <= MAX_RELATIVES}) for pr, prints in rows.items()}
