"""A corpus run on a real cluster of two machines in one, with what can be lost on the way."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from auditor.corpus import ray_engine
from auditor.corpus.pulls import list_pulls
from auditor.corpus.ray_engine import run_on_ray
from auditor.corpus.row import Row
from auditor.corpus.run import local_engine, run_corpus
from auditor.corpus.task import Task, tasks_of
from auditor.errors import AuditorError
from auditor.report.html import corpus_page
from tests.corpus.ray_works import answer_or_not

MEMORY = 3 << 30


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "memory": MEMORY, "include_dashboard": False, "object_store_memory": 1 << 27}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1, memory=MEMORY, object_store_memory=1 << 27)
    ray.init(address=made.address, log_to_driver=False, logging_level=logging.ERROR)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def tasks(store: Path, tmp_path: Path) -> list[Task]:
    return tasks_of(
        list(list_pulls(str(store)).values()),
        git_dir=str(store),
        base="main",
        policy="rulings",
        overrides={},
        cache=tmp_path / "cache",
    )


def engine(told: list[str], **settings: Any) -> Any:
    return partial(run_on_ray, address=None, jobs=None, tell=told.append, **{"timeout_s": 120.0, **settings})


def without_seconds(rows: list[Row]) -> list[Row]:
    return [replace(row, seconds=0.0) for row in rows]


def test_rows_and_reports_are_those_of_this_machine(cluster: Any, tasks: list[Task], tmp_path: Path) -> None:
    shown: list[tuple[list[Row], dict[str, int]]] = []
    told: list[str] = []
    for name, run in (("ray", engine(told)), ("local", local_engine(jobs=1, timeout_s=120.0))):
        pages = tmp_path / name
        pages.mkdir()
        asked = [
            replace(task, pages=str(pages), page_of=corpus_page, cache=str(tmp_path / f"cache-{name}"))
            for task in tasks
        ]
        rows = run_corpus(asked, run)
        shown.append((without_seconds(rows), {path.name: path.stat().st_size for path in pages.iterdir()}))
    assert shown[0][0] == shown[1][0] and [row.pr for row in shown[0][0]] == [1, 2, 3, 4]
    assert shown[0][1].keys() == shown[1][1].keys() and len(shown[0][1]) == 3
    assert not told


def test_what_is_lost_on_the_way(cluster: Any, tasks: list[Task], tmp_path: Path) -> None:
    """A poisoned task costs its own row; a place that is killed with its machine is made again elsewhere."""
    extra = cluster.add_node(num_cpus=1, memory=MEMORY, object_store_memory=1 << 27)
    marker = tmp_path / "marker"
    numbered = [
        replace(tasks[0], pr=number, overrides={"N": str(number)}, policy=str(marker))
        for number in range(1, 8)
    ]
    machines = {
        node.all_processes["raylet"][0].process.pid: node
        for node in (extra, *cluster.worker_nodes, cluster.head_node)
    }
    killed: list[str] = []

    def kill() -> None:
        while not marker.exists():
            time.sleep(0.05)
        actor = int(marker.read_text())
        raylet = int(Path(f"/proc/{actor}/stat").read_text().rsplit(")", 1)[1].split()[1])
        node = machines[raylet]
        if node is cluster.head_node:
            os.kill(actor, signal.SIGKILL)
        else:
            cluster.remove_node(node, allow_graceful=False)
        killed.append(str(node))

    watcher = threading.Thread(target=kill, daemon=True)
    watcher.start()
    told: list[str] = []
    rows = {row.pr: row for row in run_corpus(numbered, engine(told, timeout_s=15.0, work=answer_or_not))}
    watcher.join(timeout=60)
    assert killed
    assert [number for number, row in rows.items() if row.verdict == "compliant"] == [1, 5, 6, 7]
    assert rows[2].error.startswith("ValueError: a bad item")
    assert rows[3].error == "its process ended with exit code -9"
    assert rows[4].error == "took more than 15 s and was ended"
    assert any("#5: its machine was lost" in sentence for sentence in told)


def test_what_was_answered_is_not_asked_again(cluster: Any, tasks: list[Task]) -> None:
    first = run_corpus(tasks, engine([]))
    assert run_corpus(tasks, engine([], work=None)) == first


def test_a_machine_with_another_program_gets_no_work(
    cluster: Any, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "version", lambda: "another")
    told: list[str] = []
    with pytest.raises(AuditorError, match="no machine of the cluster takes work"):
        run_corpus(tasks, engine(told))
    assert told and all("runs another version" in sentence for sentence in told)
