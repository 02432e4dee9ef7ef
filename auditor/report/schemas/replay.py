"""What a replay prints."""

from __future__ import annotations

from auditor.report.schemas.audit import TARGET
from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    PLACE,
    SCHEMA_1,
    TEXT,
    TOOL,
    WHOLE,
    Schema,
    listed,
    mapping,
    maybe,
    record,
    ref,
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
