"""What was claimed when: the lowest claim of each day by verdict, against the records of the board, as a drawing."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.corpus.row import Row
from auditor.pull_request.board import BoardRow
from auditor.report.worth import track_of

WIDTH, HEIGHT, LEFT, BOTTOM = 960.0, 240.0, 52.0, 24.0
TICKS = 5
SHOWN = ("violation", "review", "compliant")
"""Drawn in this order, so that what holds lies on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """The lowest claim of one day and verdict, at its place in the drawing."""

    x: float
    y: float
    verdict: str
    pr: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The drawing: dots, the records as the corners of a stair, and what stands at the axes.

    Attributes:
        rows: (y, bits per byte).
        months: (x, "2026-04").
        below: claims under the lowest value drawn, which would press all others together.
    """

    dots: tuple[Dot, ...]
    records: str
    rows: tuple[tuple[float, str], ...]
    months: tuple[tuple[float, str], ...]
    low: float
    below: int


def trend(rows: Sequence[Row], board: Sequence[BoardRow]) -> Trend | None:
    """Claims of the record track; None where fewer than two days have one."""
    best: dict[tuple[str, str], tuple[float, int]] = {}
    for row in rows:
        if row.bpb is not None and row.date and row.verdict in SHOWN and track_of(row) == "record":
            key = (row.date, row.verdict)
            best[key] = min(best.get(key, (row.bpb, row.pr)), (row.bpb, row.pr))
    days = sorted({_day(date) for date, _ in best})
    if len(days) < 2:
        return None
    records = sorted((r.date, r.score) for r in board if days[0] <= _day(r.date) <= days[-1])
    # Claims that hold set the scale; a false one may be anything.
    sound = [bpb for (_, verdict), (bpb, _) in best.items() if verdict == "compliant"] or [
        bpb for bpb, _ in best.values()
    ]
    values = sorted([*sound, *(score for _, score in records)])
    low, high = values[0] - 0.01, values[min(len(values) * 9 // 10, len(values) - 1)] + 0.01

    def x(day: int) -> float:
        return round(LEFT + (WIDTH - LEFT - 8) * (day - days[0]) / (days[-1] - days[0]), 1)

    def y(bpb: float) -> float:
        return round(8 + (HEIGHT - BOTTOM - 8) * (high - min(max(bpb, low), high)) / (high - low), 1)

    dots = [
        Dot(x=x(_day(date)), y=y(bpb), verdict=verdict, pr=pr, words=f"#{pr}, {date}: {bpb:.4f}, {verdict}")
        for verdict in SHOWN
        for (date, own), (bpb, pr) in sorted(best.items())
        if own == verdict
    ]
    ticks = [low + (high - low) * number / (TICKS - 1) for number in range(TICKS)]
    return Trend(
        dots=tuple(dots),
        records=" ".join(_stair([(x(_day(date)), y(score)) for date, score in records], x(days[-1]))),
        rows=tuple((y(bpb), f"{bpb:.3f}") for bpb in ticks),
        months=tuple(
            (x(day), _date(day).isoformat()[:7])
            for day in range(days[0], days[-1] + 1)
            if _date(day).day == 1 and x(day) < WIDTH - 60
        ),
        low=low,
        below=sum(bpb < low for bpb, _ in best.values()),
    )


def _stair(points: Sequence[tuple[float, float]], end: float) -> Iterator[str]:
    """A path along the best so far: level until the next one."""
    best: float | None = None
    for at, height in points:
        if best is None:
            yield f"M{at},{height}"
        elif height > best:
            yield f"H{at} V{height}"
        else:
            continue
        best = height
    if best is not None:
        yield f"H{end}"


def _day(date: str) -> int:
    return datetime.date.fromisoformat(date[:10]).toordinal()


def _date(day: int) -> datetime.date:
    return datetime.date.fromordinal(day)
