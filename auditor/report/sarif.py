"""The audit as SARIF 2.1.0 (OASIS standard), for code-scanning views.

Every rule gives at least one result, with the outcome as SARIF's `kind`; steps become code flows. A place
inside a decoded layer has no line in the file, so it points at the file's first line and says layer and line
in its message.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Sequence
from urllib.parse import quote

from auditor.json_value import Json
from auditor.judgement.result import AuditResult, RuleResult
from auditor.report.clean import clean
from auditor.trace.events import Place
from rules import ALL
from rules.core.rule import Finding, Outcome, Policy, Rule
from rules.docs.documentation import documentation

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_KINDS = {
    Outcome.PASS: "pass",
    Outcome.FAIL: "fail",
    Outcome.REVIEW: "review",
    Outcome.UNKNOWN: "open",
    Outcome.NOT_APPLICABLE: "notApplicable",
}


def render(results: Sequence[AuditResult], notes: Sequence[str] = ()) -> str:
    """One run a submission."""
    runs: list[Json] = [_run(result, notes) for result in results]
    whole: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _run(result: AuditResult, notes: Sequence[str]) -> Json:
    from importlib.metadata import PackageNotFoundError, version

    try:
        release = version("parameter-golf-auditor")
    except PackageNotFoundError:
        release = "0"
    driver: dict[str, Json] = {
        "name": "auditor",
        "semanticVersion": release,
        "rules": [_rule(rule) for rule in ALL],
    }
    return {
        "tool": {"driver": driver},
        "invocations": [_invocation(result, notes)],
        "results": _results(result),
        "columnKind": "unicodeCodePoints",
        "properties": {
            "verdict": result.verdict.value,
            "record_verdict": result.record_verdict.value if result.record_verdict else None,
            "policy": result.policy.value,
            "script": result.target.path,
        },
    }


def _rule(rule: type[Rule]) -> Json:
    sections = documentation(rule)
    text = "\n\n".join(sections.values())
    return {
        "id": rule.slug,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": next(iter(sections.values()))},
        "help": {"text": text, "markdown": "\n\n".join(f"## {h}\n\n{t}" for h, t in sections.items())},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "condition": rule.condition,
            "kind": rule.kind.value,
            "policies": {policy.value: rule.policies[policy] for policy in Policy},
        },
    }


def _invocation(result: AuditResult, notes: Sequence[str]) -> Json:
    told: list[Json] = [
        {"level": "error", "message": {"text": f"{a.rule}: {clean(a.crashed)}"}} for a in result.crashed
    ]
    told += [{"level": "warning", "message": {"text": clean(note)}} for note in [*notes, *result.notes]]
    return {"executionSuccessful": not result.crashed, "toolExecutionNotifications": told}


def _results(result: AuditResult) -> list[Json]:
    shown: list[Json] = []
    index = {rule.slug: number for number, rule in enumerate(ALL)}
    for answer in result.rules:
        own = [finding for finding in result.findings if finding.rule == answer.rule]
        shown += [_finding(finding, index) for finding in own]
        if not any(finding.outcome is answer.outcome for finding in own):
            shown.append(_answer(answer, result, index))
    return shown


def _finding(finding: Finding, index: dict[str, int]) -> Json:
    kind = _KINDS[finding.outcome]
    shown: dict[str, Json] = {
        "ruleId": finding.rule,
        "ruleIndex": index.get(finding.rule, -1),
        "kind": kind if kind != "pass" else "informational",
        "level": finding.level.value if kind == "fail" else "none",
        "message": {"text": clean(finding.message)},
        "locations": [_location(place) for place in finding.locations[:1]],
        "relatedLocations": [_location(place) for place in finding.locations[1:]],
        "partialFingerprints": {"auditor/v1": _fingerprint(finding)},
        "properties": {"origin": finding.origin, "report": finding.report, "where": finding.where or None},
    }
    if finding.steps:
        steps: list[Json] = [
            {"location": _location(step.place, step.text), "executionOrder": number}
            for number, step in enumerate(finding.steps, 1)
        ]
        shown["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return shown


def _answer(answer: RuleResult, result: AuditResult, index: dict[str, int]) -> Json:
    kind = _KINDS[answer.outcome]
    return {
        "ruleId": answer.rule,
        "ruleIndex": index.get(answer.rule, -1),
        "kind": kind,
        "level": "error" if kind == "fail" else "none",
        "message": {"text": clean(answer.because)},
        "locations": [_location(Place(result.target.path, 0, 1))],
    }


def _location(place: Place, text: str = "") -> Json:
    region: dict[str, Json] = {"startLine": max(place.line, 1)}
    if place.layer:
        region = {"startLine": 1}
        text = f"{text} (decoded layer {place.layer}, line {place.line})".strip()
    elif place.column > 0:
        region["startColumn"] = place.column + 1
    path = posixpath.normpath(place.path.replace("\\", "/")).lstrip("/")
    shown: dict[str, Json] = {
        "physicalLocation": {"artifactLocation": {"uri": quote(path)}, "region": region}
    }
    if text:
        shown["message"] = {"text": clean(text)}
    return shown


def _fingerprint(finding: Finding) -> str:
    places = [f"{place.path}/{place.layer}" for place in finding.locations]
    text = "\0".join([finding.rule, finding.code, finding.report or "", finding.message, *places])
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
