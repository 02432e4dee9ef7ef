"""Pieces of SVG, with all text escaped."""

from __future__ import annotations

from html import escape

from auditor.report.clean import clean_line


class Pen:
    """Collects the elements of one drawing in the order in which they are painted."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, markup: str) -> None:
        """Markup as it is; everything in it that is not ours must be escaped."""
        self.parts.append(markup)

    def text(
        self, x: float, y: float, words: object, css: str = "", anchor: str = "start", link: str = ""
    ) -> None:
        """One line of text; with `link` it leads there."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        named = f' class="{css}"' if css else ""
        drawn = f'<text x="{x:.1f}" y="{y:.1f}"{where}{named}>{quoted(str(words))}</text>'
        self.add(f'<a href="{quoted(link)}">{drawn}</a>' if link else drawn)

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str = "band") -> None:
        self.add(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>')

    def box(self, x: float, y: float, width: float, height: float, style: str, css: str = "") -> None:
        named = f' class="{css}"' if css else ""
        self.add(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{max(height, 0.5):.1f}" rx="2"'
            f'{named} style="{style}"/>'
        )


def quoted(text: str) -> str:
    """Text of the submission, safe in an element and in an attribute."""
    return escape(clean_line(text), quote=True)


def fit(text: str, width: float, character: float = 6.3) -> str:
    """The text cut to a width in pixels, by the mean width of a character."""
    room = max(int(width / character), 2)
    return text if len(text) <= room else text[: room - 1] + "…"


def wrapped(text: str, width: float, character: float = 6.6) -> list[str]:
    """The text in lines of a width."""
    import textwrap

    return textwrap.wrap(text, max(int(width / character), 10)) or [""]
