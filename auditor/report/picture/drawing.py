"""A scene as SVG, wide for a desk or narrow for a phone: two drawings, since one that is scaled cannot be read."""

from __future__ import annotations

from collections.abc import Callable

from auditor.report.picture.cells import draw_cells, hatches, height_of
from auditor.report.picture.layout import NARROW, WIDE, Drawn, Layout
from auditor.report.picture.marks import draw_arrow, draw_bracket, draw_key
from auditor.report.picture.palette import style
from auditor.report.picture.pen import Pen, fit, quoted, wrapped
from auditor.report.picture.scene import Band, Ink, Row, Scene
from auditor.trace.answer import Answer
from auditor.trace.events import Place

Link = Callable[[Place], str]


def svg(
    scene: Scene, uid: str, *, narrow: bool = False, link: Link | None = None, alone: bool = False
) -> str:
    """One drawing.

    Args:
        uid: begins every id in it; unique in the document, of letters and digits.
        link: where a place leads to, or "".
        alone: the drawing is a file of its own and carries its style.
    """
    layout = NARROW if narrow else WIDE
    pen, back = Pen(), Pen()
    hot = frozenset((s.band, s.row) for s in scene.arrow.stations) if scene.arrow is not None else frozenset()
    drawn = Drawn(cells={}, rows={}, ends=[], hot=hot)
    lead = link or (lambda _: "")
    y = _head(pen, scene, layout)
    top = y
    for number, band in enumerate(scene.bands):
        y = _band(pen, scene, band, number, uid, layout, drawn, lead, y)
    y = _report(pen, scene, layout, lead, y)
    for column in scene.columns:
        middle = layout.left + layout.axis * (column.start + column.stop) / 2
        back.line(middle, top, middle, y - 20, "guide")
    draw_bracket(pen, scene, layout, drawn, y)
    y = draw_arrow(pen, scene, uid, layout, drawn, y)
    y = draw_key(pen, scene, uid, layout, y)
    words = " ".join(scene.words)
    css = "picture narrow" if narrow else "picture wide"
    sheet = f"<style>{style()}</style>" if alone else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{css}" id="{uid}" viewBox="0 0 {layout.width:.0f} {y:.0f}" '
        f'width="{layout.width:.0f}" height="{y:.0f}" role="group" aria-labelledby="{uid}-title {uid}-desc">'
        f'<title id="{uid}-title">{quoted(scene.sentence)}</title><desc id="{uid}-desc">{quoted(words)}</desc>'
        f"{sheet}{hatches(uid)}"
        f'<rect width="100%" height="100%" style="fill:var(--p-paper)"/>{"".join(back.parts)}{"".join(pen.parts)}</svg>'
    )


def _head(pen: Pen, scene: Scene, layout: Layout) -> float:
    """The sentence and the axis; where the rows begin."""
    y = 4.0
    for part in wrapped(scene.sentence, layout.width, 8.2):
        y += 18
        pen.text(0, y, part, "head")
    y += 22
    x = layout.left
    pen.text(x - 12, y, "time ↓", "soft", "end")
    told = "validation tokens →" if scene.schematic else "validation tokens, to scale →"
    pen.text(x, y, told, "soft")
    if scene.schematic and not layout.narrow:
        pen.text(layout.width, y, "columns are turns of loops, not to scale", "faint", "end")
    if any(column.group for column in scene.columns):
        y += 15
        for column in scene.columns:
            if column.group:
                pen.text(x + layout.axis * column.start, y, fit(column.group, 110), "mono soft")
    y += 15
    for column in scene.columns:
        middle = x + layout.axis * (column.start + column.stop) / 2
        room = layout.axis * (column.stop - column.start) + 8 if scene.schematic else 60
        pen.text(middle, y, fit(column.label, room, 6.6 if not layout.narrow else 6), "mono soft", "middle")
    if scene.schematic:
        end = layout.left + layout.axis
        pen.text(end, y, "…", "mono soft", "end")
    return y + 8


def _band(
    pen: Pen,
    scene: Scene,
    band: Band,
    number: int,
    uid: str,
    layout: Layout,
    drawn: Drawn,
    link: Link,
    y: float,
) -> float:
    pen.line(0, y, layout.width, y)
    if not band.rows:
        return _sentence_band(pen, band, layout, link, y)
    if band.kind == "evaluate":
        y += 17
        title = quoted(fit(band.title, layout.width * 0.7, 7))
        line = f'<tspan dx="8" class="mono soft">:{band.place.line}</tspan>'
        pen.add(f'<text x="0" y="{y:.1f}" class="strong">{title}{line}</text>')
        y += 9
    else:
        y = _sentence_band(pen, band, layout, link, y) + 2
    seen: set[tuple[Ink, Place | None]] = set()
    labelled = -100.0
    for index, row in enumerate(band.rows):
        before = band.rows[index - 1] if index else None
        y += _space(before, row) if not scene.thin else 0.0
        if row.ink is Ink.GAP:
            y = _gap(pen, row, layout, y)
            continue
        if row.ink is Ink.RESET:
            y = _reset(pen, row, layout, y)
            continue
        height = scene.thin or height_of(row)
        draw_cells(
            pen, scene, row, (number, index), uid, layout, drawn, y, link(row.place) if row.place else ""
        )
        key = (row.ink, row.place)
        hot = (number, index) in drawn.hot
        if (hot or key not in seen) and (not scene.thin or y - labelled > 14):
            seen.add(key)
            labelled = y
            _label(pen, scene, row, layout, link, y + height / 2 + 4, hot)
        elif row.turn and layout.narrow:
            pen.text(layout.turn, y + height / 2 + 4, row.turn, "mono faint", "end")
        if row.turn and not layout.narrow:
            pen.text(layout.turn, y + height / 2 + 4, row.turn, "mono faint", "end")
        drawn.rows[number, index] = (y, y + height)
        if row.claimed:
            drawn.ends.append(y + height / 2)
        y += height
    return y + 8


