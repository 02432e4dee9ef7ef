"""One item can fail, hang or kill its process; the others are not lost."""

from __future__ import annotations

import time

import pytest

from auditor.corpus import pool
from auditor.corpus.pool import run_pool
from tests.corpus.works import process_id, work


def test_every_item_is_answered_whatever_happens_to_some() -> None:
    items = ["a", "raise", "die", "b", "exit", "c", "hang", "d"]
    started = time.monotonic()
    done = {d.item: d for d in run_pool(work, items, jobs=2, timeout_s=6.0)}
    assert set(done) == set(items)
    assert {item: done[item].value for item in "abcd"} == {"a": "A", "b": "B", "c": "C", "d": "D"}
    assert done["raise"].error == "ValueError: a bad item (works.py:13)"
    assert done["die"].error == "its process ended with exit code -9"
    assert done["exit"].error == "its process ended with exit code 7"
    assert done["hang"].error == "took more than 6 s and was ended"
    assert all(done[item].value is None for item in ("raise", "die", "exit", "hang"))
    assert time.monotonic() - started < 50


def test_worker_is_replaced_after_its_share_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ITEMS_PER_WORKER", 2)
    ids = [d.value for d in run_pool(process_id, range(4), jobs=1, timeout_s=60)]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_no_items_no_answers() -> None:
    assert list(run_pool(work, [], jobs=2, timeout_s=1)) == []
