"""The lines of a timeline: items in their tree, what of them matters, the drawing before them, places in a column."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from auditor.trace.events import Place

PLACE_COLUMN_LOW = 48
PLACE_COLUMN_HIGH = 84
"""The column where places start lies between these; longer lines push their own place to the right."""


class Mark(Enum):
    """Why a line deserves a look."""

    NONE = ""
    HIT = "hit"
    DOUBT = "doubt"
    DEAD = "dead"
    CLAIMED = "claimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the timeline.

    Attributes:
        branches: the tree drawing before the text.
        kind: "call", "loop", "branch", or the event's word in lower case.
        text: without the drawing.
        place: as shown at the right, or "".
        mark: why the line deserves a look.
        at: the place itself.
    """

    branches: str
    kind: str
    text: str
    place: str
    mark: Mark
    at: Place


@dataclass(slots=True)
class Item:
    """A line before it knows its place in the drawing."""

    kind: str
    text: str
    at: Place
    mark: Mark = Mark.NONE
    children: list[Item] = field(default_factory=list)


Matters = Callable[[str, str, Place, Mark], bool]
"""Whether a line without lines below it is shown: by its kind, text, place and mark."""


def shown_place(place: Place, home: str = "") -> str:
    """A place as readers see it: file (inside `home`), line, and the layer of a packed script."""
    text = str(place)
    return text[len(home) + 1 :] if home and text.startswith(home + "/") else text


def aligned(lines: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    """Each line as one string with its place in a common column."""
    rows = list(lines)
    widths = [len(row.branches) + len(row.text) for row in rows]
    column = min(max([PLACE_COLUMN_LOW, *(width + 2 for width in widths)]), PLACE_COLUMN_HIGH)
    for row, width in zip(rows, widths, strict=True):
        gap = max(column - width, 2)
        yield (row.branches + row.text + " " * gap + row.place).rstrip(), row


def without_repetition(items: list[Item]) -> list[Item]:
    """Neighbours that read the same are one line."""
    kept: list[Item] = []
    for item in items:
        last = kept[-1] if kept else None
        same = last is not None and (last.kind, last.text, last.at) == (item.kind, item.text, item.at)
        if not (same and not item.children):
            kept.append(item)
    return kept


def pruned(items: list[Item], matters: Matters) -> list[Item]:
    """What matters, and what stands around it."""
    kept: list[Item] = []
    for item in items:
        children = pruned(item.children, matters)
        if children or (not item.children and matters(item.kind, item.text, item.at, item.mark)):
            kept.append(replace(item, children=children))
    return kept


def drawn(items: list[Item], home: str) -> Iterator[Line]:
    shown: tuple[str, int] | None = None
    stack: list[tuple[Item, str, str]] = [(item, "", "") for item in reversed(items)]
    while stack:
        item, lead, below = stack.pop()
        file = (item.at.path, item.at.layer)
        place = shown_place(item.at, home) if file != shown else f":{item.at.line}"
        shown = file
        yield Line(branches=lead, kind=item.kind, text=item.text, place=place, mark=item.mark, at=item.at)
        for index in range(len(item.children) - 1, -1, -1):
            last = index == len(item.children) - 1
            stack.append(
                (item.children[index], below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )
