"""The feed tells each change once, whatever became of the run before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from auditor import cli
from auditor.corpus.feed import append_changes
from auditor.corpus.row import Row
from auditor.errors import InputError

FIRST = Row(pr=1, head="a", path="x.py", verdict="compliant", date="2026-04-01", reason="", seconds=1.0)
SECOND = Row(pr=2, head="b", path="y.py", verdict="review", reason="bytes", key="k")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_new_changed_and_gone_are_told_once(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"

    def run(*rows: Row, day: int) -> int:
        return append_changes(feed, rows, {1, 2}, when=f"2026-05-0{day}T00:00:00+00:00")

    assert run(FIRST, SECOND, day=1) == 2
    assert run(FIRST, replace(SECOND, seconds=9.0, key="other", reason="told otherwise"), day=2) == 0
    assert run(replace(FIRST, head="c", verdict="violation", failed=("time-limit",)), SECOND, day=3) == 1
    assert run(SECOND, day=4) == 1
    assert run(SECOND, day=5) == 0
    assert run(FIRST, SECOND, day=6) == 1
    told = [(line["when"][:10], line["pr"], line["before"], line["verdict"]) for line in lines(feed)]  # type: ignore[index]
    assert told == [
        ("2026-05-01", 1, None, "compliant"),
        ("2026-05-01", 2, None, "review"),
        ("2026-05-03", 1, "compliant", "violation"),
        ("2026-05-04", 1, "violation", "gone"),
        ("2026-05-06", 1, "gone", "compliant"),
    ]
    assert lines(feed)[2]["failed"] == ["time-limit"] and lines(feed)[2]["head"] == "c"


def test_a_run_of_some_pull_requests_says_nothing_of_the_others(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    append_changes(feed, [FIRST, SECOND], {1, 2}, when="1")
    assert append_changes(feed, [FIRST], {1}, when="2") == 0


def test_a_file_that_is_no_feed_is_told(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"pr": 1}\n')
    with pytest.raises(InputError, match=r"feed\.jsonl:1 is no line of a feed"):
        append_changes(feed, [], (), when="1")


def test_the_command_appends(store: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    run = [
        "corpus",
        "--git",
        str(store),
        "--pr",
        "1,4",
        "--jobs",
        "1",
        "--quiet",
        "--cache",
        str(tmp_path / "c"),
    ]
    for _ in range(2):
        cli.run([*run, "-o", str(tmp_path / "rows.jsonl"), "--feed", str(feed)])
    assert [(line["pr"], line["before"]) for line in lines(feed)] == [(1, None), (4, None)]
    assert "holds no script" in str(lines(feed)[1]["error"])
