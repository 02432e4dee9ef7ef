"""What made a result: the release of the tool and the version of its rules, as every machine-readable output says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from auditor.json_value import Json

NAME = "parameter-golf-auditor"


def release() -> str:
    """The installed release; "0.0.0" where the package runs from files that were not installed."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return "0.0.0"


@cache
def rule_set() -> str:
    """Twelve hexadecimal digits of the SHA-256 over the sources of all rules: equal where the rules are the same."""
    digest = hashlib.sha256()
    for home in (files("rules"), files("rules.core")):
        for entry in sorted(home.iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".py"):
                digest.update(entry.name.encode() + b"\0" + entry.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def made_by() -> dict[str, Json]:
    """`tool` of every JSON: its name, its release and the version of its rules."""
    return {"name": NAME, "version": release(), "rules": rule_set()}


def stamped(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object of an output with `tool` behind its schema number."""
    return {"schema": value["schema"], "tool": made_by(), **value}


SCHEMAS = (1, 2)
"""Schema 1: the object of one thing, or a list of several under a key. Schema 2: always the list."""


def enveloped(objects: Sequence[Mapping[str, Any]], key: str, *, schema: int = 1) -> dict[str, Any]:
    """What a command prints of one or several things, each an object of schema 1 with `schema` and `tool`."""
    if schema == 1 and len(objects) == 1:
        return dict(objects[0])
    if schema == 1:
        return {"schema": 1, "tool": made_by(), key: list(objects)}
    inner = [
        {name: value for name, value in one.items() if name not in ("schema", "tool")} for one in objects
    ]
    return {"schema": schema, "tool": made_by(), key: inner}
