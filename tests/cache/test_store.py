"""Answers by key: kept, bounded, shared by processes, and never a reason to fail on what another left there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cache.store import NAME, Store, remove
from auditor.errors import AuditorError

ROOT = Path(__file__).parents[2]


def test_answers_are_found_again_by_another_reader(tmp_path: Path) -> None:
    Store(tmp_path / "new").put("a", b"one")
    again = Store(tmp_path / "new")
    assert again.get("a") == b"one" and again.get("b") is None
    again.put("a", b"two")
    assert again.get("a") == b"two"
    assert (again.content().answers, again.content().size_bytes) == (1, 3)
    again.forget("a")
    assert again.get("a") is None


def test_least_recently_used_answers_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("auditor.cache.store.time.time", lambda: clock[0])
    store = Store(tmp_path, max_bytes=100)
    for hour, key in enumerate("abc", start=1):
        clock[0] = hour * 7200.0
        store.put(key, b"x" * 30)
    clock[0] = 9 * 7200.0
    assert store.get("a") is not None
    store.put("d", b"x" * 30)
    assert [key for key in "abcd" if store.get(key) is not None] == ["a", "c", "d"]
    assert store.content().size_bytes <= 100


def test_an_answer_larger_than_the_bound_leaves_nothing_unbounded(tmp_path: Path) -> None:
    store = Store(tmp_path, max_bytes=100)
    store.put("a", b"x" * 1000)
    assert store.content().size_bytes <= 100


def test_many_writers(tmp_path: Path) -> None:
    text = (
        "import sys; from pathlib import Path; from auditor.cache.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(40): store.put(f'{sys.argv[2]}-{number}', sys.argv[2].encode() * 100)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", text, str(tmp_path), name], cwd=ROOT) for name in "abc"
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    store = Store(tmp_path)
    assert store.content().answers == 120
    assert all(store.get(f"{name}-{n}") == name.encode() * 100 for name in "abc" for n in range(40))


def test_a_file_that_is_no_database_is_told_and_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(AuditorError, match="cannot keep answers") as told:
        Store(tmp_path)
    assert "auditor cache clear" in told.value.hint
    assert remove(tmp_path) and not remove(tmp_path)
    assert Store(tmp_path).content().answers == 0
