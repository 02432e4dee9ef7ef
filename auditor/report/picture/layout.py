"""Sizes of a drawing, and where things stand once they are drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Widths in pixels: of the whole, of what stands left and right of the axis, and where texts end."""

    narrow: bool
    width: float
    left: float
    right: float
    what: float
    line: float
    turn: float

    @property
    def axis(self) -> float:
        return self.width - self.left - self.right


WIDE = Layout(narrow=False, width=960, left=262, right=206, what=142, line=186, turn=252)
NARROW = Layout(narrow=True, width=358, left=78, right=30, what=0, line=72, turn=72)


@dataclass(slots=True)
class Drawn:
    """Where things stand once they are drawn.

    Attributes:
        cells: box of each cell by band, row and cell number.
        rows: top and bottom of each row by band and row.
        ends: middle of each row of claimed scores.
        hot: rows that the arrow joins.
    """

    cells: dict[tuple[int, int, int], tuple[float, float, float, float]]
    rows: dict[tuple[int, int], tuple[float, float]]
    ends: list[float]
    hot: frozenset[tuple[int, int]]
