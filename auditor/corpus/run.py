"""A corpus run: pull requests through the pool, rows in a fixed order whatever order they came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from auditor.corpus.pool import Done, run_pool
from auditor.corpus.row import Row
from auditor.corpus.task import Task, audit_pull_request

Engine = Callable[[Sequence[Task]], Iterable[Done[Task, list[Row]]]]
"""Answers tasks, each once, in the order of completion."""


def local_engine(*, jobs: int, timeout_s: float) -> Engine:
    """Processes of this machine.

    Args:
        timeout_s: wall-clock seconds for one pull request, replays included; beyond it the row says so and the run
            goes on.
    """
    return partial(run_pool, audit_pull_request, jobs=jobs, timeout_s=timeout_s)


def run_corpus(
    tasks: Sequence[Task],
    engine: Engine,
    *,
    progress: Callable[[int, Sequence[Row]], None] = lambda _done, _rows: None,
) -> list[Row]:
    """Audit the pull requests and give all rows by number and path.

    Args:
        progress: called after each pull request with how many are done and its rows.
    """
    rows: list[Row] = []
    for count, done in enumerate(engine(tasks), 1):
        found = done.value
        if found is None:
            found = [
                Row(
                    pr=done.item.pr,
                    head="",
                    path="",
                    verdict=None,
                    error=done.error,
                    date=done.item.date,
                    seconds=round(done.seconds, 3),
                )
            ]
        rows += found
        progress(count, found)
    return in_order(rows)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """The rows by number and path."""
    return sorted(rows, key=lambda row: (row.pr, row.path))
