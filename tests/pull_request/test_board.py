from __future__ import annotations

import pytest

from auditor.pull_request.board import date_of_folder, frontier_row, read_board

BOARD = """# A board

| Run | Score | Author | Summary | Date | Info |
|-----|------:|--------|---------|------|------|
| Third | 1.0645 | c | On PR #30: more | 2026-04-22 | [info](https://x.org/pull/30) |
| Second | 1.0655 | b | more | 2026-04-19 | [info](records/track_10min_16mb/2026-04-19_B/README.md) |
| First | 1.2244 | a | start | 2026-03-18 | [info](records/track_10min_16mb/2026-03-17_A/README.md) |

| Run | Score | Author | Summary | Date | Info |
|---|---|---|---|---|---|
| Other track | 1.1 | d | x | 2026-04-01 | [info](records/track_non_record_16mb/2026-04-01_D/README.md) |
"""


def test_rows_of_the_first_table_only() -> None:
    rows = read_board(BOARD)
    assert [(row.name, row.score, row.folder, row.pull_request) for row in rows] == [
        ("Third", 1.0645, None, 30),
        ("Second", 1.0655, "records/track_10min_16mb/2026-04-19_B", None),
        ("First", 1.2244, "records/track_10min_16mb/2026-03-17_A", None),
    ]
    assert rows[0].line == 5


@pytest.mark.parametrize(
    ("folder", "date", "pull_request", "score", "name"),
    [
        ("records/track_10min_16mb/2026-05-01_New", None, 40, 1.06, "Third"),
        ("records/track_10min_16mb/2026-04-22_C", "2026-04-22", None, 1.06453, "Second"),
        ("records/track_10min_16mb/2026-04-22_C", None, 30, 1.06453, "Second"),
        ("records/track_10min_16mb/2026-04-19_B", "2026-04-19", None, 1.0655, "First"),
        ("records/track_10min_16mb/2026-04-01_Late", "2026-04-01", None, 1.3, "First"),
        ("records/track_10min_16mb/2026-03-17_A", "2026-03-17", None, 1.2244, None),
    ],
)
def test_frontier_leaves_out_the_entry_itself_and_what_came_later(
    folder: str, date: str | None, pull_request: int | None, score: float, name: str | None
) -> None:
    row = frontier_row(read_board(BOARD), folder=folder, date=date, pull_request=pull_request, score=score)
    assert (row.name if row else None) == name


def test_no_board_no_rows() -> None:
    assert read_board("# nothing\n\n| a | b |\n|---|---|\n| 1 | 2 |\n") == ()
    assert date_of_folder("records/x/no_date") is None
