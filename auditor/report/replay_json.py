"""A replay as JSON. Keys are only ever added; `schema` counts what breaks."""

from __future__ import annotations

import json
from collections.abc import Sequence

from auditor.json_value import Json
from auditor.replay.probes.outcome import ConditionResult, LeakWitness, MassWitness, ReplayResult
from auditor.report.clean import clean_line
from auditor.report.json import SCHEMA, trace_object
from auditor.versions import enveloped, made_by


def render(results: Sequence[ReplayResult], *, schema: int = SCHEMA) -> str:
    """One object for one submission, else, and with schema 2 always, a list under "submissions"."""
    whole = enveloped([as_object(result) for result in results], "submissions", schema=schema)
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def as_object(result: ReplayResult) -> dict[str, Json]:
    """The object of one submission."""
    conditions: dict[str, Json] = {name: _condition(c) for name, c in sorted(result.conditions.items())}
    sizes: dict[str, Json] = dict(result.sizes)
    return {
        "schema": SCHEMA,
        "tool": made_by(),
        "target": {"kind": result.kind, "path": result.path, "ref": result.ref, "head": result.head},
        "ran": result.ran,
        "reason": clean_line(result.reason) or None,
        "claimed": {"text": clean_line(result.claimed), "how": result.claimed_how},
        "conditions": conditions,
        "probes": [
            {
                "probe": probe.slug,
                "title": probe.title,
                "outcome": probe.outcome.value,
                "why": clean_line(probe.why),
                "runs": probe.runs,
            }
            for probe in result.probes
        ],
        "notes": [clean_line(note) for note in result.notes],
        "suspicions": [
            {"kind": found.kind, "rule": found.rule, "why": clean_line(found.why)}
            for found in result.suspicions
        ],
        "facts": [{"fact": fact.what, "standing": fact.standing.value} for fact in result.facts],
        "accesses": [clean_line(access) for access in result.accesses],
        "sandbox": {
            "rung": result.sandbox.rung,
            "because": result.sandbox.because or None,
            "left_behind": result.sandbox.left_behind,
        },
        "sizes": sizes,
        "runs": result.runs,
        "trace": trace_object(result.trace) if result.trace is not None else None,
        "seconds": round(result.seconds, 3),
    }


def _condition(result: ConditionResult) -> dict[str, Json]:
    return {
        "outcome": result.outcome.value,
        "why": clean_line(result.why),
        "witness": _witness(result.witness),
    }


def _witness(witness: LeakWitness | MassWitness | None) -> Json:
    if witness is None:
        return None
    seeds: list[Json] = list(witness.seeds)
    if isinstance(witness, MassWitness):
        return {
            "kind": "mass",
            "token": witness.token,
            "total": witness.total,
            "counted": witness.counted,
            "vocabulary": witness.vocabulary,
            "seeds": seeds,
        }
    return {
        "kind": "leak",
        "token": witness.token,
        "exchanged": witness.exchanged,
        "old": witness.old,
        "new": witness.new,
        "score": witness.score,
        "before": witness.before,
        "after": witness.after,
        "moved": witness.moved,
        "tested": witness.tested,
        "tokens": witness.tokens,
        "seeds": seeds,
        "steps": [
            {"text": step.text, "path": step.path, "layer": step.layer, "line": step.line}
            for step in witness.steps
        ],
    }