def _space(before: Row | None, row: Row) -> float:
    """Room above a row: a score and the update of the same turn stand close together."""
    if before is None or Ink.GAP in (before.ink, row.ink) or Ink.RESET in (before.ink, row.ink):
        return 1.0
    if before.ink is row.ink:
        return 5.0
    close = before.ink is Ink.SCORE or (
        row.ink is Ink.SCORE and any(c.leak is not Answer.NO for c in row.cells)
    )
    same = {c.start for c in before.cells} == {c.start for c in row.cells}
    return 2.0 if close and same else 8.0


def _sentence_band(pen: Pen, band: Band, layout: Layout, link: Link, y: float) -> float:
    """A phase that touches no validation token, or whose scores do not count, has one line."""
    base = y + 15
    hollow = band.kind == "other"
    if layout.narrow:
        pen.text(0, base, "evaluate" if hollow else band.title, "soft")
        pen.text(layout.left, base, fit(band.says, layout.width - layout.left, 5.9), "soft")
        return y + 22
    pen.text(layout.what, base, "evaluate" if hollow else band.title, "soft", "end")
    pen.text(layout.line, base, f":{band.place.line}", "mono soft", "end", link=link(band.place))
    if hollow:
        pen.box(layout.left, y + 8, layout.axis, 6, "fill:none;stroke:var(--p-faint)")
        pen.text(layout.left + layout.axis + 16, base, fit(band.says, layout.right - 16), "faint")
    else:
        pen.text(layout.left, base, fit(band.says, layout.axis + layout.right), "soft")
    return y + 22


def _label(pen: Pen, scene: Scene, row: Row, layout: Layout, link: Link, y: float, hot: bool) -> None:
    proved = scene.arrow is None or scene.arrow.proved
    css = ("red" if proved else "amber") if hot else ""
    line = row.place.line if row.place is not None else 0
    where = link(row.place) if row.place is not None else ""
    if layout.narrow:
        word = "score" if row.ink is Ink.SCORE else "learn"
        pen.text(layout.line, y, f"{word} :{line}", f"{css} mono".strip(), "end", where)
        return
    what = "score" if row.ink is Ink.SCORE else f"{fit(row.state, layout.what - 42, 6.8)} learns"
    pen.text(layout.what, y, what, css, "end")
    pen.text(layout.line, y, f":{line}", f"{css or 'soft'} mono", "end", where)


def _gap(pen: Pen, row: Row, layout: Layout, y: float) -> float:
    pen.text(layout.turn, y + 10, fit(row.turn, layout.left, 6), "mono faint", "end")
    end = layout.left + layout.axis
    if row.onward:
        pen.text(end - layout.axis * 0.05, y + 11, "⋱", "soft", "middle")
    return y + 14


def _reset(pen: Pen, row: Row, layout: Layout, y: float) -> float:
    y += 6
    pen.add(
        f'<line x1="{layout.left:.1f}" y1="{y:.1f}" x2="{layout.left + layout.axis:.1f}" y2="{y:.1f}" '
        f'style="stroke:var(--p-{row.tint}3);stroke-width:1.5;stroke-dasharray:2 3"/>'
    )
    pen.text(
        layout.turn,
        y + 4,
        f"↺ {fit(row.turn, layout.turn - 20)}" if not layout.narrow else "↺ afresh",
        "soft",
        "end",
    )
    return y + 7


def _report(pen: Pen, scene: Scene, layout: Layout, link: Link, y: float) -> float:
    pen.line(0, y, layout.width, y)
    y += 26
    css = "red" if scene.leaks else "strong"
    place = scene.report_place
    if layout.narrow:
        pen.text(0, y, "report", "strong")
        pen.text(layout.left, y, fit(scene.report, layout.axis * 0.5, 6.2), "mono", link=link(place))
        pen.text(layout.width, y, scene.number, css, "end")
        return y
    pen.text(layout.what, y, "report", "strong", "end")
    pen.text(layout.line, y, f":{place.line}", "mono soft", "end", link=link(place))
    pen.text(layout.left, y, fit(scene.report, layout.axis, 6.8), "mono")
    pen.text(layout.left + layout.axis + 16, y, scene.number, css)
    return y
