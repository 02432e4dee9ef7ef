"""A corpus run: pull requests through the pool, rows in a fixed order whatever order they came in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from auditor.corpus.pool import run_pool
from auditor.corpus.pulls import Pull
from auditor.corpus.row import Row
from auditor.corpus.task import Task, audit_pull_request
from auditor.judgement.result import AuditResult


def run_corpus(
    pulls: Sequence[Pull],
    *,
    git_dir: str,
    base: str,
    policy: str,
    jobs: int,
    timeout_s: float,
    overrides: Mapping[str, str] | None = None,
    pages: Path | None = None,
    page_of: Callable[[AuditResult], str] | None = None,
    replays: bool = False,
    progress: Callable[[int, Sequence[Row]], None] = lambda _done, _rows: None,
) -> list[Row]:
    """Audit the pull requests and give all rows by number and path.

    Args:
        timeout_s: wall-clock seconds for one pull request; beyond it the row says so and the run goes on.
        pages: folder for one report a submission.
        page_of: that report as text; a function of a module.
        replays: replay in a sandbox what the static witness does not decide; its seconds count.
        progress: called after each pull request with how many are done and its rows.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="auditor-corpus-") as shared:
        tasks = [
            Task(
                pr=pull.number,
                ref=pull.ref,
                date=pull.date,
                git_dir=git_dir,
                base=base,
                policy=policy,
                shared=shared,
                overrides=dict(overrides or {}),
                pages=None if pages is None else str(pages),
                page_of=page_of,
                replays=replays,
            )
            for pull in pulls
        ]
        for count, done in enumerate(run_pool(audit_pull_request, tasks, jobs=jobs, timeout_s=timeout_s), 1):
            item = done.item
            found = done.value
            if found is None:
                seconds = round(done.seconds, 3)
                found = [
                    Row(
                        pr=item.pr,
                        head="",
                        path="",
                        verdict=None,
                        error=done.error,
                        date=item.date,
                        seconds=seconds,
                    )
                ]
            rows += found
            progress(count, found)
    return in_order(rows)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The rows by number and path."""
    return sorted(rows, key=lambda row: (row.pr, row.path))
