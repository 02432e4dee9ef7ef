"""Findings for people: those that say the same of several logs become one line with several places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.records.findings import RecordFinding, Severity

_VARYING = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """Findings of one code that differ in numbers at most.

    Attributes:
        where, message: of the first; where all say the same, every place.
        alike: the other places, each once.
        count: how many findings these are.
    """

    code: str
    severity: Severity
    where: str
    message: str
    alike: tuple[str, ...]
    count: int

    @property
    def sentence(self) -> str:
        """The message, and where the same was found besides."""
        others = [place for place in self.alike if place != self.where]
        if others:
            return f"{self.message}; alike at {', '.join(others)}"
        return f"{self.message}; and {self.count - 1} more like it" if self.alike else self.message


def grouped(findings: Sequence[RecordFinding]) -> list[FindingGroup]:
    """Group findings of one code whose messages differ in numbers alone, in the order of each first one."""
    groups: dict[tuple[str, Severity, str], list[RecordFinding]] = {}
    for found in findings:
        shape = _VARYING.sub("0", found.message)
        groups.setdefault((found.code, found.severity, shape), []).append(found)
    made = []
    for (code, severity, _), members in groups.items():
        first = members[0]
        same = all(member.message == first.message for member in members)
        places = [member.where for member in members]
        made.append(
            FindingGroup(
                code=code,
                severity=severity,
                where=", ".join(dict.fromkeys(places)) if same else first.where,
                message=first.message,
                alike=() if same else tuple(dict.fromkeys(places[1:])),
                count=len(members),
            )
        )
    return made
