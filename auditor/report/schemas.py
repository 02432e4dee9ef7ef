"""JSON Schemas (draft 2020-12) of every JSON output, as `auditor schema NAME` prints them.

Keys are only ever added to an output, so a schema names what is there and leaves room for more. Words of a closed list
are taken from the enumerations that make them.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from auditor.judgement.result import RecordVerdict, Verdict
from auditor.preflight.asked import State
from auditor.preflight.budget import Fit
from auditor.records.claim import How
from auditor.records.findings import Severity
from auditor.trace.answer import Answer
from rules.core.rule import Kind, Level, Outcome, Policy

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

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
PLACE: dict[str, Schema] = {"path": TEXT, "layer": WHOLE, "line": WHOLE}
TARGET = record(
    {"kind": TEXT, "path": TEXT, "ref": maybe(TEXT), "head": maybe(TEXT)}, {"folder": maybe(TEXT)}
)

FINDING = record(
    {
        "rule": TEXT,
        "outcome": word(Outcome),
        "level": word(Level),
        "report": maybe(TEXT),
        "message": TEXT,
        "origin": {"enum": ["static", "replay", "records"]},
        "code": maybe(TEXT),
        "where": maybe(TEXT),
        "fingerprint": TEXT,
        "locations": listed(record({**PLACE, "column": WHOLE})),
        "steps": listed(record({"text": TEXT, **PLACE})),
    }
)

NODE = record(
    {"kind": TEXT, "text": TEXT, **PLACE},
    {
        "detail": TEXT,
        "taken": word(Answer),
        "count": {},
        "settings": listed(TEXT),
        "events": listed(ref("event")),
        "children": listed(ref("node")),
    },
)
EVENT = record(
    {"event": TEXT, "number": WHOLE, "certain": word(Answer), **PLACE},
    {
        "regions": listed(TEXT),
        "states": listed(TEXT),
        "state": TEXT,
        "how": TEXT,
        "by": TEXT,
        "what": TEXT,
        "absorbed": listed(record({"update": WHOLE, "overlap": word(Answer), "why": TEXT})),
        "doubts": listed(TEXT),
        "loads": listed(WHOLE),
        "wrong": listed(record({"kind": TEXT, "piece": TEXT, "before": TEXT, "counted": {}, "bytes": {}})),
        "scores": listed(WHOLE),
        "counts": listed(WHOLE),
        "label": TEXT,
        "template": listed(maybe(TEXT)),
        "numbers": listed(record({"name": TEXT, "formula": TEXT})),
        "source": TEXT,
        "action": TEXT,
        "phase": TEXT,
        "kind": TEXT,
        "reason": TEXT,
        "touches_scores": FLAG,
    },
)
"""Every event has the first keys; which of the others it has goes by its kind."""
TRACE = record(
    {
        "witness": {"enum": ["static", "replay"]},
        "complete": FLAG,
        "claimed": maybe(WHOLE),
        "claimed_how": TEXT,
        "switches": listed(
            record({"name": TEXT, "value": {}, "from": TEXT, "taken": {}, "guards": {}, **PLACE})
        ),
        "tree": ref("node"),
    }
)

AUDIT = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "target": TARGET,
        "policy": word(Policy),
        "track": {"enum": ["record", "non-record", "unknown"]},
        "language": TEXT,
        "verdict": word(Verdict),
        "judged": FLAG,
        "record_verdict": maybe(word(RecordVerdict)),
        "claim": record({"val_bpb": maybe(NUMBER), "source": TEXT, "how": TEXT}),
        "rules": listed(
            record({"rule": TEXT, "outcome": word(Outcome), "because": TEXT, "crashed": maybe(TEXT)})
        ),
        "findings": listed(ref("finding")),
        "reports": listed(
            record(
                {"label": TEXT, "claimed": FLAG, "verdict": word(Verdict), "failed": listed(TEXT), **PLACE}
            )
        ),
        "configuration": listed(
            record(
                {
                    "name": TEXT,
                    "value": TEXT,
                    "from": TEXT,
                    "path": maybe(TEXT),
                    "line": maybe(WHOLE),
                    "decides": FLAG,
                }
            )
        ),
        "doubts": listed(TEXT),
        "notes": listed(TEXT),
        "layers": listed(TEXT),
        "problems": listed(record({"kind": TEXT, "reason": TEXT, "runs": FLAG, **PLACE})),
        "trace": maybe(ref("trace")),
        "seconds": NUMBER,
    }
)
SHARED = {"audit": AUDIT, "finding": FINDING, "trace": TRACE, "node": NODE, "event": EVENT}

RECORD_FINDING = record(
    {"code": TEXT, "severity": word(Severity), "rule": maybe(TEXT), "where": TEXT, "message": TEXT},
    {"fingerprint": TEXT},
)
METRIC = record(
    {
        "path": TEXT,
        "line": WHOLE,
        "label": TEXT,
        "val_bpb": NUMBER,
        "val_loss": maybe(NUMBER),
        "eval_time_ms": maybe(NUMBER),
        "text": TEXT,
    }
)
RUN = record(
    {
        "path": TEXT,
        "first_line": WHOLE,
        "seed": maybe(WHOLE),
        "world_size": maybe(WHOLE),
        "val_tokens": maybe(WHOLE),
        "tokenizer": maybe(TEXT),
        "train_s": maybe(NUMBER),
        "calibration_s": maybe(NUMBER),
        "eval_s": maybe(NUMBER),
        "bytes": record(
            {
                "total": maybe(WHOLE),
                "model": maybe(WHOLE),
                "code": listed(WHOLE),
                "convention": TEXT,
                "shipped": maybe(WHOLE),
            }
        ),
        "implied": maybe(
            record(
                {
                    "bytes": maybe(WHOLE),
                    "family": TEXT,
                    "deviation": maybe(NUMBER),
                    "corrected_bpb": maybe(NUMBER),
                }
            )
        ),
        "metrics": listed(METRIC),
        "embedded_source": FLAG,
        "earlier_sections": WHOLE,
        "hyperparameters": mapping(TEXT),
    }
)
FOLDER = record(
    {
        "schema": SCHEMA_1,
        "folder": TEXT,
        "track": TEXT,
        "findings": listed(RECORD_FINDING),
        "runs": listed(RUN),
        "claim": record(
            {
                "value": maybe(NUMBER),
                "text": TEXT,
                "key_path": TEXT,
                "label": TEXT,
                "how": word(How),
                "also": listed(TEXT),
                "lines": listed(METRIC),
            }
        ),
        "code": record({"entry": maybe(TEXT), "loaded": listed(TEXT), "shipped_bytes": WHOLE}),
        "problems": listed(TEXT),
    },
    {"tool": TOOL},
)

T_TEST = maybe(record({"t": NUMBER, "df": NUMBER, "p": NUMBER}))
SAMPLE = record(
    {
        "name": TEXT,
        "values": listed(NUMBER),
        "seeds": listed(maybe(WHOLE)),
        "mean": NUMBER,
        "std": maybe(NUMBER),
        "tokens_per_byte": maybe(NUMBER),
    }
)
_COMPARISON: dict[str, Schema] = {
    "schema": SCHEMA_1,
    "old": SAMPLE,
    "new": SAMPLE,
    "welch": T_TEST,
    "welch_margin": T_TEST,
    "one_sample": T_TEST,
    "one_sample_margin": T_TEST,
    "paired": T_TEST,
    "difference": record({"bpb": NUMBER, "nats_per_token": maybe(NUMBER), "nats_per_byte": NUMBER}),
    "margin": record({"nats_per_token": NUMBER, "bpb": maybe(NUMBER)}),
    "interval": maybe(record({"low": NUMBER, "high": NUMBER, "level": NUMBER})),
    "power": maybe(record({"now": NUMBER, "seeds_needed": maybe(WHOLE), "more_seeds": maybe(WHOLE)})),
    "warnings": listed(TEXT),
    "policies": listed(record({"policy": TEXT, "met": maybe(FLAG), "because": TEXT})),
}

RELATIVE = record(
    {
        "pr": WHOLE,
        "label": TEXT,
        "rules": listed(TEXT),
        "shared": listed(TEXT),
        "ruling": TEXT,
        "source": TEXT,
    },
)
REVIEW = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "conclusion": TEXT,
        "verdict": maybe(word(Verdict)),
        "record_verdict": maybe(word(RecordVerdict)),
        "exit_code": WHOLE,
        "evaluation_exit_code": WHOLE,
        "target": record({"kind": TEXT, "ref": TEXT, "head": TEXT, "base": maybe(TEXT)}),
        "scope": record(
            {
                "new_folders": listed(TEXT),
                "changed_folders": listed(TEXT),
                "other_paths": listed(record({"status": TEXT, "path": TEXT})),
                "findings": listed(RECORD_FINDING),
            }
        ),
        "submissions": listed(
            {
                **AUDIT,
                "properties": {
                    **AUDIT["properties"],
                    "lineage": listed(RELATIVE),
                    "lineage_common": mapping(mapping(WHOLE)),
                },
            }
        ),
        "records": listed(FOLDER),
        "accepted": listed(TEXT),
        "significance": listed(
            record(
                {
                    "folder": TEXT,
                    "against": TEXT,
                    "pull_request": maybe(WHOLE),
                    "from_logs": FLAG,
                    **_COMPARISON,
                }
            )
        ),
        "problems": listed(TEXT),
    }
)

UNIT = record({"name": TEXT, "path": TEXT, "layer": WHOLE, "line": WHOLE})
CHANGE = record(
    {
        "name": TEXT,
        "old": maybe(record({"value": {}, "from": TEXT})),
        "new": maybe(record({"value": {}, "from": TEXT})),
    }
)
DIFF = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "old": record({"path": TEXT, "timeline": listed(TEXT)}),
        "new": record({"path": TEXT, "timeline": listed(TEXT)}),
        "settings": listed(CHANGE),
        "constants": listed(CHANGE),
        "functions": record(
            {
                "added": listed(UNIT),
                "removed": listed(UNIT),
                "changed": listed(
                    record(
                        {
                            "name": TEXT,
                            "old": UNIT,
                            "new": UNIT,
                            "parameters_added": listed(TEXT),
                            "parameters_removed": listed(TEXT),
                        }
                    )
                ),
                "renamed": listed(listed(TEXT)),
            }
        ),
        "optimisers": record({"removed": listed(TEXT), "added": listed(TEXT)}),
        "gain": listed(
            record(
                {
                    "label": TEXT,
                    "old_bpb": NUMBER,
                    "new_bpb": NUMBER,
                    "difference_bpb": NUMBER,
                    "share": maybe(NUMBER),
                    "claimed": FLAG,
                }
            )
        ),
        "problems": listed(TEXT),
    }
)

WITNESS = {
    "anyOf": [
        {"type": "null"},
        record(
            {
                "kind": {"const": "mass"},
                "token": WHOLE,
                "total": NUMBER,
                "counted": WHOLE,
                "vocabulary": WHOLE,
                "seeds": listed(WHOLE),
            }
        ),
        record(
            {
                "kind": {"const": "leak"},
                "token": WHOLE,
                "exchanged": WHOLE,
                "old": WHOLE,
                "new": WHOLE,
                "score": WHOLE,
                "before": NUMBER,
                "after": NUMBER,
                "moved": NUMBER,
                "tested": WHOLE,
                "tokens": WHOLE,
                "seeds": listed(WHOLE),
                "steps": listed(record({"text": TEXT, **PLACE})),
            }
        ),
    ]
}
_PROVED: Schema = {"enum": ["pass", "fail", "unverified", "note"]}
REPLAY = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "target": TARGET,
        "ran": FLAG,
        "reason": maybe(TEXT),
        "claimed": record({"text": TEXT, "how": TEXT}),
        "conditions": mapping(record({"outcome": _PROVED, "why": TEXT, "witness": WITNESS})),
        "probes": listed(
            record({"probe": TEXT, "title": TEXT, "outcome": _PROVED, "why": TEXT, "runs": WHOLE})
        ),
        "notes": listed(TEXT),
        "suspicions": listed(record({"kind": TEXT, "rule": TEXT, "why": TEXT})),
        "facts": listed(record({"fact": TEXT, "standing": {"enum": ["enforced", "observed", "claimed"]}})),
        "accesses": listed(TEXT),
        "sandbox": record({"rung": TEXT, "because": maybe(TEXT), "left_behind": {}}),
        "sizes": mapping({}),
        "runs": WHOLE,
        "trace": maybe(ref("trace")),
        "seconds": NUMBER,
    }
)

ROW = record(
    {
        "tool": TOOL,
        "pr": WHOLE,
        "head": TEXT,
        "path": TEXT,
        "verdict": maybe(word(Verdict)),
        "record_verdict": maybe(word(RecordVerdict)),
        "failed": listed(TEXT),
        "review": listed(TEXT),
        "unknown": listed(TEXT),
        "seconds": NUMBER,
        "error": maybe(TEXT),
        "reason": TEXT,
        "date": TEXT,
        "page": TEXT,
        "crashed": FLAG,
        "bpb": maybe(NUMBER),
        "key": TEXT,
        "related": listed(record({"pr": WHOLE, "label": TEXT, "shared": WHOLE})),
    }
)

RULES = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "rules": listed(
            record(
                {
                    "rule": TEXT,
                    "title": TEXT,
                    "condition": TEXT,
                    "kind": word(Kind),
                    "tracks": listed(TEXT),
                    "policies": mapping(TEXT),
                }
            )
        ),
    }
)
EXPLANATION: Schema = {
    "anyOf": [
        record(
            {
                "schema": SCHEMA_1,
                "tool": TOOL,
                "rule": TEXT,
                "title": TEXT,
                "documentation": mapping(TEXT),
                "sources": listed(record({"url": TEXT, "date": TEXT, "who": TEXT, "ruling": TEXT})),
                "precedents": listed(
                    record(
                        {
                            "pr": WHOLE,
                            "head": TEXT,
                            "path": TEXT,
                            "scripts": listed(listed(TEXT)),
                            "date": TEXT,
                            "who": TEXT,
                            "label": TEXT,
                            "rules": listed(TEXT),
                            "ruling": TEXT,
                            "source": TEXT,
                            "visible_in": {},
                        }
                    )
                ),
                "codes": listed(TEXT),
            }
        ),
        record(
            {
                "schema": SCHEMA_1,
                "tool": TOOL,
                "code": TEXT,
                "severity": word(Severity),
                "rule": maybe(TEXT),
                "documentation": mapping(TEXT),
            }
        ),
    ]
}

_PLAN = record(
    {
        "std": NUMBER,
        "std_from": TEXT,
        "margin_bpb": NUMBER,
        "margin_from": TEXT,
        "record": maybe(record({"bpb": listed(NUMBER), "from": TEXT})),
        "rows": listed(
            record({"seeds": WHOLE, "readme": NUMBER, "readme_sure": NUMBER, "progression": NUMBER})
        ),
    }
)
PREFLIGHT = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "folders": listed(
            record(
                {
                    "folder": TEXT,
                    "record_track": FLAG,
                    "exit_code": WHOLE,
                    "audits": listed(ref("audit")),
                    "bytes": record(
                        {
                            "limit": WHOLE,
                            "code": WHOLE,
                            "files": listed(record({"path": TEXT, "bytes": WHOLE})),
                            "model": record({"low": maybe(WHOLE), "high": maybe(WHOLE), "from": TEXT}),
                            "room": WHOLE,
                            "fit": word(Fit),
                        }
                    ),
                    "stages": listed(
                        record(
                            {
                                "name": TEXT,
                                "seconds": maybe(NUMBER),
                                "limit": maybe(NUMBER),
                                "from": TEXT,
                                "fit": word(Fit),
                            }
                        )
                    ),
                    "asked": listed(record({"what": TEXT, "state": word(State), "because": TEXT})),
                    "plan": maybe(_PLAN),
                    "problems": listed(TEXT),
                }
            )
        ),
    }
)


def one_or_many(one: Schema, key: str) -> Schema:
    """What a command prints: the object of one thing, or a list of them under a key."""
    many = record({"schema": SCHEMA_1, "tool": TOOL, key: listed(one)}, {"notes": listed(TEXT)})
    return {"anyOf": [one, many]}


def many(one: Schema, key: str) -> Schema:
    """What a command prints with `--schema 2`: always a list, with schema and tool beside it alone."""
    inner = {
        **one,
        "required": [name for name in one["required"] if name not in ("schema", "tool")],
        "properties": {n: of for n, of in one["properties"].items() if n not in ("schema", "tool")},
    }
    return record({"schema": {"const": 2}, "tool": TOOL, key: listed(inner)}, {"notes": listed(TEXT)})


SCHEMAS: dict[str, tuple[str, Schema]] = {
    "audit": ("auditor audit --format json", one_or_many(ref("audit"), "submissions")),
    "pr": ("auditor pr --format json", REVIEW),
    "records": ("auditor records --format json", one_or_many(FOLDER, "folders")),
    "replay": ("auditor replay --format json", one_or_many(REPLAY, "submissions")),
    "audit-2": ("auditor audit --format json --schema 2", many(AUDIT, "submissions")),
    "records-2": ("auditor records --format json --schema 2", many(FOLDER, "folders")),
    "replay-2": ("auditor replay --format json --schema 2", many(REPLAY, "submissions")),
    "stats": ("auditor stats compare --format json", record({"tool": TOOL, **_COMPARISON})),
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
