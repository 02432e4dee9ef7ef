"""Labels of real submissions: the precedents of the package, or a file of rulings in the same spirit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError

LABELS = ("legal", "illegal", "disputed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """How a submission was judged.

    Attributes:
        paths: its scripts; a row of the corpus matches on the pull request and one of these.
        rules: slugs that it breaks.
        visible_in: where the fact can be seen: "code", "config", "logs", "data", "artifact", "process" or
            "none".
    """

    pr: int
    head: str
    paths: tuple[str, ...]
    label: str
    rules: tuple[str, ...]
    visible_in: str


def read_labels(path: str | None) -> tuple[Label, ...]:
    """Labels of a JSON-lines file, or of the package's own precedents without one.

    A line has `pr`, `label`, `rules` and `scripts` (each with `path`) or `path`; `head` and `visible_in` are
    optional.

    Raises:
        InputError: the file cannot be read, or a line is not such an object.
    """
    if path is None:
        from importlib import resources

        text = resources.files("rules").joinpath("precedents.jsonl").read_text(encoding="utf-8")
        return _parse(text, "rules/precedents.jsonl")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read labels from {path}: {error}") from error
    return _parse(text, path)


def _parse(text: str, name: str) -> tuple[Label, ...]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_label(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{name}:{number} is no label: {type(error).__name__}: {error}",
                hint="a line is a JSON object with pr, label, rules and scripts[].path",
            ) from error
    return tuple(found)


def _label(row: object) -> Label:
    if not isinstance(row, dict):
        raise TypeError("not an object")
    scripts = row.get("scripts") or [{"path": row["path"]}]
    if not isinstance(scripts, list) or not isinstance(row["pr"], int) or row["label"] not in LABELS:
        raise ValueError("pr must be a number, label one of legal, illegal, disputed, scripts a list")
    rules = row["rules"]
    if not isinstance(rules, list):
        raise TypeError("rules must be a list of slugs")
    return Label(
        pr=row["pr"],
        head=str(row.get("head") or ""),
        paths=tuple(str(script["path"]) for script in scripts),
        label=str(row["label"]),
        rules=tuple(str(rule) for rule in rules),
        visible_in=str(row.get("visible_in") or ""),
    )
