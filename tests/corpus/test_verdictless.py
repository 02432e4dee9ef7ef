"""Rows without a verdict: what was not judged is for a person, and what this machine lacked is asked again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditor import cli
from auditor.commands.corpus import _exit
from auditor.corpus import task as tasks
from auditor.corpus.pulls import list_pulls
from auditor.corpus.ray_engine import audit_into_parcel
from auditor.corpus.row import Row
from auditor.errors import AuditorError
from tests.corpus.conftest import TRACK
from tests.submission.conftest import Repository


def row(verdict: str | None, *, nothing: bool = False, crashed: bool = False) -> Row:
    return Row(pr=1, head="", path="", verdict=verdict, nothing=nothing, crashed=crashed)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([row("compliant")], 0),
        ([row("compliant"), row(None, nothing=True)], 0),
        ([row("compliant"), row(None)], 3),
        ([row(None), row("violation")], 1),
        ([row(None, crashed=True)], 4),
        ([], 0),
    ],
)
def test_exit_code(rows: list[Row], code: int) -> None:
    assert _exit(rows) == code


def test_an_entry_that_is_a_link_is_no_clean_run(tmp_path: Path) -> None:
    git = Repository(tmp_path).git
    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "start")
    git("checkout", "--quiet", "-b", "pr")
    (tmp_path / TRACK).mkdir(parents=True)
    (tmp_path / TRACK / "2026-04-01_Entry").symlink_to("/etc")
    git("add", ".")
    git("commit", "--quiet", "-m", "entry")
    git("update-ref", "refs/pull/1/head", "HEAD")
    assert (
        cli.run(["corpus", "--git", str(tmp_path), "--all", "--jobs", "1", "--quiet", "-o", os.devnull]) == 3
    )


def test_what_this_machine_lacks_is_asked_again(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = list_pulls(str(store))[1]
    (task,) = tasks.tasks_of(
        [pull], git_dir=str(store), base="main", policy="rulings", overrides={}, cache=tmp_path
    )
    result = tasks._result

    def lacking(*_: object) -> object:
        raise AuditorError("no sandbox works on this machine")

    monkeypatch.setattr(tasks, "_result", lacking)
    parcel = audit_into_parcel(task)
    assert parcel.rows[0].verdict is None and not parcel.lasting, "no other machine's answer is kept either"
    (failed,) = tasks.audit_pull_request(task)
    assert failed.verdict is None and "no sandbox" in failed.error
    monkeypatch.setattr(tasks, "_result", result)
    (mended,) = tasks.audit_pull_request(task)
    assert mended.verdict is not None
