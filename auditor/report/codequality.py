"""Findings as GitLab's Code Quality report, which a merge request shows at its lines.

The format is the part of Code Climate's that GitLab reads (docs.gitlab.com/ci/testing/code_quality, "Code Quality
report format"): description, check name, fingerprint, severity, path and first line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from auditor.json_value import Json
from auditor.judgement.result import AuditResult
from auditor.report.annotations import Annotation, annotated
from auditor.report.clean import clean_line
from auditor.trace.events import Place
from rules.core.rule import Finding, Level

_SEVERITIES = {Level.ERROR: "critical", Level.WARNING: "major", Level.NOTE: "info"}


def render(
    results: Sequence[AuditResult], notes: Sequence[str] = (), *, about: Sequence[Finding] = ()
) -> str:
    """A list of issues; notes, such as what was accepted and why, stand at the first script."""
    found: list[Json] = [_issue(note) for note in annotated(results, about)]
    if results:
        script = Place(results[0].target.path, 0, 1)
        told = [
            Annotation(level=Level.NOTE, title="note", text=clean_line(note), place=script)
            for note in dict.fromkeys(notes)
        ]
        found += [_issue(note) for note in told]
    return json.dumps(found, indent=1) + "\n"


def _issue(note: Annotation) -> Json:
    line = max(note.place.line, 1)
    identity = "\0".join((note.title, note.text, note.place.path, str(line)))
    return {
        "description": note.text or note.title,
        "check_name": note.title,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": _SEVERITIES[note.level],
        "location": {"path": note.place.path, "lines": {"begin": line}},
    }
