"""Live progress of a full run: one line that is rewritten on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final

import click

from auditor.records.log_lines import clean, read_metrics, read_step
from auditor.replay.full.run_trace import Line
from auditor.report.clean import clean_line

EVERY_S: Final = 30.0
WIDTH: Final = 100


class Progress:
    """Told each line of a run; says where it stands.

    Args:
        limit_s: after which a run is ended.
        live: whether one line is rewritten.
    """

    def __init__(self, path: str, limit_s: float, *, live: bool | None = None) -> None:
        self._path, self._limit_s = clean_line(path), limit_s
        self._live = sys.stderr.isatty() if live is None else live
        self._phase, self._told_s, self._seed = "", 0.0, 0

    def __call__(self, seed: int, line: Line | None) -> None:
        if line is None:
            self._seed, self._phase, self._told_s = seed, "", time.monotonic()
            click.echo(f"running {self._path} with seed {seed}", err=True)
            return
        text = clean(line.text)
        step = read_step(text, 0)
        phase = "training" if step is not None else self._phase or "start"
        if step is None and read_metrics(text, "log", 0):
            phase = "evaluation"
        now_s = time.monotonic()
        if phase == self._phase and now_s - self._told_s < (1.0 if self._live else EVERY_S):
            return
        self._phase, self._told_s = phase, now_s
        left_s = max(self._limit_s - line.seconds, 0.0)
        told = f"seed {self._seed} {line.seconds:7.1f} s {phase}: {clean_line(text)}"[:WIDTH]
        if self._live:
            click.echo(f"\r\x1b[K{told} ({left_s:.0f} s left)", err=True, nl=False)
        else:
            click.echo(f"{told} ({left_s:.0f} s left)", err=True)

    def end(self) -> None:
        """Leave the line that is rewritten."""
        if self._live and self._phase:
            click.echo("", err=True)
