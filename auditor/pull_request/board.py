"""The leaderboard in the repository's root README: its rows, and the record an entry had to beat.

Rows are read from the first table that has a score and a date; their folders or pull requests are named, not
loaded (`frontier` does that).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PULL = re.compile(r"/pull/(\d+)|\bPR #(\d+)")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One entry of the leaderboard.

    Attributes:
        score: bits per byte as printed.
        date: ISO.
        folder: the record folder it links to, None where it links to a pull request only.
        pull_request: named by its link or its summary, None without.
        line: of the README, from 1.
    """

    name: str
    score: float
    date: str
    folder: str | None
    pull_request: int | None
    line: int


def read_board(readme: str) -> tuple[BoardRow, ...]:
    """Read the rows of the first leaderboard table; () where there is none."""
    rows: list[BoardRow] = []
    columns: list[str] = []
    for number, text in enumerate(readme.split("\n"), start=1):
        if not text.lstrip().startswith("|"):
            if rows:
                break
            columns = []
            continue
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
        if not columns:
            columns = [cell.lower() for cell in cells]
            continue
        row = _row(dict(zip(columns, cells, strict=False)), number)
        if row is not None:
            rows.append(row)
    return tuple(rows)


def _row(cells: dict[str, str], line: int) -> BoardRow | None:
    score = re.search(r"\d+\.\d+", cells.get("score", ""))
    date = _DATE.search(cells.get("date", ""))
    if score is None or date is None:
        return None
    link = _LINK.search(cells.get("info", ""))
    folder = None
    if link is not None and link.group(1).startswith("records/"):
        folder = re.sub(r"/(?:README\.md)?$", "", link.group(1))
    pull = _PULL.search(cells.get("info", "")) or _PULL.search(cells.get("summary", ""))
    number = next((int(group) for group in pull.groups() if group), None) if pull is not None else None
    return BoardRow(
        name=cells.get("run", ""),
        score=float(score.group(0)),
        date=date.group(0),
        folder=folder,
        pull_request=number,
        line=line,
    )


def frontier_row(
    rows: Sequence[BoardRow],
    *,
    folder: str,
    date: str | None,
    pull_request: int | None = None,
    score: float | None = None,
) -> BoardRow | None:
    """The record that an entry had to beat: the best score of its date, its own row and later ones left out.

    Args:
        folder: of the entry; its own row, and every row above it that is newer, do not count.
        date: ISO, from the folder's name; None takes all rows.
        pull_request: the entry's number; its own row does not count.
        score: the entry's mean; a row of its date with that score to four decimals is its own.
    """
    own = [
        row
        for row in rows
        if row.folder == folder
        or (pull_request is not None and row.pull_request == pull_request)
        or (score is not None and row.date == date and abs(row.score - score) < 6e-5)
    ]
    below = own[0].score if own else None
    candidates = [
        row
        for row in rows
        if row not in own and (date is None or row.date <= date) and (below is None or row.score > below)
    ]
    return min(candidates, key=lambda row: row.score, default=None)


def date_of_folder(folder: str) -> str | None:
    """The date a folder's name starts with."""
    found = _DATE.match(folder.rsplit("/", 1)[-1])
    return found.group(0) if found is not None else None
