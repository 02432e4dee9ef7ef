"""One pull request in a worker: its submissions, each audited once per content.

Two pull requests often carry the same folder. What an audit depends on (script, configuration, logs, policy)
is hashed from blob ids, and the row of an equal submission is taken from a folder that the workers of a run
share.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.corpus.row import Row, from_json, row_of, to_json
from auditor.errors import AuditorError
from auditor.judgement.result import AuditResult
from auditor.submission.model import Submission, Unjudged


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One pull request to audit.

    Attributes:
        date: of its head (ISO day).
        shared: folder of rows by content.
        pages: folder for reports, or None.
        page_of: the report of a submission as text; a function of a module, since workers import it.
        replays: replay in a sandbox what the static witness does not decide.
    """

    pr: int
    ref: str
    date: str
    git_dir: str
    base: str
    policy: str
    shared: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    pages: str | None = None
    page_of: Callable[[AuditResult], str] | None = None
    replays: bool = False


def audit_pull_request(task: Task) -> list[Row]:
    """Rows of all submissions of a pull request; one with an error if it holds none that can be read."""
    from auditor.submission.load import load_submissions
    from auditor.submission.loaded import check_scripts

    try:
        loaded = load_submissions(git_dir=task.git_dir, ref=task.ref, base=task.base, require_script=False)
        if not loaded.unjudged:
            check_scripts(loaded, f"{task.ref}: the changes hold")
    except AuditorError as error:
        return [Row(pr=task.pr, head="", path="", verdict=None, error=error.message, date=task.date)]
    return [
        *(_audit(task, submission) for submission in loaded.submissions),
        *(_unjudged(task, entry) for entry in loaded.unjudged),
    ]


def _unjudged(task: Task, entry: Unjudged) -> Row:
    head = entry.target.head or ""
    return Row(pr=task.pr, head=head, path=entry.path, verdict=None, error=entry.reason, date=task.date)


def _audit(task: Task, submission: Submission) -> Row:
    stored = Path(task.shared) / content_key(task, submission)
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        known = from_json(stored.read_text(encoding="utf-8"))
        return dataclasses.replace(
            known,
            pr=task.pr,
            head=submission.target.head or "",
            path=submission.script.path,
            date=task.date,
        )
    row = _fresh(task, submission)
    _store(stored, to_json(row))
    return row


def _fresh(task: Task, submission: Submission) -> Row:
    from auditor.audit.pipeline import audit_submission
    from rules.core.rule import Policy

    try:
        if task.replays:
            from auditor.audit.both_witnesses import audit_and_replay

            result = audit_and_replay(
                submission, overrides=task.overrides, policy=Policy(task.policy), undecided_only=True
            )
        else:
            result = audit_submission(submission, overrides=task.overrides, policy=Policy(task.policy))
    except AuditorError as error:
        head = submission.target.head or ""
        return Row(
            pr=task.pr,
            head=head,
            path=submission.script.path,
            verdict=None,
            error=error.message,
            date=task.date,
        )
    page = ""
    if task.pages is not None and task.page_of is not None:
        page = page_name(task.pr, submission.script.path)
        (Path(task.pages) / page).write_text(task.page_of(result), encoding="utf-8")
    return row_of(result, pr=task.pr, date=task.date, page=page)


def content_key(task: Task, submission: Submission) -> str:
    """A hash of everything the audit of a submission depends on."""
    folder = submission.folder or ""
    parts = [
        task.policy,
        str(task.replays),
        json.dumps(dict(sorted(task.overrides.items()))),
        folder,
        submission.script.path,
    ]
    parts += sorted(f"{file.path}\0{file.blob}\0{file.problem}" for file in submission.files)
    return hashlib.sha256("\1".join(parts).encode("utf-8", "backslashreplace")).hexdigest()


def page_name(pr: int, path: str) -> str:
    """A file name for a submission's report: readable, unique by a hash of the path, safe in a link."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.rsplit("/", 1)[-1].rsplit(".", 1)[0])[:40]
    return f"{pr}-{stem}-{hashlib.sha256(path.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}.html"


def _store(path: Path, text: str) -> None:
    """Write whole or not at all: another worker may read at any moment."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)
