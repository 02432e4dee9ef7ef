"""What a folder says about its claimed number: the value, the log lines that reproduce it, and that log.

Between `auditor.records`, which reads logs and JSON, and `auditor.reading.claim_matching`, which ties the
lines to a report of the trace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.records.facts import FolderFacts

MAX_LOG_LINES = 60_000
"""Lines of one log that are matched against reports; the longest real log has 33,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvidence:
    """The claim of a folder.

    Attributes:
        val_bpb: the claimed number, None where nothing is claimed.
        source: file and key that state it.
        label: label of the log lines that reproduce it, or "".
        lines: these lines, one a run.
        log: all lines of the log that holds the first of them, the script's own source left out.
    """

    val_bpb: float | None = None
    source: str = ""
    label: str = ""
    lines: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


def claim_evidence(facts: FolderFacts) -> ClaimEvidence:
    """Take the claim out of a folder's facts."""
    from auditor.records.claim import How

    claim = facts.claim
    reproduced = claim.how not in (How.NOT_FOUND, How.ASSUMED_LAST)
    texts = {**facts.log_texts, **facts.evidence_texts()}
    path = claim.lines[0].path if claim.lines else next(iter(texts), "")
    return ClaimEvidence(
        val_bpb=claim.value,
        source=f"submission.json: {claim.key_path}" if claim.key_path else "",
        label=claim.label if reproduced else "",
        lines=tuple(line.text for line in claim.lines) if reproduced else (),
        log=_printed(texts[path]) if path in texts else (),
    )


def _printed(text: str) -> tuple[str, ...]:
    """The lines that the run printed, prefixes of rank, time and colour removed."""
    from auditor.records.log_lines import clean
    from auditor.records.log_source import find_source

    lines = text.split("\n")
    block = find_source(lines)
    if block is not None:
        lines = lines[: block[0]] + lines[block[1] :]
    return tuple(clean(line) for line in lines[-MAX_LOG_LINES:] if line.strip())
