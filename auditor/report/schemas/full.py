"""A full run: its plan, and what was measured of each seed and of all."""

from __future__ import annotations

from auditor.replay.full.file_table import FileKind
from auditor.replay.full.findings import Weight
from auditor.replay.full.statistics import Reproduced
from auditor.replay.runs.observations import Standing
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.report.schemas.comparison import COMPARISON, SAMPLE
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

_INTERVAL = maybe(record({"low": NUMBER, "high": NUMBER, "level": NUMBER}))
_GPU = record(
    {
        "index": WHOLE,
        "name": TEXT,
        "memory_bytes": WHOLE,
        "clock_mhz": maybe(WHOLE),
        "ecc_errors": maybe(WHOLE),
        "processes": listed(WHOLE),
    }
)
PLAN = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "path": TEXT,
        "seeds": listed(WHOLE),
        "ranks": WHOLE,
        "on_cpu": FLAG,
        "sandbox": word(IsolationLevel),
        "seconds": NUMBER,
        "command": TEXT,
        "settings": mapping(TEXT),
        "machine": record({"driver": TEXT, "versions": mapping(TEXT), "gpus": listed(_GPU)}),
        "data": record(
            {
                "folder": TEXT,
                "known": maybe(TEXT),
                "train_shards": WHOLE,
                "train_tokens": WHOLE,
                "val_tokens": WHOLE,
                "val_documents": WHOLE,
                "val_bytes": maybe(WHOLE),
                "val_sha256": TEXT,
                "tokenizer": TEXT,
                "tokenizer_sha256": TEXT,
                "vocabulary": maybe(WHOLE),
            }
        ),
        "gpu_minutes": NUMBER,
        "cost": maybe(NUMBER),
        "problems": listed(record({"where": TEXT, "what": TEXT, "remedy": TEXT})),
    }
)
_FINDING = record({"kind": TEXT, "weight": word(Weight), "message": TEXT, "seed": maybe(WHOLE)})
_SEED = record(
    {
        "seed": WHOLE,
        "code": WHOLE,
        "reason": maybe(TEXT),
        "culprit": maybe(WHOLE),
        "seconds": NUMBER,
        "kept": FLAG,
        "result": maybe(record({"val_bpb": NUMBER, "val_loss": maybe(NUMBER), "text": TEXT})),
        "phases": listed(record({"name": TEXT, "began_s": NUMBER, "ended_s": NUMBER, "how": TEXT})),
        "clocks": record(
            {
                "training_seen_s": maybe(NUMBER),
                "training_stated_s": maybe(NUMBER),
                "in_validation_s": maybe(NUMBER),
                "calibration_s": NUMBER,
                "evaluation_seen_s": maybe(NUMBER),
                "evaluation_stated_s": maybe(NUMBER),
                "steps": maybe(WHOLE),
            }
        ),
        "bytes": record(
            {
                "total": WHOLE,
                "files": listed(
                    record(
                        {
                            "path": TEXT,
                            "kind": word(FileKind),
                            "size": WHOLE,
                            "counts": FLAG,
                            "sha256": maybe(TEXT),
                        }
                    )
                ),
            }
        ),
        "standing": record({"opens": word(Standing), "network": word(Standing), "printed": word(Standing)}),
    }
)
FULL = record(
    {
        "schema": SCHEMA_1,
        "tool": TOOL,
        "plan": PLAN,
        "exit_code": WHOLE,
        "limits": record({"bytes": WHOLE, "training_s": NUMBER, "evaluation_s": NUMBER}),
        "seeds": listed(_SEED),
        "findings": listed(_FINDING),
        "statistics": maybe(
            record(
                {
                    "sample": SAMPLE,
                    "interval": _INTERVAL,
                    "frontier": maybe(record(COMPARISON)),
                    "claim": maybe(
                        record(
                            {
                                "sample": SAMPLE,
                                "answer": word(Reproduced),
                                "difference_bpb": NUMBER,
                                "interval": _INTERVAL,
                                "margin_bpb": NUMBER,
                                "more_seeds": maybe(WHOLE),
                            }
                        )
                    ),
                }
            )
        ),
    }
)
