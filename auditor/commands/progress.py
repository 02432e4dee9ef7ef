"""How far long work has come, on stderr: a line every ten seconds; over many pull requests, on a terminal, a bar."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from auditor.report.clean import clean_line
from auditor.report.folding import WIDTH

if TYPE_CHECKING:
    from auditor.corpus.row import Row

Tell = Callable[[int, "Sequence[Row]"], None]
"""Takes how many pull requests are done, and the rows that came with the last ones."""

INTERVAL_S = 10.0


@contextlib.contextmanager
def corpus_progress(
    total: int, quiet: bool, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Tell]:
    """Progress over the pull requests of a corpus; at the end a line with the counts."""
    from rich.console import Console

    from auditor.report.corpus_dashboard import bar

    seen: list[Row] = []

    def counts() -> str:
        return ", ".join(f"{count} {word}" for word, count, _ in bar("", seen).parts) or "none"

    terminal = Console(stderr=True).is_terminal
    with contextlib.nullcontext() if quiet or not terminal else _bar(total) as draw:
        lines = _Lines(total, clock)

        def tell(done: int, rows: Sequence[Row]) -> None:
            seen.extend(rows)
            if draw is not None:
                draw(done, counts())
            elif not quiet and lines.due(done):
                click.echo(f"{done:,} of {total:,} pull requests: {counts()}{lines.left(done)}", err=True)

        yield tell
    if not quiet:
        click.echo(f"{len(seen)} submissions of {total} pull requests: {counts()}", err=True)


class _Lines:
    """When the next line is due, and how long the rest will take at the pace so far."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self._total, self._clock = total, clock
        self._began = self._last = clock()
        self._first: int | None = None

    def due(self, done: int) -> bool:
        if self._first is None:
            self._first = done  # what an earlier run had done says nothing about the pace
        now = self._clock()
        if now - self._last < INTERVAL_S or done >= self._total:
            return False
        self._last = now
        return True

    def left(self, done: int) -> str:
        fresh = done - (self._first or 0)
        if fresh <= 0:
            return ""
        seconds = (self._clock() - self._began) / fresh * (self._total - done)
        return f"; about {seconds / 60:.0f} min left" if seconds >= 90 else f"; about {seconds:.0f} s left"


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int, str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pull requests {task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("audit", total=total, counts="")
        yield lambda done, counts: progress.update(task, completed=done, counts=counts)


@contextlib.contextmanager
def ticking(quiet: bool, *, interval_s: float = INTERVAL_S) -> Iterator[Callable[[int, int, str], None]]:
    """Say every ten seconds which script of how many is at work, and for how long; nothing of what is done by then.

    Yields:
        what is to be called before each script: its number from 1, how many there are, its path.
    """
    at: list[str] = []
    began = time.monotonic()
    ended = threading.Event()

    def begin(number: int, total: int, path: str) -> None:
        at[:] = [f"script {number} of {total}, " if total > 1 else "", clean_line(path)]

    def tick() -> None:
        while not ended.wait(interval_s):
            if at:
                with contextlib.suppress(OSError, ValueError):  # nobody can be told: no reason to fail
                    click.echo(
                        _line(f"at work for {time.monotonic() - began:.0f} s: {at[0]}", at[1]), err=True
                    )

    thread = threading.Thread(target=tick, daemon=True)
    if not quiet:
        thread.start()
    try:
        yield begin
    finally:
        ended.set()
        if not quiet:
            thread.join()


def _line(words: str, path: str) -> str:
    """Words and a path in one line, of a long path its end."""
    room = WIDTH - len(words)
    return words + (path if len(path) <= room else "…" + path[len(path) - room + 1 :])
