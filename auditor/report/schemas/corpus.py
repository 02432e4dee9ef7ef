"""A row of a corpus, the rules, and what one of them or a finding code means."""

from __future__ import annotations

from auditor.judgement.result import RecordVerdict, Verdict
from auditor.records.findings import Severity
from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    SCHEMA_1,
    TEXT,
    TOOL,
    WHOLE,
    Schema,
    listed,
    mapping,
    maybe,
    record,
    word,
)
from rules.core.rule import Kind

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
        "nothing": FLAG,
        "bpb": maybe(NUMBER),
        "key": TEXT,
        "related": listed(record({"pr": WHOLE, "label": TEXT, "shared": WHOLE})),
        "author": TEXT,
        "lines": listed(record({"path": TEXT, "line": WHOLE})),
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
