"""A full run as JSON: `result.json` of its evidence, and the plan. Keys are only ever added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from auditor.records.size_checks import CAP_BYTES
from auditor.records.time_checks import LIMIT_S
from auditor.replay.full.findings import FullFinding
from auditor.replay.full.harness import FullResult
from auditor.replay.full.plan import Plan
from auditor.replay.full.real_size import RealSize
from auditor.replay.full.seed_run import SeedRun
from auditor.replay.full.statistics import Statistics
from auditor.report.clean import clean_line
from auditor.versions import made_by

SCHEMA: Final = 1


def render(results: Sequence[FullResult]) -> str:
    """One object for one submission, else a list under "submissions"."""
    return _whole([result_object(result) for result in results])


def render_plan(plans: Sequence[Plan]) -> str:
    """The plans alike."""
    return _whole([plan_object(plan) for plan in plans])


def plan_object(plan: Plan) -> dict[str, Any]:
    """What is run, on what, and what is wrong with that."""
    options, data = plan.options, plan.data
    return {
        "schema": SCHEMA,
        "tool": made_by(),
        "path": clean_line(plan.path),
        "seeds": list(plan.seeds),
        "ranks": options.ranks,
        "on_cpu": options.on_cpu,
        "sandbox": options.rung.value,
        "seconds": options.seconds,
        "command": plan.command,
        "settings": dict(sorted(plan.settings.items())),
        "machine": {
            "driver": plan.machine.driver,
            "versions": dict(plan.machine.versions),
            "gpus": [
                {
                    "index": gpu.index,
                    "name": gpu.name,
                    "memory_bytes": gpu.memory_bytes,
                    "clock_mhz": gpu.clock_mhz,
                    "ecc_errors": gpu.ecc_errors,
                    "processes": list(gpu.processes),
                }
                for gpu in plan.machine.gpus
            ],
        },
        "data": {
            "folder": data.folder,
            "known": data.known,
            "train_shards": data.train_shards,
            "train_tokens": data.train_tokens,
            "val_tokens": data.val_tokens,
            "val_documents": data.val_documents,
            "val_bytes": data.val_bytes,
            "val_sha256": data.val_sha256,
            "tokenizer": data.tokenizer,
            "tokenizer_sha256": data.tokenizer_sha256,
            "vocabulary": data.vocabulary,
        },
        "gpu_minutes": round(plan.gpu_minutes, 1),
        "cost": None if plan.cost is None else round(plan.cost, 2),
        "problems": [
            {"where": problem.where, "what": problem.what, "remedy": problem.remedy}
            for problem in plan.problems
        ],
    }


def result_object(result: FullResult) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "schema": SCHEMA,
        "tool": made_by(),
        "plan": plan_object(result.plan),
        "exit_code": int(result.exit_code),
        "limits": {"bytes": CAP_BYTES, "training_s": LIMIT_S, "evaluation_s": LIMIT_S},
        "seeds": [_seed(run) for run in result.runs],
        "findings": [_finding(one) for one in result.findings],
        "statistics": None if result.statistics is None else _statistics(result.statistics),
    }


def real_size_object(found: RealSize) -> dict[str, Any]:
    """What the recorder saw at the run's own size; numbers that were not measured are null."""
    known = not found.why_not
    return {
        "schema": SCHEMA,
        "tokens": found.tokens,
        "anchor": found.anchor,
        "scored": found.scored,
        "mean_nats": found.mean if known else None,
        "claimed": clean_line(found.claimed),
        "repeated_nats": found.repeated if known else None,
        "tolerance_nats": found.tolerance if known else None,
        "exchanges": [
            {
                "from": flip.position,
                "exchanged": flip.exchanged,
                "earlier": flip.earlier,
                "moved": found.moved(flip),
                "most_nats": max((moved.by for moved in flip.moved), default=0.0),
            }
            for flip in found.flips
        ],
        "misprint": clean_line(found.misprint),
        "why_not": clean_line(found.why_not),
        "seconds": round(found.seconds, 1),
    }


def _seed(run: SeedRun) -> dict[str, Any]:
    clock, told = run.phases.clock, run.phases
    return {
        "seed": run.seed,
        "code": run.ended.code,
        "reason": clean_line(run.ended.reason) or None,
        "culprit": run.ended.culprit,
        "seconds": round(run.ended.trace.ended_s, 3),
        "kept": run.kept,
        "result": None
        if run.result is None
        else {
            "val_bpb": run.result.val_bpb,
            "val_loss": run.result.val_loss,
            "text": clean_line(run.result.text),
        },
        "phases": [
            {
                "name": phase.name,
                "began_s": round(phase.began_s, 3),
                "ended_s": round(phase.ended_s, 3),
                "how": clean_line(phase.how),
            }
            for phase in told.all
        ],
        "clocks": {
            "training_seen_s": told.training_s,
            "training_stated_s": told.stated_training_s,
            "in_validation_s": clock.in_validation_s if clock is not None else None,
            "calibration_s": told.calibration_s,
            "evaluation_seen_s": told.evaluation_s,
            "evaluation_stated_s": told.stated_evaluation_s,
            "steps": clock.steps if clock is not None else None,
        },
        "bytes": {
            "total": run.table.total,
            "files": [
                {
                    "path": clean_line(row.path),
                    "kind": row.kind.value,
                    "size": row.size,
                    "counts": row.kind.counts,
                    "sha256": run.hashes.get(row.path),
                }
                for row in run.table.rows
            ],
        },
        "standing": {
            "opens": run.ended.trace.seen.opens.value,
            "network": run.ended.trace.seen.network.value,
            "printed": "claimed",
        },
    }


def _finding(one: FullFinding) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "weight": one.weight.value,
        "message": clean_line(one.message),
        "seed": one.seed,
    }


def _statistics(found: Statistics) -> dict[str, Any]:
    told = found.reproduction
    return {
        "sample": found.sample.to_json(),
        "interval": found.interval.to_json() if found.interval is not None else None,
        "frontier": found.frontier.to_json() if found.frontier is not None else None,
        "claim": None
        if told is None
        else {
            "sample": told.claim.to_json(),
            "answer": told.answer.value,
            "difference_bpb": told.difference_bpb,
            "interval": told.interval.to_json() if told.interval is not None else None,
            "margin_bpb": told.margin_bpb,
            "more_seeds": told.more_seeds,
        },
    }


def _whole(objects: list[dict[str, Any]]) -> str:
    whole = objects[0] if len(objects) == 1 else {"schema": SCHEMA, "tool": made_by(), "submissions": objects}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
