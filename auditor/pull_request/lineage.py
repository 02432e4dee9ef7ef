"""Which ruled pull requests a script shares code with, by fingerprints of normalised functions.

`lineage.jsonl` holds, for each precedent, fingerprints of the functions that evaluate or adapt; names, layout and
comments do not matter to them (`auditor.diffing.normal_form`). Sharing code proves nothing by itself: the
ruling of the other pull request is named so that a reviewer looks there.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from auditor.diffing.units import Unit, collect_units
from auditor.program.model import Program
from auditor.program.unpacking.program import load_program
from auditor.submission.model import Submission

if TYPE_CHECKING:
    from rules.docs.documentation import Precedent

_EVALUATES = re.compile(
    r"inference_mode|^val_tokens|base_bytes|^val_data|bpb|ttt|slot|ngram|_eval|^eval", re.IGNORECASE
)
_ADAPTS = re.compile(r"backward|ttt|slot|ngram|lora|adapt", re.IGNORECASE)
MIN_NODES = 120
"""Smaller functions are alike by chance."""
MAX_RELATIVES = 12
"""Of a function in more ruled pull requests than this only their number is told, and that only where it adapts."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a script's code stood before.

    Attributes:
        relatives: ruled pull requests that share the rarer functions, most shared first.
        common: adapting function → how many ruled pull requests have it, by label.
    """

    relatives: tuple[Relative, ...] = ()
    common: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def lineage(program: Program, *, own: int | None = None, stock: frozenset[str] = frozenset()) -> Lineage:
    """Find the ruled pull requests that a script shares functions with.

    Args:
        own: the pull request itself, left out.
        stock: fingerprints of the repository's own script at the base point: everybody starts from it.
    """
    from rules.docs.documentation import precedents

    carriers: dict[str, list[Precedent]] = defaultdict(list)
    for precedent in precedents():
        for print_ in known().get(precedent.pr, ()):
            if precedent.pr != own:
                carriers[print_].append(precedent)
    mine = fingerprints(program)
    shared: dict[int, list[str]] = defaultdict(list)
    by_number: dict[int, Precedent] = {}
    common = {}
    for print_, unit in sorted(mine.items(), key=lambda item: item[1].name):
        found = carriers.get(print_, [])
        if print_ in stock or not found:
            continue
        if len(found) > MAX_RELATIVES:
            if any(_ADAPTS.search(name) for name in _names(unit.node)):
                common[unit.name] = dict(sorted(Counter(precedent.label for precedent in found).items()))
            continue
        for precedent in found:
            by_number[precedent.pr] = precedent
            shared[precedent.pr].append(unit.name)
    ordered = sorted(shared, key=lambda number: (-len(shared[number]), number))[:MAX_SHOWN]
    return Lineage(
        relatives=tuple(_relative(by_number[number], shared[number]) for number in ordered), common=common
    )


def _relative(precedent: Precedent, shared: list[str]) -> Relative:
    return Relative(
        pr=precedent.pr,
        label=precedent.label,
        rules=precedent.rules,
        ruling=precedent.ruling,
        source=precedent.source,
        shared=tuple(shared),
    )


def related_of(submission: Submission, number: int) -> list[tuple[int, str, int]]:
    """The ruled pull requests that share a script's code, as (number, label, functions), its own ruling first."""
    from rules.docs.documentation import precedents

    program = load_program(submission.script.path, submission.script.data(), submission.read_sibling)
    own = next((precedent for precedent in precedents() if precedent.pr == number), None)
    found = [(r.pr, r.label, len(r.shared)) for r in lineage(program, own=number).relatives]
    return found if own is None else [(number, own.label, len(known().get(number, ()))), *found]
