"""What a picture shows, before any drawing: bands of rows of cells over one axis of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from auditor.trace.answer import Answer
from auditor.trace.events import Place

TONES = 4
"""How often a state's colour deepens with what it has learnt."""


class Ink(Enum):
    """What a row or a cell stands for."""

    SCORE = "score"
    UPDATE = "update"
    RESET = "reset"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Tokens in one row.

    Attributes:
        start, stop: share of the axis, 0 to 1.
        event: number of the trace's event that it stands for, the first if several look alike.
        leak: whether the state had learnt from these very tokens: YES is an offence, MAYBE not proved.
        words: what a reader is told who points at it.
        tone: 0 to `TONES` − 1: how much its state has learnt.
    """

    start: float
    stop: float
    event: int
    leak: Answer = Answer.NO
    words: str = ""
    tone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One statement in one turn of its loops, or a gap between rows.

    Attributes:
        place: the statement; None for a gap.
        state: what learns or is scored with, by name; "" if nothing learns.
        tint: the state's colour (`palette.TINTS`).
        claimed: whether its scores are in the claimed number.
        turn: the turn in words ("ci 2"), or how often it is repeated ("× 3").
        onward: the row goes on over the tokens that are not shown.
    """

    ink: Ink
    cells: tuple[Cell, ...] = ()
    place: Place | None = None
    state: str = ""
    tint: str = "model"
    claimed: bool = False
    turn: str = ""
    onward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A phase of the run.

    Attributes:
        kind: "train", "pack", "other" (numbers that are not claimed) or "evaluate".
        title: the function or the phase.
        place: where it is called.
        says: a sentence for a phase without rows.
    """

    kind: str
    title: str
    place: Place
    says: str = ""
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A mark of the axis: where it stands, what it is called, and the group that it begins ("" for none)."""

    start: float
    stop: float
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One end of the arrow: the row (band and row index), the cell in it, and what happened there."""

    band: int
    row: int
    cell: int
    says: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """The offending pair, in order of time; `proved` is red, otherwise it is a question."""

    stations: tuple[Station, ...]
    proved: bool
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A whole picture.

    Attributes:
        sentence: what the picture shows, in agreement with the verdict.
        words: the same as an ordered list, for those who do not see it.
        axis: what the columns are ("ci", "positions").
        report: label of the claimed number, and `report_place` its line.
        number: the claimed number in words.
        also: other rules that the claimed number breaks, with the lines they name.
        schematic: columns are turns of loops, not positions to scale.
        thin: height of a row in pixels where there are too many for full ones, else 0.
    """

    sentence: str
    words: tuple[str, ...]
    axis: str
    columns: tuple[Column, ...]
    bands: tuple[Band, ...]
    arrow: Arrow | None
    report: str
    report_place: Place
    number: str
    also: tuple[tuple[str, frozenset[Place]], ...] = ()
    schematic: bool = True
    thin: float = 0.0

    def rows(self) -> Iterator[tuple[int, int, Row]]:
        """Every row with the numbers of its band and of itself."""
        for number, band in enumerate(self.bands):
            for index, row in enumerate(band.rows):
                yield number, index, row

    @property
    def leaks(self) -> bool:
        return any(cell.leak is Answer.YES for _, _, row in self.rows() for cell in row.cells)
