"""An entry before its runs."""

from __future__ import annotations

from auditor.preflight.asked import State
from auditor.preflight.budget import Fit
from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    SCHEMA_1,
    TEXT,
    TOOL,
    WHOLE,
    listed,
    maybe,
    record,
    ref,
    word,
)

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
