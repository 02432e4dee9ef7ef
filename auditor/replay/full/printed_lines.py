"""What a run prints, cut into lines as it comes, each with its time and rank."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO, Final

from auditor.replay.full.run_trace import Line

MAX_LINES: Final = 200_000
MAX_LINE: Final = 4000
MAX_LOG: Final = 64 << 20
"""Characters of a log that are kept as they come."""

_PREFIX: Final = re.compile(r"\[default(\d+)\]:")
"""What the launcher puts before a rank's line."""


class PrintedLines:
    """Takes what comes.

    Args:
        log: takes every line.
        on_line: is told each line.

    Attributes:
        lines: all of them; of a flood begin and end, which tell most.
    """

    def __init__(self, log: IO[str], on_line: Callable[[Line], None]) -> None:
        self._log, self._on_line = log, on_line
        self.lines: list[Line] = []
        self._rest, self._written = b"", 0

    @property
    def last_s(self) -> float:
        """When the last line came; 0 before the first."""
        return self.lines[-1].seconds if self.lines else 0.0

    def take(self, content: bytes, now_s: float) -> None:
        """Cut what came into lines; what has no end yet waits, up to a bound."""
        *whole, self._rest = (self._rest + content).split(b"\n")
        if len(self._rest) > MAX_LINE:
            whole, self._rest = [*whole, self._rest], b""
        for raw in whole:
            text = raw.decode("utf-8", errors="replace").rstrip("\r")[:MAX_LINE]
            found = _PREFIX.match(text)
            rank = int(found.group(1)) if found is not None else None
            line = Line(seconds=now_s, rank=rank, text=text[found.end() :] if found is not None else text)
            self.lines.append(line)
            if len(self.lines) > MAX_LINES:
                del self.lines[MAX_LINES // 4 : MAX_LINES // 2]
            self._written += len(text)
            if self._written < MAX_LOG:
                self._log.write(f"{text}\n")
                self._log.flush()
            self._on_line(line)
