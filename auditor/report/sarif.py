"""The audit as SARIF 2.1.0 (OASIS standard), in the form that GitHub's code scanning takes.

A result stands for what a person must see: failures as errors, what is left to a person as warnings, notes as notes.
A rule that passes or does not apply has none. GitHub refuses a file in which one result has no location, and two runs
of one category; so what concerns the entry points at its file, else at the script, and each script has a category of
its own. Our own outcome is in each result's properties. A place inside a decoded layer has no line in the file, so it
points at the file's first line and says layer and line in its message.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from auditor.json_value import Json
from auditor.judgement.fingerprint import digest, fingerprint
from auditor.judgement.result import AuditResult, RuleResult
from auditor.report.challenge import CHALLENGE
from auditor.report.clean import clean
from auditor.report.places import finding_places
from auditor.trace.events import Place
from auditor.versions import release
from rules import ALL
from rules.core.rule import Finding, Level, Outcome, Policy, Rule
from rules.docs.documentation import documentation

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"

MAX_RUNS = 20
"""Runs that code scanning takes in one file."""

MAX_DESCRIPTION = 1024
MAX_RELATED = 100

_LEVELS = {
    Outcome.FAIL: Level.ERROR.value,
    Outcome.REVIEW: Level.WARNING.value,
    Outcome.UNKNOWN: Level.WARNING.value,
}


def render(
    results: Sequence[AuditResult], notes: Sequence[str] = (), *, about: Sequence[Finding] = ()
) -> str:
    """One run a submission; of more than a file may hold, the last run has the rest.

    Args:
        about: findings on the pull request as a whole, each with its place. They, and a target without submissions,
            have a run of their own: a file without runs is refused.
    """
    most = MAX_RUNS - 1 if about else MAX_RUNS
    groups = [[result] for result in results[: most - 1]]
    if len(results) >= most:
        groups.append(list(results[most - 1 :]))
    runs: list[Json] = [_run(group, notes) for group in groups]
    if about or not runs:
        runs.append(_run_about(about, notes))
    whole: Json = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _run(group: Sequence[AuditResult], notes: Sequence[str]) -> Json:
    result = group[0]
    seen: Counter[str] = Counter()
    found: list[Json] = [shown for own in group for shown in _results(own, seen)]
    name = _path(result.target.path) if len(group) == 1 else "others"
    return {
        **_frame(name),
        "invocations": [_invocation(own, notes) for own in group],
        "results": found,
        "properties": {
            "verdict": result.verdict.value,
            "record_verdict": result.record_verdict.value if result.record_verdict else None,
            "policy": result.policy.value,
            "script": result.target.path,
            "head": result.target.head,
        },
    }


def _run_about(about: Sequence[Finding], notes: Sequence[str]) -> Json:
    index = {rule.slug: number for number, rule in enumerate(ALL)}
    seen: Counter[str] = Counter()
    told: list[Json] = [{"level": "warning", "message": {"text": clean(note)}} for note in notes]
    found: list[Json] = [
        _shown(finding, list(finding.locations), index, _unique(digest([finding.rule, finding.code]), seen))
        for finding in about
    ]
    return {
        **_frame("pull-request"),
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": told}],
        "results": found,
    }


def _frame(name: str) -> dict[str, Json]:
    """What every run has: the tool with its rules, a category of its own, the root of paths."""
    driver: dict[str, Json] = {
        "name": "auditor",
        "semanticVersion": release(),
        "informationUri": CHALLENGE,
        "rules": [_rule(rule) for rule in ALL],
    }
    root: Json = {
        ROOT: {"description": {"text": "The root of the repository, or where the audit was started."}}
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"auditor/{name}/"},
        "originalUriBaseIds": root,
        "columnKind": "unicodeCodePoints",
    }


def _rule(rule: type[Rule]) -> Json:
    sections = documentation(rule)
    text = "\n\n".join(sections.values())
    return {
        "id": rule.slug,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.title[:MAX_DESCRIPTION]},
        "fullDescription": {"text": next(iter(sections.values()))[:MAX_DESCRIPTION]},
        "helpUri": next((source.url for source in rule.sources if source.url), CHALLENGE),
        "help": {"text": text, "markdown": "\n\n".join(f"## {h}\n\n{t}" for h, t in sections.items())},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "condition": rule.condition,
            "kind": rule.kind.value,
            "tags": [rule.kind.value, rule.condition],
            "policies": {policy.value: rule.policies[policy] for policy in Policy},
        },
    }


def _invocation(result: AuditResult, notes: Sequence[str]) -> Json:
    told: list[Json] = [
        {"level": "error", "message": {"text": f"{a.rule}: {clean(a.crashed)}"}} for a in result.crashed
    ]
    told += [{"level": "warning", "message": {"text": clean(note)}} for note in [*notes, *result.notes]]
    return {"executionSuccessful": not result.crashed, "toolExecutionNotifications": told}


def _results(result: AuditResult, seen: Counter[str]) -> list[Json]:
    index = {rule.slug: number for number, rule in enumerate(ALL)}
    shown: list[Json] = []
    for answer in result.rules:
        own = [finding for finding in result.findings if finding.rule == answer.rule]
        shown += [_finding(finding, result, index, seen) for finding in own]
        if answer.outcome in _LEVELS and not any(finding.outcome is answer.outcome for finding in own):
            shown.append(_answer(answer, result, index, seen))
    return shown


def _finding(finding: Finding, result: AuditResult, index: Mapping[str, int], seen: Counter[str]) -> Json:
    return _shown(
        finding, finding_places(finding, result), index, _unique(fingerprint(finding, result), seen)
    )


def _shown(finding: Finding, places: Sequence[Place], index: Mapping[str, int], mark: str) -> Json:
    locations = [_location(place) for place in places]
    shown: dict[str, Json] = {
        "ruleId": finding.rule,
        "ruleIndex": index.get(finding.rule, -1),
        "level": finding.level.value,
        "message": {"text": clean(finding.message) or finding.rule},
        "locations": locations[:1],
        "partialFingerprints": {"auditor/v2": mark},
        "properties": {
            "outcome": finding.outcome.value,
            "origin": finding.origin,
            "report": finding.report,
            "code": finding.code or None,
            "where": finding.where or None,
        },
    }
    if len(locations) > 1:
        shown["relatedLocations"] = locations[1 : MAX_RELATED + 1]
    if finding.steps:
        steps: list[Json] = [
            {"location": _location(step.place, step.text), "executionOrder": number}
            for number, step in enumerate(finding.steps, 1)
        ]
        shown["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return shown


def _answer(answer: RuleResult, result: AuditResult, index: Mapping[str, int], seen: Counter[str]) -> Json:
    """A rule that objects without a finding of its own."""
    return {
        "ruleId": answer.rule,
        "ruleIndex": index.get(answer.rule, -1),
        "level": _LEVELS[answer.outcome],
        "message": {"text": clean(answer.because) or answer.rule},
        "locations": [_location(Place(result.target.path, 0, 1))],
        "partialFingerprints": {"auditor/v2": _unique(digest([answer.rule, result.target.path]), seen)},
        "properties": {"outcome": answer.outcome.value},
    }


def _location(place: Place, text: str = "") -> Json:
    region: dict[str, Json] = {"startLine": max(place.line, 1)}
    if place.layer:
        region = {"startLine": 1}
        text = f"{text} (decoded layer {place.layer}, line {place.line})".strip()
    elif place.column > 0:
        region["startColumn"] = place.column + 1
    shown: dict[str, Json] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _path(place.path), "uriBaseId": ROOT},
            "region": region,
        }
    }
    if text:
        shown["message"] = {"text": clean(text)}
    return shown


def _path(path: str) -> str:
    """A path as a relative URI reference that begins with no scheme and climbs nowhere."""
    parts = [
        part for part in posixpath.normpath(path.replace("\\", "/")).split("/") if part not in ("", "..", ".")
    ]
    return quote("/".join(parts)) or "."


def _unique(mark: str, seen: Counter[str]) -> str:
    """A fingerprint; equal ones are counted, since code scanning shows one alert for each."""
    seen[mark] += 1
    return mark if seen[mark] == 1 else f"{mark}:{seen[mark]}"
