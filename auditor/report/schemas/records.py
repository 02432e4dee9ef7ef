"""What the records validator prints of a folder."""

from __future__ import annotations

from auditor.records.claim import How
from auditor.records.findings import Severity
from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    SCHEMA_1,
    TEXT,
    TOOL,
    WHOLE,
    listed,
    mapping,
    maybe,
    record,
    word,
)

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
    {"tool": TOOL, "accepted": listed(TEXT)},
)
