"""What changed between runs: a line of JSON each time an answer is new, another, or gone.

The file is its own memory: its lines, read in order, give what was last said of each script, so that an interrupted
run, another cache or another file of rows loses and repeats nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from auditor.corpus.row import Row
from auditor.errors import InputError
from auditor.json_value import Json

TOLD: Final = ("head", "verdict", "record_verdict", "failed", "error")
"""What of a row makes it another answer."""


def append_changes(path: Path, rows: Sequence[Row], asked: Collection[int], *, when: str) -> int:
    """Append what is other than the file last said; give the number of lines.

    Args:
        asked: pull requests of this run; a script of one of them that has no row any more is told as gone.
        when: the time of this run, in ISO 8601.

    Raises:
        InputError: the file cannot be read or written, or is no feed.
    """
    known = _last_said(path)
    lines: list[dict[str, Json]] = []
    now: set[tuple[int, str]] = set()
    for row in rows:
        place = (row.pr, row.path)
        now.add(place)
        said = _said(row)
        before = known.get(place)
        if before is None or any(before[name] != said[name] for name in TOLD):
            lines.append(_line(when, place, before, said))
    for place, before in sorted(known.items()):
        if place[0] in asked and place not in now and before["verdict"] != "gone":
            lines.append(_line(when, place, before, {**before, "verdict": "gone", "reason": ""}))
    try:
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    return len(lines)


def _said(row: Row) -> dict[str, Json]:
    return {
        "head": row.head,
        "date": row.date,
        "verdict": row.verdict,
        "record_verdict": row.record_verdict,
        "failed": list(row.failed),
        "reason": row.reason,
        "error": row.error or None,
    }


def _line(
    when: str, place: tuple[int, str], before: dict[str, Json] | None, said: dict[str, Json]
) -> dict[str, Json]:
    was = None if before is None else before["verdict"]
    return {"when": when, "pr": place[0], "path": place[1], "before": was, **said}


def _last_said(path: Path) -> dict[tuple[int, str], dict[str, Json]]:
    """The last line of each script."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    known: dict[tuple[int, str], dict[str, Json]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            read = json.loads(line)
            known[int(read["pr"]), str(read["path"])] = {
                name: read[name] for name in (*TOLD, "date", "reason")
            }
        except (ValueError, KeyError, TypeError) as error:
            hint = "--feed goes on in a file that it made; name another"
            raise InputError(f"{path}:{number} is no line of a feed", hint=hint) from error
    return known
