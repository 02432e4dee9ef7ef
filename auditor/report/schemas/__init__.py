"""JSON Schemas (draft 2020-12) of every JSON output, as `auditor schema NAME` prints them.

Keys are only ever added to an output, so a schema names what is there and leaves room for more. Words of a closed list
are taken from the enumerations that make them.
"""

from __future__ import annotations

from auditor.report.schemas.audit import AUDIT, SHARED
from auditor.report.schemas.comparison import COMPARISON, DIFF
from auditor.report.schemas.corpus import EXPLANATION, ROW, RULES
from auditor.report.schemas.full import FULL, PLAN
from auditor.report.schemas.preflight import PREFLIGHT
from auditor.report.schemas.records import FOLDER
from auditor.report.schemas.replay import REPLAY
from auditor.report.schemas.review import REVIEW
from auditor.report.schemas.words import SCHEMA_1, TEXT, TOOL, Schema, listed, record, ref

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def one_or_many(one: Schema, key: str) -> Schema:
    """What a command prints: the object of one thing, or a list of them under a key."""
    many = record(
        {"schema": SCHEMA_1, "tool": TOOL, key: listed(one)},
        {"notes": listed(TEXT), "accepted": listed(TEXT)},
    )
    return {"anyOf": [one, many]}


def many(one: Schema, key: str) -> Schema:
    """What a command prints with `--schema 2`: always a list, with schema and tool beside it alone."""
    inner = {
        **one,
        "required": [name for name in one["required"] if name not in ("schema", "tool")],
        "properties": {n: of for n, of in one["properties"].items() if n not in ("schema", "tool")},
    }
    return record(
        {"schema": {"const": 2}, "tool": TOOL, key: listed(inner)},
        {"notes": listed(TEXT), "accepted": listed(TEXT)},
    )


SCHEMAS: dict[str, tuple[str, Schema]] = {
    "audit": ("auditor audit --format json", one_or_many(ref("audit"), "submissions")),
    "pr": ("auditor pr --format json", REVIEW),
    "records": ("auditor records --format json", one_or_many(FOLDER, "folders")),
    "replay": ("auditor replay --format json", one_or_many(REPLAY, "submissions")),
    "full": ("auditor replay --full --format json", one_or_many(FULL, "submissions")),
    "full-plan": ("auditor replay --full --dry-run --format json", one_or_many(PLAN, "submissions")),
    "audit-2": ("auditor audit --format json --schema 2", many(AUDIT, "submissions")),
    "records-2": ("auditor records --format json --schema 2", many(FOLDER, "folders")),
    "replay-2": ("auditor replay --format json --schema 2", many(REPLAY, "submissions")),
    "stats": ("auditor stats compare --format json", record({"tool": TOOL, **COMPARISON})),
    "diff": ("auditor diff --format json", DIFF),
    "corpus": ("a line of auditor corpus", ROW),
    "preflight": ("auditor preflight --format json", PREFLIGHT),
    "rules": ("auditor rules --format json", RULES),
    "explain": ("auditor explain --format json", EXPLANATION),
}
"""Name → the command that prints it, and its schema without what several share."""


def schema(name: str) -> Schema:
    """The whole JSON Schema of an output.

    Raises:
        KeyError: there is none of that name.
    """
    title, body = SCHEMAS[name]
    used = {part: SHARED[part] for part in _used(body)}
    return {"$schema": DRAFT, "title": title, **body, **({"$defs": used} if used else {})}


def _used(body: object) -> list[str]:
    """The shared parts that a schema refers to, those within them included."""
    found: list[str] = []
    waiting: list[object] = [body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found.append(name)
                waiting.append(SHARED[name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return sorted(found)
