"""The object of one audit, with its trace."""

from __future__ import annotations

from auditor.judgement.result import RecordVerdict, Verdict
from auditor.report.schemas.words import (
    FLAG,
    NUMBER,
    PLACE,
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
from auditor.trace.answer import Answer
from rules.core.rule import Level, Outcome, Policy

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
