"""The part of a training log that the run printed, without the script's own source at its top.

Some 29 % of real logs begin with the source of the script (the baseline prints itself before anything else).
A line of source must never be read as a hyperparameter that was in force.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = re.compile(r"^=\s*={20,}\s*$|^={60,}$|^-{60,}$")
_SOURCE: Final = re.compile(
    r"^\s*(?:import \w|from [\w.]+ import |def \w+\(|class \w+[(:]|@\w|return\b|if .*:$|elif .*:$|else:$"
    r"|for .* in .*:$|while .*:$|try:$|except\b.*:$|with .*:$|[\w.\[\]]+ = \S|[\w.]+\(.*\)$|\"\"\"|#)"
)
_WINDOW_LINES: Final = 40
MAX_LOG_CHARACTERS: Final = 4_000_000
"""Of a log that are read: its head holds the hyperparameters."""
MAX_LINE_CHARACTERS: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line the run printed: 1-based number and text."""

    number: int
    text: str


def printed_lines(text: str, sources: tuple[frozenset[str], ...] = ()) -> list[LogLine]:
    """Return the lines of a log that are output of the run.

    Args:
        text: the log.
        sources: the stripped lines of each text of the program; a run of lines that stands in one of them
            is an echo of the source.

    A log also counts as echoing from its first line to a separator when most of what stands between is
    source.
    """
    lines = text[:MAX_LOG_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    echoed = [_is_echo(line, sources) for line in lines]
    kept = _without_runs(lines, echoed)
    return [
        LogLine(number=number, text=line[:MAX_LINE_CHARACTERS])
        for number, line in enumerate(lines, 1)
        if kept[number - 1] and line.strip()
    ]


def source_lines(text: str) -> frozenset[str]:
    """Return the stripped lines of a source text, for `printed_lines`."""
    return frozenset(line.strip() for line in text.split("\n") if line.strip())


def _is_echo(line: str, sources: tuple[frozenset[str], ...]) -> bool | None:
    """Whether a line is source; None where the line alone does not say (blank)."""
    stripped = line.strip()
    if not stripped:
        return None
    if any(stripped in source for source in sources):
        return True
    return _SOURCE.match(line) is not None


def _without_runs(lines: list[str], echoed: list[bool | None]) -> list[bool]:
    """Mark as dropped every stretch in which source lines dominate.

    A stretch starts at a source line and ends where, over a window, source no longer is the greater part; at
    a separator it ends at once.
    """
    kept = [True] * len(lines)
    index = 0
    while index < len(lines):
        if not echoed[index]:
            index += 1
            continue
        end, last = index, index
        misses = 0
        while end < len(lines) and misses < _WINDOW_LINES:
            if _SEPARATOR.match(lines[end]) and end > index:
                last = end
                break
            if echoed[end]:
                last, misses = end, 0
            elif echoed[end] is False:
                misses += 1
            end += 1
        stretch = [flag for flag in echoed[index : last + 1] if flag is not None]
        if len(stretch) >= 8 and sum(stretch) * 2 >= len(stretch):
            for position in range(index, last + 1):
                kept[position] = False
            index = last + 1
        else:
            if len(stretch) < 8:
                kept[index] = not _is_assignment_like(lines[index])
            index += 1
    return kept


def _is_assignment_like(line: str) -> bool:
    return bool(re.match(r"^\s*(?:import \w|from [\w.]+ import |def \w+\(|class \w+[(:])", line))
