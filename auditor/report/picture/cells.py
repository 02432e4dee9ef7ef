"""Cells: solid for scores, hatched for updates, red where a score came from what it had learnt."""

from __future__ import annotations

from auditor.report.picture.layout import Drawn, Layout
from auditor.report.picture.palette import TINTS
from auditor.report.picture.pen import Pen, quoted
from auditor.report.picture.scene import Cell, Ink, Row, Scene
from auditor.trace.answer import Answer

SCORE_HEIGHT = 17.0
UPDATE_HEIGHT = 10.0
STRIP = 4.0
"""Width of the edge of a red cell that keeps its state's colour."""


def height_of(row: Row) -> float:
    return SCORE_HEIGHT if row.ink is Ink.SCORE else UPDATE_HEIGHT


def hatches(uid: str) -> str:
    """The patterns of updates, one a hue, and the arrow heads."""
    patterns = "".join(
        f'<pattern id="{uid}-{tint}" width="5" height="5" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="5" height="5" style="fill:var(--p-paper)"/>'
        f'<rect width="2" height="5" style="fill:var(--p-{tint}3)"/></pattern>'
        for tint in TINTS
    )
    heads = "".join(
        f'<marker id="{uid}-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" '
        f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" style="fill:var(--p-{name})"/></marker>'
        for name in ("red", "amber")
    )
    return f"<defs>{patterns}{heads}</defs>"


def draw_cells(
    pen: Pen,
    scene: Scene,
    row: Row,
    at: tuple[int, int],
    uid: str,
    layout: Layout,
    drawn: Drawn,
    y: float,
    code: str,
) -> None:
    """One row, with the beginning of what goes on behind the last column."""
    height = scene.thin or height_of(row)
    for number, cell in enumerate(row.cells):
        x = layout.left + layout.axis * cell.start
        width = layout.axis * (cell.stop - cell.start)
        drawn.cells[(*at, number)] = (x, y, width, height)
        words = quoted(cell.words)
        to = f' data-code="{quoted(code)}"' if code else ""
        pen.add(
            f'<g class="cell" id="{uid}-e{cell.event}-{at[0]}-{at[1]}-{number}" tabindex="-1" role="img"{to} '
            f'aria-label="{words}"><title>{words}</title>'
        )
        if scene.thin:
            _thin(pen, row, cell, (x, y, width, height))
        else:
            _cell(pen, row, cell, uid, (x, y, width, height))
        pen.add("</g>")
    if row.onward and row.cells:
        last = max(cell.stop for cell in row.cells)
        x = layout.left + layout.axis * last + 2
        room = layout.left + layout.axis - x
        if room > 4:
            base = "fill:none" if row.ink is Ink.SCORE else f"fill:url(#{uid}-{row.tint})"
            edge = "red" if any(c.leak is Answer.YES for c in row.cells) else f"{row.tint}3"
            pen.box(
                x,
                y + 0.5,
                room,
                height - 1,
                f"{base};opacity:.45;stroke:var(--p-{edge});stroke-dasharray:2 2",
            )


def _thin(pen: Pen, row: Row, cell: Cell, box: tuple[float, float, float, float]) -> None:
    """A cell that is too low for an edge or a hatch: updates are pale, so that scores stand out."""
    x, y, width, height = box
    colour = "red" if cell.leak is Answer.YES else f"{row.tint}{cell.tone if row.ink is Ink.SCORE else 3}"
    pale = ";opacity:.45" if row.ink is Ink.UPDATE else ""
    pen.box(x, y, max(width, 1.5), max(height, 1.5), f"fill:var(--p-{colour}){pale}", "edge")


def _cell(pen: Pen, row: Row, cell: Cell, uid: str, box: tuple[float, float, float, float]) -> None:
    x, y, width, height = box
    deep = f"var(--p-{row.tint}3)"
    if row.ink is Ink.UPDATE:
        pen.box(x, y, width, height, f"fill:url(#{uid}-{row.tint});stroke:{deep}", "edge")
    elif cell.leak is Answer.YES:
        pen.box(x, y, width, height, "fill:var(--p-red);stroke:var(--p-red)", "edge")
        pen.box(x, y, STRIP, height, f"fill:{deep}")
        if width > 24:
            pen.text(x + width * 0.72, y + height / 2 + 4, "✗", "on", "middle")
    elif cell.leak is Answer.MAYBE:
        fill = f"var(--p-{row.tint}{cell.tone})"
        pen.box(
            x,
            y,
            width,
            height,
            f"fill:{fill};stroke:var(--p-amber);stroke-width:2;stroke-dasharray:4 2",
            "edge",
        )
        if width > 24:
            pen.text(x + width * 0.72, y + height / 2 + 4, "?", "strong halo", "middle")
    elif not row.claimed:
        pen.box(x, y, width, height, f"fill:var(--p-paper);stroke:{deep};stroke-width:1.5", "edge")
    else:
        pen.box(x, y, width, height, f"fill:var(--p-{row.tint}{cell.tone});stroke:{deep}", "edge")
