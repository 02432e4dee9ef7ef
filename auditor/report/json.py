"""The audit as JSON, one object a submission. Keys are only ever added; `schema` counts what breaks."""

from __future__ import annotations

import json
from collections.abc import Sequence

from auditor.json_value import Json
from auditor.judgement.fingerprint import fingerprint
from auditor.judgement.result import AuditResult, ReportResult
from auditor.report.clean import clean
from auditor.trace.events import (
    Access,
    Artifact,
    Carry,
    Clock,
    Count,
    Event,
    Load,
    LoopEnd,
    Place,
    Report,
    Reset,
    Score,
    Select,
    SelfCheck,
    Skip,
    Unresolved,
    Update,
)
from auditor.trace.render import RegionNames
from auditor.trace.token_bytes import compared
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from auditor.versions import enveloped, made_by
from rules.core.rule import Finding

SCHEMA = 1


def render(results: Sequence[AuditResult], notes: Sequence[str] = (), *, schema: int = SCHEMA) -> str:
    """One object for one submission, else a list under "submissions"; keys in a fixed order, pure ASCII.

    Args:
        schema: with 2 one submission is a list too.
    """
    whole = enveloped([as_object(result) for result in results], "submissions", schema=schema)
    if notes:
        whole["notes"] = [*whole.get("notes", ()), *(clean(note) for note in notes)]
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def as_object(result: AuditResult) -> dict[str, Json]:
    """The object of one submission."""
    target = result.target
    return {
        "schema": SCHEMA,
        "tool": made_by(),
        "target": {
            "kind": target.kind,
            "path": target.path,
            "ref": target.ref,
            "head": target.head,
            "folder": target.folder,
        },
        "policy": result.policy.value,
        "track": result.track,
        "language": result.language,
        "verdict": result.verdict.value,
        "judged": result.judged,
        "record_verdict": result.record_verdict.value if result.record_verdict else None,
        "claim": {"val_bpb": result.claim.val_bpb, "source": result.claim.source, "how": result.claim.how},
        "rules": [
            {"rule": a.rule, "outcome": a.outcome.value, "because": a.because, "crashed": a.crashed or None}
            for a in result.rules
        ],
        "findings": [_finding(finding, result) for finding in result.findings],
        "reports": [_report(report) for report in result.reports],
        "configuration": [
            {
                "name": entry.name,
                "value": entry.value,
                "from": entry.origin,
                "path": entry.path or None,
                "line": entry.line or None,
                "decides": entry.decides,
            }
            for entry in result.configuration
        ],
        "doubts": list(result.doubts),
        "notes": list(result.notes),
        "layers": list(result.layers),
        "problems": [
            {"kind": p.kind, "reason": p.reason, "runs": p.runs, **_place(p.place)} for p in result.problems
        ],
        "trace": trace_object(result.trace) if result.trace is not None else None,
        "seconds": round(result.seconds, 3),
    }


def _finding(finding: Finding, result: AuditResult) -> dict[str, Json]:
    return {
        "rule": finding.rule,
        "outcome": finding.outcome.value,
        "level": finding.level.value,
        "report": finding.report,
        "message": finding.message,
        "origin": finding.origin,
        "code": finding.code or None,
        "where": finding.where or None,
        "fingerprint": fingerprint(finding, result),
        "locations": [{**_place(place), "column": place.column} for place in finding.locations],
        "steps": [{"text": step.text, **_place(step.place)} for step in finding.steps],
    }


def _report(report: ReportResult) -> dict[str, Json]:
    return {
        "label": report.label,
        "claimed": report.claimed,
        "verdict": report.verdict.value,
        "failed": list(report.failed),
        **_place(report.place),
    }


def _place(place: Place) -> dict[str, Json]:
    return {"path": place.path, "layer": place.layer, "line": place.line}


def trace_object(trace: Trace) -> dict[str, Json]:
    """A trace of either witness: switches and the tree with its events."""
    names = RegionNames(trace)
    return {
        "witness": trace.witness,
        "complete": trace.complete,
        "claimed": trace.claimed,
        "claimed_how": trace.claimed_how,
        "switches": [
            {
                "name": s.name,
                "value": s.value,
                "from": s.origin,
                "taken": s.taken,
                "guards": s.guards,
                **_place(s.place),
            }
            for s in trace.switches
        ],
        "tree": _node(trace.root, names),
    }


def _node(node: Node, names: RegionNames) -> dict[str, Json]:
    shown: dict[str, Json] = {"kind": node.kind, "text": node.text, **_place(node.place)}
    if node.detail:
        shown["detail"] = node.detail
    if node.kind == "branch":
        shown["taken"] = node.taken.value
    if node.count is not None:
        shown["count"] = node.count
    if node.settings:
        shown["settings"] = list(node.settings)
    if node.events:
        shown["events"] = [_event(event, names) for event in node.events]
    if node.children:
        shown["children"] = [_node(child, names) for child in node.children if child.has_events()]
    return shown


def _event(event: Event, names: RegionNames) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "event": type(event).__name__.lower(),
        "number": event.number,
        "certain": event.certain.value,
        **_place(event.place),
    }
    return shown | _details(event, names)


def _details(event: Event, names: RegionNames) -> dict[str, Json]:
    match event:
        case Score():
            absorbed: list[Json] = [
                {"update": a.update.number, "overlap": a.overlap.value, "why": a.why} for a in event.absorbed
            ]
            return {
                "regions": _regions(event, names),
                "states": [state.name for state in event.states],
                "how": event.how,
                "absorbed": absorbed,
                "doubts": list(event.doubts),
                "loads": list(event.loads),
            }
        case Count():
            return {
                "regions": _regions(event, names),
                "how": event.how,
                "what": event.what,
                "wrong": [
                    {
                        "kind": c.kind.name,
                        "piece": c.kind.piece,
                        "before": c.before.name,
                        "counted": c.count,
                        "bytes": c.right,
                    }
                    for c in compared(event.counts)
                    if c.count != c.right
                ],
            }
        case Carry():
            return {"what": event.what}
        case Update():
            return {
                "state": event.state.name,
                "regions": _regions(event, names),
                "how": event.how,
                "by": event.by,
            }
        case Skip():
            return {"how": event.how, "by": event.by, "what": event.what}
        case LoopEnd():
            return {"what": event.what}
        case SelfCheck():
            return {"scores": list(event.scores)}
        case Reset():
            return {"state": event.state.name, "by": event.by}
        case Select():
            return {"scores": list(event.scores), "by": event.by}
        case Report():
            template: list[Json] = list(event.template)
            return {
                "label": event.label,
                "template": template,
                "scores": list(event.scores),
                "counts": list(event.counts),
                "numbers": [{"name": n.name, "formula": n.formula.text()} for n in event.numbers],
            }
        case Load():
            return {"source": event.source, "what": event.what}
        case Artifact():
            return {"action": event.action, "what": event.what}
        case Clock():
            return {"phase": event.phase}
        case Access():
            return {"kind": event.kind, "what": event.what}
        case Unresolved():
            return {"reason": event.reason, "what": event.what, "touches_scores": event.touches_scores}
    return {}


def _regions(event: Score | Update | Count, names: RegionNames) -> list[Json]:
    texts: list[Json] = []
    texts.extend(sorted({names.text(region) for region in event.regions}))
    return texts
