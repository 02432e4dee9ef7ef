"""Lines that fit: text wrapped under itself, a timeline whose long lines go on below their branch."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from auditor.trace.lines import Line

WIDTH = 80
_GAP = re.compile(r"\S {2,}(?=\S)")
"""What stands between the columns of a line."""
_ITEM = re.compile(r"\s*(?:-|\d+\.) (?=\S)")
MAX_NAME = 28
MIN_TEXT = 24
"""Characters that a line of the timeline keeps for its text, however deep it stands."""


def wrapped(text: str, width: int, *, first: str = "", after: str = "") -> list[str]:
    """The text in lines of at most `width` characters, `first` before the first and `after` before the others.

    Words are broken only where one alone is longer than a line: a path, an address.
    """
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=after, break_on_hyphens=False
    ) or [first.rstrip()]


def hung(lines: Iterable[str], width: int = WIDTH, *, hang: int = 2) -> Iterator[str]:
    """Each line as one or more of at most `width` characters, what is left of it under its own text."""
    for line in lines:
        begin = ""
        for start, end, blanks in spans(line, width, hang=hang):
            yield begin + line[start:end]
            begin = " " * blanks


def spans(line: str, width: int, *, hang: int = 2) -> Iterator[tuple[int, int, int]]:
    """Where a line breaks: start and end of each part, and the blanks that stand before the later ones.

    A line in columns goes on under its last column, an item of a list under its text, any other `hang` characters in
    from where it began.
    """
    blanks = len(line) - len(line.lstrip()) + hang
    item = _ITEM.match(line)
    columns = [gap.end() for gap in _GAP.finditer(line, 0, MAX_NAME + 1) if gap.end() <= MAX_NAME]
    column = item.end() if item is not None else columns[-1] if columns else 0
    if (
        column and max(map(len, line[column:].split())) <= width - column
    ):  # no word that would be broken there
        blanks = column
    start, room = 0, width
    while len(line) - start > room:
        at = line.rfind(" ", start + (blanks if start == 0 else 0) + 1, start + room + 1)
        end = at if at >= 0 else start + room
        yield start, len(line[:end].rstrip()), blanks
        start = end + (len(line[end:]) - len(line[end:].lstrip()))
        room = width - blanks
    yield start, len(line), blanks


def cut(text: str, width: int) -> str:
    """The text in at most `width` characters."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def folded(lines: Iterable[Line], width: int) -> Iterator[tuple[str, Line]]:
    """Each line of a timeline as one or more strings of at most `width` characters, its place on the first."""
    for line in lines:
        room = max(width - len(line.branches) - len(line.place) - 2, MIN_TEXT)

        parts = _parts(line.text, room, max(width - len(line.branches) - 3, MIN_TEXT))
        gap = max(width - len(line.branches) - len(parts[0]) - len(line.place), 2)
        yield (line.branches + parts[0] + " " * gap + line.place).rstrip(), line
        below = line.branches[:-3] + (
            "│  " if line.branches.endswith("├─ ") else "   " if line.branches else ""
        )
        for part in parts[1:]:
            yield f"{below}   {part}", line


def _parts(text: str, first: int, later: int) -> list[str]:
    """Cut at the widest gaps that fit, since three blanks stand before a remark; then at words."""
    if len(text) <= first:
        return [text]
    cuts = [text.rfind(gap, 1, first + 1) for gap in ("   ", "  ", " ")]
    at = next((cut for cut in cuts if cut >= first // 2), max(*cuts, 0)) or first
    rest = text[at:].strip()
    return [text[:at].rstrip(), *wrapped(rest, later)]
