"""Lines of a report as the terminal shows them: the last place where text of a submission could still steer it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from auditor.report.clean import clean_line
from auditor.report.folding import spans

if TYPE_CHECKING:
    from rich.text import Text


def printed(lines: Iterable[str | Text], *, colour: bool, width: int | None = None) -> str:
    """The lines as text, with ANSI styles if `colour`; none is read as markup.

    Args:
        width: of a line; longer ones go on under themselves. None leaves them as they are.
    """
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
        for part in [_one(line)] if width is None else _broken(_one(line), width):
            console.print(part, soft_wrap=True)
    return stream.getvalue()


def _broken(line: str | Text, width: int) -> Iterator[str | Text]:
    begin = ""
    for start, end, hang in spans(line if isinstance(line, str) else line.plain, width):
        part = line[start:end]
        if isinstance(part, str):
            yield begin + part
        else:
            yield type(part)(begin).append_text(part)
        begin = " " * hang


def _one(line: str | Text) -> str | Text:
    """The line on one line, without what steers a terminal; one that held it loses the styles of its parts."""
    if isinstance(line, str):
        return clean_line(line)
    plain = clean_line(line.plain)
    return line if plain == line.plain else type(line)(plain, style=line.style)
