"""Fingerprints of findings: the same as long as a finding and its marked lines read the same, wherever they moved."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor.judgement.result import AuditResult
from rules.core.rule import Finding

if TYPE_CHECKING:
    from auditor.records.findings import RecordFinding


def fingerprint(finding: Finding, result: AuditResult) -> str:
    """Of a finding of an audit, 32 hexadecimal digits; of another entry, script or outcome it is another."""
    path = result.target.path
    entry = [posixpath.basename(posixpath.dirname(path)), posixpath.basename(path), finding.outcome.value]
    parts = [*entry, finding.rule, finding.code, finding.report or "", _without_lines(finding.message)]
    for place in finding.locations:
        lines = result.texts.get((place.path, place.layer), ())
        text = lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""
        parts += [place.path, str(place.layer), text]
    return digest(parts)


def record_fingerprint(finding: RecordFinding, folder: str) -> str:
    """Of a finding of the records validator on a folder, or on a pull request as a whole (folder "")."""
    return digest([finding.code, folder, _without_lines(finding.where), _without_lines(finding.message)])


def digest(parts: Sequence[str]) -> str:
    """32 hexadecimal digits of SHA-256 over the parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _without_lines(text: str) -> str:
    return re.sub(r":\d+", "", text)
