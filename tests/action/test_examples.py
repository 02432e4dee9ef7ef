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
