"""Two samples compared, and what changed between two scripts."""

from __future__ import annotations

from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    SCHEMA_1,
    TEXT,
    TOOL,
    WHOLE,
    Schema,
    listed,
    maybe,
    record,
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
COMPARISON: dict[str, Schema] = {
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
