"""Is the folder complete: required files, a readable claim, enough seeds, a proper name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding

_FOLDER_NAME = re.compile(r"^\d{4}-\d{2}-\d{2}_\S+$")
_SEVERAL = re.compile(
    r"\b([2-9]|1\d)[- ]seeds?\b|\bacross ([2-9]|1\d) seeds\b|\b(three|five) seeds\b", re.IGNORECASE
)
RECORD_SEEDS = 3
"""Logs a record is expected to show; the custom of the board, named by maintainers."""


def check_evidence(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield what is missing or not as required."""
    yield from _files(facts)
    yield from _claim(facts)
    yield from _seeds(facts)
    yield from _logs(facts)
    name = posixpath.basename(facts.folder.path)
    if name and not _FOLDER_NAME.match(name):
        yield finding("folder_name", ".", f"{name!r} is not of the form YYYY-MM-DD_Name")


def _files(facts: FolderFacts) -> Iterator[RecordFinding]:
    if facts.folder.readme is None:
        yield finding("missing_readme", ".", "the folder has no README.md")
    if facts.folder.submission_json is None:
        yield finding("missing_submission_json", ".", "the folder has no submission.json")
    if "train_gpt.py" not in facts.sources:
        if facts.scripts:
            named = ", ".join(facts.scripts[:3])
            yield finding("missing_train_gpt", ".", f"no train_gpt.py; the script is called {named}")
        else:
            yield finding(
                "missing_train_gpt", ".", "the folder has no train_gpt.py and no other training script"
            )
    if not any(run.metrics for run in facts.runs):
        yield finding(
            "missing_logs",
            ".",
            "no log with metrics; the challenge's .gitignore holds logs/, where the default logger writes, "
            "so the log may have been left out by git add (git add -f, or copy it into the folder)",
        )


def _claim(facts: FolderFacts) -> Iterator[RecordFinding]:
    if facts.submission is None:
        return
    for problem in facts.submission.problems:
        where = facts.submission.path + (f":{problem.line}" if problem.line else "")
        severity = Severity.WARN if problem.minor else Severity.FAIL
        yield finding("json_invalid", where, f"submission.json {problem.message}", severity)
    if facts.claim.value is None:
        yield finding("missing_claim", ".", "submission.json claims no bits per byte (val_bpb)")


def _claims_several(facts: FolderFacts) -> bool:
    if facts.submission is not None and facts.submission.seed_count() > 1:
        return True
    return facts.readme is not None and _SEVERAL.search(facts.readme) is not None


def _seeds(facts: FolderFacts) -> Iterator[RecordFinding]:
    count = sum(1 for run in facts.distinct if run.metrics)
    if not 0 < count < RECORD_SEEDS:
        return
    severe = facts.is_record and _claims_several(facts)
    logs = "1 log" if count == 1 else f"{count} logs"
    claims = "; several seeds are claimed" if severe else ""
    yield finding(
        "fewer_than_3_seeds", ".", f"{logs} with metrics{claims}", Severity.FAIL if severe else Severity.INFO
    )


def _logs(facts: FolderFacts) -> Iterator[RecordFinding]:
    kept = {run.digest: run.path for run in facts.distinct}
    for run in facts.runs:
        original = kept.get(run.digest)
        if original is not None and original != run.path:
            yield finding("duplicate_log", run.path, f"the same bytes as {original}; counted once")
    folders = sorted({posixpath.dirname(run.path) for run in facts.distinct if run.metrics})
    if len(folders) > 1:
        named = ", ".join(folder or "." for folder in folders[:4])
        yield finding("multiple_log_sets", ".", f"logs in {len(folders)} places: {named}")
    for run in facts.runs:
        if run.smoke or any(section.smoke for section in run.earlier):
            first = run if run.smoke else next(section for section in run.earlier if section.smoke)
            yield finding(
                "smoke_section",
                f"{run.path}:{first.first_line}",
                "a smoke run; its numbers are not the run's",
            )
