"""Numbers that a submission gives besides the claimed one, where what prints them breaks a rule.

A `submission.json` may claim the plain score and tell a mixture's, printed by the same run, as experimental. The claim
is judged by itself; that another of the numbers it is presented with is a violation is not for silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from auditor.json_text import read_json
from auditor.judgement.result import ReportResult, Verdict

_NAMED = re.compile(r"([a-z][a-z0-9]*(?:_[a-z0-9]+)*_bpb)\s*[=:]", re.IGNORECASE)
_PLAIN = frozenset({"val_bpb", "running_bpb", "batch_bpb", "chunk_bpb", "best_bpb"})
"""Names that every evaluation prints its number under."""


def besides_the_claim(reports: Sequence[ReportResult], submission_json: str | None) -> tuple[str, ...]:
    """One sentence for each number of `submission.json` whose report is a violation and that is not the claim."""
    if submission_json is None:
        return ()
    try:
        keys = sorted(set(_keys(read_json(submission_json).value)))
    except (ValueError, RecursionError):
        return ()
    told: dict[str, str] = {}
    for report in reports:
        if report.claimed or report.verdict is not Verdict.VIOLATION:
            continue
        for name in _NAMED.findall(report.label.lower()):
            given = [key for key in keys if key.lower() == name or key.lower().startswith(name + "_")]
            if name not in _PLAIN and given:
                told.setdefault(
                    name,
                    f"submission.json also gives {given[0]}: what prints {name} at {report.place} breaks "
                    f"{', '.join(report.failed)}",
                )
    return tuple(told.values())


def _keys(content: object) -> Iterator[str]:
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                yield str(key)
                waiting.append(value)
        elif isinstance(item, list):
            waiting.extend(item)
