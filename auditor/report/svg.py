"""The picture of an audit's order as one SVG file, for a README, a comment or a page.

Several submissions stand below each other. A submission without a number that was followed to scores has one
sentence in place of a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from auditor.judgement.result import AuditResult
from auditor.report.clean import clean_line
from auditor.report.picture.compose import picture_of
from auditor.report.picture.drawing import svg
from auditor.report.picture.layout import WIDE
from auditor.report.picture.palette import style
from auditor.report.picture.pen import quoted
from auditor.report.picture.scene import Scene
from auditor.report.view import view

TITLE_HEIGHT = 30
SENTENCE_HEIGHT = 40


def render(results: Sequence[AuditResult], notes: Sequence[str] = ()) -> str:
    """One drawing a submission, one below the other, each under its path."""
    shown = [(result.target.path, picture_of(result), without_picture(result)) for result in results]
    return drawn_below(shown or [("", None, " ".join(map(clean_line, notes)) or "Nothing to judge.")])


def without_picture(result: AuditResult) -> str:
    """What stands in place of a picture."""
    return f"{clean_line(view(result).headline)}. No number was followed to its scores: nothing to draw."


def drawn_below(shown: Iterable[tuple[str, Scene | None, str]]) -> str:
    """Pictures one below the other.

    Args:
        shown: for each the path, the picture, and the sentence that stands for it if there is none.
    """
    rows = list(shown)
    if len(rows) == 1:
        _, scene, told = rows[0]
        return (
            svg(scene, "p1", alone=True) if scene is not None else sentence_alone(told, alone=True)
        ) + "\n"
    parts, y = [], 0
    for number, (path, scene, told) in enumerate(rows, 1):
        drawn = svg(scene, f"p{number}") if scene is not None else sentence_alone(told)
        height = int(re.findall(r'height="(\d+)"', drawn)[0])
        parts.append(f'<text x="0" y="{y + 18}" class="mono soft">{quoted(path)}</text>')
        parts.append(drawn.replace("<svg ", f'<svg y="{y + TITLE_HEIGHT}" ', 1))
        y += height + 2 * TITLE_HEIGHT
    width = int(WIDE.width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width} {y}" '
        f'width="{width}" height="{y}"><style>{style()}</style>'
        f'<rect width="100%" height="100%" style="fill:var(--p-paper)"/>{"".join(parts)}</svg>\n'
    )


def sentence_alone(told: str, *, alone: bool = False) -> str:
    """A drawing that holds one sentence."""
    sheet = f"<style>{style()}</style>" if alone else ""
    words = quoted(told)
    width = int(WIDE.width)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" viewBox="0 0 {width} {SENTENCE_HEIGHT}" '
        f'width="{width}" height="{SENTENCE_HEIGHT}" role="img" aria-label="{words}">{sheet}'
        f'<rect width="100%" height="100%" style="fill:var(--p-paper)"/>'
        f'<text x="0" y="24" class="head">{words}</text></svg>'
    )
