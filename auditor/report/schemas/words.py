"""What schemas are made of: texts, numbers, lists, words of a closed list, objects with named keys."""

from __future__ import annotations

from enum import Enum
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
SCHEMA_1: Schema = {"const": 1}


def listed(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def mapping(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def word(of: type[Enum]) -> Schema:
    return {"enum": [member.value for member in of]}


def maybe(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "null"}]}


def record(needed: dict[str, Schema], more: dict[str, Schema] | None = None) -> Schema:
    """An object with these keys; `more` are those that are not always there."""
    return {"type": "object", "required": list(needed), "properties": {**needed, **(more or {})}}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


TOOL = record({"name": TEXT, "version": TEXT, "rules": TEXT})
"""What made an output: the tool, its release, the version of its rules."""

PLACE: dict[str, Schema] = {"path": TEXT, "layer": WHOLE, "line": WHOLE}
