"""Lines of a report as the terminal shows them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text


def printed(lines: Iterable[str | Text], *, colour: bool) -> str:
    """The lines as text, with ANSI styles if `colour`; none is wrapped, and none is read as markup."""
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
        console.print(line, soft_wrap=True)
    return stream.getvalue()
