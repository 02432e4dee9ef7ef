"""Lines of a report as the terminal shows them: the last place where text of a submission could still steer it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from auditor.report.clean import clean_line

if TYPE_CHECKING:
    from rich.text import Text


def printed(lines: Iterable[str | Text], *, colour: bool) -> str:
    """The lines as text, with ANSI styles if `colour`; none is wrapped, broken in two, or read as markup."""
    from rich.console import Console

    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(_one(line), soft_wrap=True)
    return stream.getvalue()


def _one(line: str | Text) -> str | Text:
    """The line on one line, without what steers a terminal; one that held it loses the styles of its parts."""
    if isinstance(line, str):
        return clean_line(line)
    plain = clean_line(line.plain)
    return line if plain == line.plain else type(line)(plain, style=line.style)
