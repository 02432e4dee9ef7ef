"""The shell scripts of `examples/`, run on a small repository; what they would install is this interpreter's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attacks.attack import ENTRY, ILLEGAL
from tests.submission.conftest import Repository

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit({"README.md": "x\n"})
    made.git("checkout", "-q", "-b", "pr")
    made.commit({f"{ENTRY}/train_gpt.py": ILLEGAL})
    made.git("update-ref", "refs/pull/7/head", "pr")
    return made


def venv(folder: Path) -> Path:
    """What stands where a virtual environment would: pip does nothing, the rest is this interpreter."""
    home = folder / "venv" / "bin"
    home.mkdir(parents=True)
    for name, body in (
        ("python", f'case "$*" in *"-m pip"*) exit 0 ;; esac\nexec {sys.executable} "$@"'),
        ("auditor", f'exec env PYTHONPATH={ROOT} {sys.executable} -P -m auditor "$@"'),
    ):
        (home / name).write_text(f"#!/bin/sh\n{body}\n")
        (home / name).chmod(0o755)
    return home.parent


def test_any_ci_gets_every_format_and_the_exit_code(repository: Repository, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", str(ROOT / "examples" / "audit.sh"), str(repository.path), "main", "pr", "out"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "VENV": str(venv(tmp_path)), "GITHUB_TOKEN": "secret"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    out = tmp_path / "out"
    assert "VIOLATION: train-before-score" in (out / "comment.md").read_text()
    assert json.loads((out / "audit.json").read_text())["verdict"] == "violation"
    assert json.loads((out / "audit.sarif").read_text())["version"] == "2.1.0"
    assert json.loads((out / "codequality.json").read_text())[0]["severity"] == "critical"


@pytest.mark.parametrize(
    ("files", "code", "verdict", "said"),
    [
        ({"docs/x.md": "x\n"}, 0, None, "There is no entry"),
        ({f"{ENTRY}/train_gpt.py": "def f(:\n"}, 1, "review", "a person's judgement"),
        ({f"{ENTRY}/train_gpt.py": b"\x00\xff"}, 1, "review", "No script could be judged"),
    ],
    ids=["empty", "broken", "binary"],
)
def test_a_fork_that_brings_nothing_or_what_cannot_be_read(
    files: dict[str, str | bytes],
    code: int,
    verdict: str | None,
    said: str,
    repository: Repository,
    tmp_path: Path,
) -> None:
    """The head comes from another repository, as a CI fetches it; what it lacks beside the script is to be mended."""
    fork = Repository(tmp_path / "fork")
    repository.git("clone", "-q", str(repository.path), str(fork.path))
    fork.git("checkout", "-q", "-b", "theirs", "origin/main")
    fork.commit(files)
    repository.git("fetch", "-q", str(fork.path), "theirs:refs/pull/8/head")
    done = subprocess.run(
        [
            "bash",
            str(ROOT / "examples" / "audit.sh"),
            str(repository.path),
            "main",
            "refs/pull/8/head",
            "out",
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "VENV": str(venv(tmp_path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["verdict"] == verdict
    assert said in (tmp_path / "out" / "comment.md").read_text()


def test_a_job_at_night_makes_the_queue_and_goes_on_from_it(repository: Repository, tmp_path: Path) -> None:
    venv(tmp_path / "kept")
    for expected in ("1 submissions of 1 pull requests: 1 violation", "1 submissions of 1 pull requests"):
        done = subprocess.run(
            ["bash", str(ROOT / "examples" / "queue.sh"), "kept", "site"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "REPOSITORY": f"file://{repository.path}",
                "JOBS": "1",
                "HOME": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stderr
    assert "#7" in (tmp_path / "site" / "index.html").read_text()
    assert len(list((tmp_path / "site" / "submissions").iterdir())) == 1
    (row,) = map(json.loads, (tmp_path / "site" / "rows.jsonl").read_text().splitlines())
    assert (row["pr"], row["verdict"]) == (7, "violation")
