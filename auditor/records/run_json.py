"""Runs and claims as JSON values for `auditor records --format json`; keys are only ever added."""

from __future__ import annotations

from auditor.records.byte_checks import scored_line
from auditor.records.claim import Claim, claimed_lines
from auditor.records.code_checks import code_convention
from auditor.records.facts import FolderFacts
from auditor.records.implied_bytes import imply
from auditor.records.log_model import Located, MetricLine, Run, T
from auditor.records.size_checks import final_model, final_total, shipped_bytes
from auditor.records.time_checks import calibration_s, evaluation_s, training_s


def _value(located: Located[T] | None) -> T | None:
    return located.value if located is not None else None


def metric_to_json(line: MetricLine) -> dict[str, object]:
    return {
        "path": line.path,
        "line": line.line,
        "label": line.label,
        "val_bpb": line.val_bpb,
        "val_loss": line.val_loss,
        "eval_time_ms": line.eval_time_ms,
        "text": line.text,
    }


def claim_to_json(claim: Claim) -> dict[str, object]:
    return {
        "value": claim.value,
        "text": claim.text,
        "key_path": claim.key_path,
        "label": claim.label,
        "how": claim.how.value,
        "also": list(claim.also),
        "lines": [metric_to_json(line) for line in claim.lines],
    }


def run_to_json(run: Run, facts: FolderFacts) -> dict[str, object]:
    total, model = final_total(run), final_model(run)
    trained, calibrated = training_s(run), calibration_s(run)
    line = scored_line(run, facts)
    evaluated = evaluation_s(run, claimed_lines(facts.claim, facts.distinct).get(run.path, line))
    implied = imply(run, line) if line is not None else None
    return {
        "path": run.path,
        "first_line": run.first_line,
        "seed": _value(run.seed),
        "world_size": _value(run.world_size),
        "val_tokens": _value(run.val_tokens),
        "tokenizer": _value(run.tokenizer),
        "train_s": trained[0] if trained is not None else None,
        "calibration_s": calibrated[0] if calibrated is not None else None,
        "eval_s": evaluated[0] if evaluated is not None else None,
        "bytes": {
            "total": total.size_bytes if total is not None else None,
            "model": model.size_bytes if model is not None else None,
            "code": [code.size_bytes for code in run.codes],
            "convention": code_convention(run, facts).value,
            "shipped": shipped_bytes(run, facts),
        },
        "implied": None
        if implied is None
        else {
            "bytes": implied.implied_bytes,
            "family": implied.family,
            "deviation": implied.deviation,
            "corrected_bpb": implied.corrected_bpb,
        },
        "metrics": [metric_to_json(metric) for metric in run.final_metrics],
        "embedded_source": run.source is not None,
        "earlier_sections": len(run.earlier),
        "hyperparameters": {name: found.value for name, found in sorted(run.hyperparameters.items())},
    }
