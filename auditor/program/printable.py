"""A line that a place of the program can print: literal pieces around values, each of the kind its format gives.

`print(f"step:{step} loss:{loss:.4f}")` can print `step:3 loss:1.2345` and not `step:3 loss:low`. A line of a log
that no text of the program can make was printed by something else; a line that exactly one of them can make
tells that this place ran. Texts are only read, never made; matching is linear in the line for each piece.
"""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

MAX_LINE_CHARACTERS = 4_000
"""Of a line that are looked at; metric lines of real logs are below 300."""

_PREFIX = re.compile(
    r"(?:\[[^\]\n]{1,32}\]:?\s?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\S*\s(?:-\s)?|\d\d:\d\d:\d\d\s"
    r"|\d{10}(?:\.\d+)?\s|rank\s?\d+:?\s|INFO:?\s?(?:-\s)?)+",
    re.IGNORECASE,
)
"""What launchers and loggers put before a line; blanks that the program itself prints are no part of it."""

_NAME_CHARACTERS = re.compile(r"[\w.]+")
_NUMBER_CHARACTERS = re.compile(r"[-+\d.,e_%]+|nan|inf|-inf", re.IGNORECASE)


class Kind(enum.Enum):
    """What a value can look like in print."""

    ANY = "any text"
    NAME = "the name of a setting"
    NUMBER = "a number"


Part: TypeAlias = str | Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Printable:
    """One line that a place of the program can print.

    Attributes:
        parts: literal texts and values, in order; no two literals next to each other.
        node: the call that prints it, or the text itself where it is not seen in a print.
        whole: whether the line ends where the parts end; a text that is put together elsewhere may go on.
    """

    parts: tuple[Part, ...]
    node: ast.AST
    whole: bool = True

    @property
    def constant(self) -> str:
        """The literal texts, joined."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def opening(self) -> str:
        """The literal text that the line begins with, or ""."""
        return self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""

    @property
    def unindented(self) -> Printable:
        """The same without blanks before the first literal."""
        if not self.opening[:1].isspace():
            return self
        first = self.opening.lstrip()
        return replace(self, parts=((first,) if first else ()) + self.parts[1:])

    def could_print(self, line: str) -> bool:
        """Whether the line can come from here, with what a launcher puts before it or without."""
        line = line[:MAX_LINE_CHARACTERS].rstrip()
        prefix = _PREFIX.match(line)
        return self._fits(line) or (prefix is not None and self._fits(line[prefix.end() :]))

    def _fits(self, line: str) -> bool:
        """Follow all positions that the parts can have reached."""
        reached = {0}
        length = len(line)
        pending: Kind | None = None
        for number, part in enumerate(self.parts, 1):
            if isinstance(part, Kind):
                pending = part if pending is None else Kind.ANY
                continue
            starts = _starts(reached, pending, line)
            text = part.rstrip() if self.whole and number == len(self.parts) else part
            reached = {place + len(text) for place in _occurrences(text, line) if place in starts}
            pending = None
            if not reached:
                return False
        if pending is not None:
            return not self.whole or length in _starts(reached, pending, line)
        return not self.whole or length in reached


def _occurrences(text: str, line: str) -> Iterator[int]:
    place = line.find(text)
    while place >= 0:
        yield place
        place = line.find(text, place + 1)


class _Range:
    """Positions from one on."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __contains__(self, place: object) -> bool:
        return isinstance(place, int) and place >= self._first


def _starts(reached: set[int], pending: Kind | None, line: str) -> set[int] | _Range:
    """Where what follows a value may begin."""
    if pending is None:
        return reached
    if pending is Kind.ANY:
        return _Range(min(reached))
    shape = _NAME_CHARACTERS if pending is Kind.NAME else _NUMBER_CHARACTERS
    found: set[int] = set()
    for place in reached:
        blanks = len(line) - len(line[place:].lstrip(" ")) if pending is Kind.NUMBER else place
        match = shape.match(line, blanks)
        if match is not None:
            # A name or number may be padded on either side.
            end = match.end()
            found.update(range(blanks + 1, end + 1))
            while end < len(line) and line[end] == " ":
                end += 1
                found.add(end)
    return found
