"""A pull request as a whole."""

from __future__ import annotations

from auditor.judgement.result import RecordVerdict, Verdict
from auditor.report.schemas.audit import AUDIT
from auditor.report.schemas.comparison import COMPARISON
from auditor.report.schemas.records import FOLDER, RECORD_FINDING
from auditor.report.schemas.words import (
    FLAG,
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
                    **COMPARISON,
                }
            )
        ),
        "problems": listed(TEXT),
    }
)
