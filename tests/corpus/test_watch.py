"""A watched repository: what moved is judged anew, what did not is kept, and each change is told once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from auditor import cli
from auditor.commands import watch
from auditor.corpus.fetch import fetch_pulls
from auditor.errors import InputError
from tests.corpus.conftest import TRACK


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def origin(store: Path, tmp_path: Path) -> Path:
    """A repository of its own with the pull requests of `store`, to be moved."""
    path = tmp_path / "origin"
    subprocess.run(["git", "clone", "--quiet", "--mirror", str(store), str(path)], check=True)
    return path


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    path = tmp_path / "mirror"
    subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_only_what_moved_is_judged_again(
    origin: Path, mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    run = ["watch", "--git", str(mirror), "--fetch", "--remote", str(origin), "--site", str(site)]
    run += ["--rounds", "1", "--jobs", "1", "--quiet", "--cache", str(tmp_path / "answers")]
    assert cli.run(run) == 1, "pull request 3 fits the validation set"
    first = lines(site / "rows.jsonl")
    assert [json.loads(line)["pr"] for line in first] == [1, 2, 3, 4]
    assert "4 scripts, 4 changed answers" in capsys.readouterr().out
    assert "#3" in (site / "index.html").read_text()

    git(origin, "update-ref", "refs/pull/1/head", git(origin, "rev-parse", "refs/pull/3/head"))
    cli.run(run)
    assert "4 scripts, 2 changed answers" in capsys.readouterr().out
    assert lines(site / "rows.jsonl")[1:] == first[1:], "their seconds included: they were kept"
    told = [json.loads(line) for line in lines(site / "changes.jsonl")[4:]]
    assert [(t["pr"], t["path"], t["verdict"]) for t in told] == [
        (1, f"{TRACK}/B/train_gpt.py", "violation"),
        (1, f"{TRACK}/A/train_gpt.py", "gone"),
    ]

    cli.run(run)
    assert "4 scripts, 0 changed answers" in capsys.readouterr().out


def test_a_fetch_that_fails_is_told_and_tried_again(
    origin: Path,
    mirror: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch_pulls(str(mirror), str(origin), "main")
    slept: list[float] = []
    monkeypatch.setattr(watch, "sleep", slept.append)
    run = ["watch", "--git", str(mirror), "--fetch", "--remote", str(tmp_path / "away"), "--site"]
    run += [str(tmp_path / "site"), "--rounds", "2", "--every", "7", "--jobs", "1", "--quiet"]
    assert cli.run(run) == 2
    said = capsys.readouterr()
    assert said.out.count("4 scripts") == 1 and slept == [7.0]
    assert said.err.count("cannot fetch from") == 2 and said.err.count("fatal:") == 2


def test_heads_that_were_pushed_over_are_followed_and_no_hook_is_run(
    origin: Path, mirror: Path, tmp_path: Path
) -> None:
    hook = mirror / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    fetch_pulls(str(mirror), str(origin), "main")
    moved = git(origin, "rev-parse", "refs/pull/3/head")
    git(origin, "update-ref", "refs/pull/1/head", moved)
    fetch_pulls(str(mirror), str(origin), "main")
    assert git(mirror, "rev-parse", "refs/pull/1/head") == moved
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("remote", ["--upload-pack=touch ran", "ext::sh -c touch% ran"])
def test_an_address_runs_nothing(mirror: Path, tmp_path: Path, remote: str) -> None:
    with pytest.raises(InputError, match=r"needs an address|cannot fetch"):
        fetch_pulls(str(mirror), remote, "main")
    assert not (mirror / "ran").exists()
