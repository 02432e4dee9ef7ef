"""One pull request in a worker: its submissions, each audited once per content.

Two pull requests often carry the same folder, and a run is made again when a few heads have moved. Rows of a pull
request are kept by its commits, results of a submission by its content (`auditor.cache`); a run without a folder
for them has one of its own while it lasts.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.audit.kept import audit_once
from auditor.cache.keys import digest
from auditor.cache.store import MAX_BYTES, Store
from auditor.corpus.pulls import Pull
from auditor.corpus.row import Related, Row, from_json, row_of, to_json
from auditor.errors import AuditorError, InputError
from auditor.judgement.result import AuditResult
from auditor.submission.git_store import ObjectStore
from auditor.submission.model import Submission, Unjudged

RelatedOf = Callable[[Submission, int], Sequence[tuple[int, str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One pull request to audit.

    Attributes:
        head: full commit id.
        date: of its head (ISO day).
        author: of its head.
        base_commit: full commit id of the branch that it is against, or "" where there is none.
        cache: folder of answers by content.
        pages: folder for reports, or None.
        page_of: the report of a submission as text; a function of a module, since workers import it.
        related_of: the ruled pull requests that share a submission's code, as (number, label, functions); likewise.
        replays: replay in a sandbox what the static witness does not decide.
    """

    pr: int
    ref: str
    head: str
    date: str
    git_dir: str
    base: str
    base_commit: str
    policy: str
    cache: str
    cache_bytes: int = MAX_BYTES
    overrides: Mapping[str, str] = field(default_factory=dict)
    pages: str | None = None
    page_of: Callable[[AuditResult], str] | None = None
    related_of: RelatedOf | None = None
    replays: bool = False
    author: str = ""

    @property
    def key(self) -> str:
        """A digest of everything that its rows hang on."""
        return digest(
            "rows",
            self.head,
            self.base_commit,
            self.policy,
            sorted(self.overrides.items()),
            self.replays,
        )


def tasks_of(
    pulls: Sequence[Pull],
    *,
    git_dir: str,
    base: str,
    policy: str,
    overrides: Mapping[str, str],
    cache: Path,
    cache_bytes: int = MAX_BYTES,
    pages: Path | None = None,
    page_of: Callable[[AuditResult], str] | None = None,
    related_of: RelatedOf | None = None,
    replays: bool = False,
) -> list[Task]:
    """One task a pull request; see `Task`.

    Raises:
        InputError: the folder is no git repository.
    """
    with ObjectStore(git_dir) as objects:
        base_commit = objects.resolve(base) or ""
    return [
        Task(
            pr=pull.number,
            ref=pull.ref,
            head=pull.head,
            date=pull.date,
            git_dir=git_dir,
            base=base,
            base_commit=base_commit,
            policy=policy,
            cache=str(cache),
            cache_bytes=cache_bytes,
            overrides=dict(overrides),
            pages=None if pages is None else str(pages),
            page_of=page_of,
            related_of=related_of,
            replays=replays,
            author=pull.author,
        )
        for pull in pulls
    ]


def audit_pull_request(task: Task) -> list[Row]:
    """Rows of all submissions of a pull request; one with an error if it holds none that can be read."""
    known = kept_rows(task)
    if known is not None:
        return known
    rows, lasting = made_rows(task)
    if lasting:
        keep_rows(task, rows)
    return rows


def made_rows(task: Task) -> tuple[list[Row], bool]:
    """As `audit_pull_request`, made now; and whether they are an answer that another time would be the same.

    They are not where the auditor itself failed, nor where this machine lacks something: a sandbox, an object.
    """
    from auditor.submission.load import load_submissions
    from auditor.submission.loaded import check_scripts

    try:
        loaded = load_submissions(git_dir=task.git_dir, ref=task.ref, base=task.base, require_script=False)
    except AuditorError as error:
        return [_unread(task, error)], False
    try:
        if not loaded.unjudged:
            check_scripts(loaded, f"{task.ref}: the changes hold")
    except InputError as error:
        return [replace(_unread(task, error), nothing=True)], True
    store = _store(task.cache, task.cache_bytes)
    rows, lasting = [], True
    for submission in loaded.submissions:
        try:
            rows.append(_audit(task, store, submission))
        except AuditorError as error:
            rows.append(_unread(task, error, submission.script.path))
            lasting &= isinstance(error, InputError)
    lasting &= not any(row.crashed for row in rows)
    return [*rows, *(_unjudged(task, entry) for entry in loaded.unjudged)], lasting


def keep_rows(task: Task, rows: Sequence[Row]) -> None:
    """Keep the rows of a pull request by its commits."""
    content = "\n".join(map(to_json, rows)).encode()
    _store(task.cache, task.cache_bytes).put(task.key, content)


@functools.cache
def _store(folder: str, max_bytes: int) -> Store:
    """The store of a worker, opened once."""
    return Store(Path(folder), max_bytes=max_bytes)


def kept_rows(task: Task) -> list[Row] | None:
    """The rows that were kept of these commits; None where there are none, or where reports are to be written."""
    store = _store(task.cache, task.cache_bytes)
    content = None if task.pages is not None else store.get(task.key)
    if content is None:
        return None
    try:
        rows = [from_json(line) for line in content.decode().splitlines()]
    except (ValueError, TypeError, LookupError, AttributeError):
        store.forget(task.key)
        return None
    return [replace(row, pr=task.pr, date=task.date, author=task.author, page="") for row in rows]


def _unread(task: Task, error: AuditorError, path: str = "") -> Row:
    return Row(
        pr=task.pr,
        head=task.head,
        path=path,
        verdict=None,
        error=error.message,
        date=task.date,
        author=task.author,
        key=task.key,
    )


def _unjudged(task: Task, entry: Unjudged) -> Row:
    return Row(
        pr=task.pr,
        head=task.head,
        path=entry.path,
        verdict=None,
        error=entry.reason,
        date=task.date,
        author=task.author,
        key=task.key,
    )


def _audit(task: Task, store: Store, submission: Submission) -> Row:
    result = _result(task, store, submission)
    page = ""
    if task.pages is not None and task.page_of is not None:
        page = page_name(task.pr, submission.script.path)
        (Path(task.pages) / page).write_text(task.page_of(result), encoding="utf-8")
    related: tuple[Related, ...] = ()
    if task.related_of is not None:
        found = task.related_of(submission, task.pr)
        related = tuple(Related(pr=number, label=label, shared=shared) for number, label, shared in found)
    return row_of(
        result,
        pr=task.pr,
        date=task.date,
        author=task.author,
        page=page,
        key=task.key,
        related=related,
    )


def _result(task: Task, store: Store, submission: Submission) -> AuditResult:
    from rules.core.rule import Policy

    policy = Policy(task.policy)
    if task.replays:
        from auditor.audit.both_witnesses import audit_and_replay

        return audit_and_replay(
            submission,
            overrides=task.overrides,
            policy=policy,
            undecided_only=True,
            store=store,
            runs=Path(task.cache),
        )
    return audit_once(store, submission, policy=policy, overrides=task.overrides)


def page_name(pr: int, path: str) -> str:
    """A file name for a submission's report: readable, unique by a hash of the path, safe in a link."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.rsplit("/", 1)[-1].rsplit(".", 1)[0])[:40]
    return f"{pr}-{stem}-{hashlib.sha256(path.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}.html"
