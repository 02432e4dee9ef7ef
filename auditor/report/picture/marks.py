"""What is laid over the rows: the arrow of the offending pair, the bracket of the claimed number, and the key."""

from __future__ import annotations

from auditor.report.picture.layout import Drawn, Layout
from auditor.report.picture.pen import Pen, fit
from auditor.report.picture.scene import Arrow, Ink, Row, Scene, Station
from auditor.trace.answer import Answer

RADIUS = 8.0
LINE = 16.0


def draw_bracket(pen: Pen, scene: Scene, layout: Layout, drawn: Drawn, report: float) -> None:
    """Collects the claimed scores into the reported number."""
    if not drawn.ends:
        return
    x = layout.left + layout.axis + 6
    stroke = "var(--p-red)" if scene.leaks else "var(--p-ink)"
    ticks = "".join(f"M{x - 4:.1f} {y:.1f}H{x:.1f}" for y in drawn.ends) if not scene.thin else ""
    path = f"M{x:.1f} {min(drawn.ends):.1f}V{report - 16:.1f}{ticks}"
    head = f"M{x - 4:.1f} {report - 22:.1f}L{x:.1f} {report - 15:.1f}L{x + 4:.1f} {report - 22:.1f}"
    pen.add(f'<path d="{path}{head}" style="fill:none;stroke:{stroke};stroke-width:1.3"/>')


def draw_arrow(pen: Pen, scene: Scene, uid: str, layout: Layout, drawn: Drawn, y: float) -> float:
    """The arrow with numbered discs, the numbers with their lines in the margin, or below where there is none."""
    _also(pen, scene, layout, drawn)
    arrow = scene.arrow
    if arrow is None:
        return y
    boxes = [drawn.cells[s.band, s.row, s.cell] for s in arrow.stations]
    colour = "red" if arrow.proved else "amber"
    ux, uy, uw, uh = boxes[-2]
    sx, sy, sw, _ = boxes[-1]
    tx = sx + min(sw * 0.3, 60)
    fx = tx if ux <= tx <= ux + uw else ux + uw * 0.5
    dash = "" if arrow.proved else ";stroke-dasharray:5 3"
    look = f"fill:none;stroke:var(--p-{colour});stroke-width:2.4{dash}"
    start, end = uy + uh / 2 + RADIUS - 1, sy + 1
    if end - start < 10:
        path = (
            f"M{tx - RADIUS:.1f} {uy + uh / 2:.1f}C{tx - 26:.1f} {uy + uh / 2:.1f} {tx - 26:.1f} {sy + 9:.1f} "
            f"{tx - RADIUS - 1:.1f} {sy + 9:.1f}"
        )
    elif abs(fx - tx) < 1:
        path = f"M{tx:.1f} {start:.1f}V{end:.1f}"
    else:
        middle = (start + end) / 2
        path = f"M{fx:.1f} {start:.1f}C{fx:.1f} {middle:.1f} {tx:.1f} {middle:.1f} {tx:.1f} {end:.1f}"
    pen.add(f'<path d="{path}" marker-end="url(#{uid}-{colour})" style="{look}"/>')
    points = [tx] * len(boxes)
    points[-2] = fx
    for number, (box, x) in enumerate(zip(boxes, points, strict=True), 1):
        _disc(pen, x, box[1] + box[3] / 2, number, colour)
    return _stations(pen, arrow, boxes, layout, colour, y)


def _stations(
    pen: Pen,
    arrow: Arrow,
    boxes: list[tuple[float, float, float, float]],
    layout: Layout,
    colour: str,
    y: float,
) -> float:
    if layout.narrow:
        y += 6
        for number, station in enumerate(arrow.stations, 1):
            y += 20
            _disc(pen, 10, y - 4, number, colour)
            pen.text(26, y, _told(station), colour)
        return y
    x, last = layout.left + layout.axis + 26, -100.0
    for number, (station, box) in enumerate(zip(arrow.stations, boxes, strict=True), 1):
        at = max(box[1] + box[3] / 2 + 4, last + LINE + 2)
        last = at
        _disc(pen, x, at - 4, number, colour)
        pen.text(x + 14, at, fit(_told(station), layout.right - 44), f"{colour} halo")
    return y


