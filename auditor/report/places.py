"""Where in the repository a finding points: its places, else the files of the entry that it names."""

from __future__ import annotations

import posixpath
import re

from auditor.judgement.result import AuditResult
from auditor.trace.events import Place
from rules.core.rule import Finding

MAX_PLACES = 101
_FILE = re.compile(r"([\w][\w.+-]*(?:/[\w.+-]+)*\.\w+)(?::(\d+))?")


def finding_places(finding: Finding, result: AuditResult) -> list[Place]:
    """The finding's own places, the main one first; else the entry's files by `where`; else the script."""
    if finding.locations:
        return list(finding.locations)
    folder = result.target.folder
    places = [
        Place(posixpath.join(folder, name), 0, int(line or 1))
        for name, line in _FILE.findall(finding.where if folder is not None else "")
        if folder is not None and ".." not in name and len(line) < 9
    ]
    return places[:MAX_PLACES] or [Place(result.target.path, 0, 1)]
