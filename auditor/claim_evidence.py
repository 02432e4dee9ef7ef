"""What a folder says about its claimed number: the value, the log lines that reproduce it, and that log.

Between `auditor.records`, which reads logs and JSON, and `auditor.claimed`, which ties the lines to a report
of the trace. Files that cannot be read are told, not raised.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.errors import InputError
from auditor.submission.model import SourceFile, Submission

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
        problems: files that could not be read.
    """

    val_bpb: float | None = None
    source: str = ""
    label: str = ""
    lines: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_claim(submission: Submission) -> ClaimEvidence:
    """Read `submission.json` and the logs of the folder; empty for a script without a folder."""
    from auditor.records.claim import How, find_claim
    from auditor.records.logs import parse_log
    from auditor.records.submission_json import read_submission_json

    problems: list[str] = []
    declared = submission.submission_json
    text = _text(declared, problems) if declared is not None else None
    parsed = read_submission_json(declared.path, text) if declared is not None and text is not None else None
    runs, texts = [], {}
    for file in submission.logs:
        text = _text(file, problems)
        if text is not None:
            run = parse_log(file.path, text)
            if run.is_log:
                runs.append(run)
                texts[file.path] = text
    if parsed is None and not runs:
        return ClaimEvidence(problems=tuple(problems))
    claim = find_claim(parsed, runs)
    reproduced = claim.how not in (How.NOT_FOUND, How.ASSUMED_LAST)
    path = claim.lines[0].path if claim.lines else (runs[0].path if runs else "")
    source = f"{declared.name}: {claim.key_path}" if declared is not None and claim.key_path else ""
    return ClaimEvidence(
        val_bpb=claim.value,
        source=source,
        label=claim.label if reproduced else "",
        lines=tuple(line.text for line in claim.lines) if reproduced else (),
        log=_lines(texts[path]) if path else (),
        problems=tuple(problems),
    )


def _text(file: SourceFile, problems: list[str]) -> str | None:
    try:
        return file.text()
    except InputError as error:
        problems.append(error.message)
        return None


def _lines(text: str) -> tuple[str, ...]:
    """The lines that the run printed, prefixes of rank, time and colour removed."""
    from auditor.records.log_lines import clean
    from auditor.records.log_source import find_source

    lines = text.split("\n")
    block = find_source(lines)
    if block is not None:
        lines = lines[: block[0]] + lines[block[1] :]
    return tuple(clean(line) for line in lines[-MAX_LOG_LINES:] if line.strip())