def _told(station: Station) -> str:
    return f"{station.says} :{station.place.line}"


def _disc(pen: Pen, x: float, y: float, number: int, colour: str) -> None:
    pen.add(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" style="fill:var(--p-{colour});stroke:var(--p-paper);'
        f'stroke-width:1.5"/>'
    )
    pen.text(x, y + 4, number, "on", "middle")


def _also(pen: Pen, scene: Scene, layout: Layout, drawn: Drawn) -> None:
    """Other rules that the claimed number breaks, at the first row that they name; no second arrow."""
    if layout.narrow:
        return
    taken = [drawn.rows[at][0] for at in drawn.hot if at in drawn.rows]
    for rule, places in scene.also:
        rows = [(b, r) for b, r, row in scene.rows() if row.place in places and (b, r) in drawn.rows]
        if not rows:
            continue
        top, bottom = drawn.rows[rows[0]]
        if any(abs(top - other) < LINE for other in taken):
            continue
        taken.append(top)
        x = layout.left + layout.axis + 16
        pen.text(x, (top + bottom) / 2 + 4, fit(f"breaks {rule}", layout.right - 16), "red halo")


def draw_key(pen: Pen, scene: Scene, uid: str, layout: Layout, y: float) -> float:
    """What the signs mean, only those that occur."""
    rows = [row for _, _, row in scene.rows() if row.cells]
    x, y = (0.0 if layout.narrow else layout.left), y + 26
    for style, sign, words in _entries(rows, uid):
        width = 34 + len(words) * 6.2
        if x + width > layout.width:
            x, y = (0.0 if layout.narrow else layout.left), y + 19
        for index, fill in enumerate(style):
            step = 24 / len(style)
            pen.box(x + index * step, y - 10, step - (1 if len(style) > 1 else 0), 12, fill)
        if sign:
            pen.text(x + 12, y, sign, "on" if sign == "✗" else "strong", "middle")
        pen.text(x + 31, y, words, "soft")
        x += width + 14
    return y + 10


def _entries(rows: list[Row], uid: str) -> list[tuple[tuple[str, ...], str, str]]:
    scores = [row for row in rows if row.ink is Ink.SCORE]
    updates = [row for row in rows if row.ink is Ink.UPDATE]
    leaks = {cell.leak for row in scores for cell in row.cells}
    plain = [row for row in scores if row.claimed and any(c.leak is Answer.NO for c in row.cells)]
    found: list[tuple[tuple[str, ...], str, str]] = []
    if plain:
        tint = plain[-1].tint
        found.append(((f"fill:var(--p-{tint}2);stroke:var(--p-{tint}3)",), "", "scored"))
    if Answer.YES in leaks:
        found.append((("fill:var(--p-red)",), "✗", "scored after learning from it"))
    if Answer.MAYBE in leaks:
        look = "fill:var(--p-paper);stroke:var(--p-amber);stroke-width:2;stroke-dasharray:4 2"
        found.append(((look,), "?", "perhaps learnt from before"))
    if any(not row.claimed for row in scores):
        found.append(
            (("fill:var(--p-paper);stroke:var(--p-soft);stroke-width:1.5",), "", "scored, not claimed")
        )
    for tint, state in dict.fromkeys((row.tint, row.state) for row in updates):
        look = f"fill:url(#{uid}-{tint});stroke:var(--p-{tint}3)"
        found.append(((look,), "", f"{fit(state, 130)} learns from it"))
        if len(found) > 5:
            break
    if updates and any(cell.tone and cell.leak is Answer.NO for row in plain for cell in row.cells):
        tint = plain[-1].tint
        tones = tuple(f"fill:var(--p-{tint}{tone})" for tone in range(4))
        found.append((tones, "", "stronger: has learnt from more"))
    return found
