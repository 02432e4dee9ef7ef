"""The date of an entry: of its folder's name wherever that lies, else of the head commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from auditor.submission.load import load_submissions

SCRIPT = "print('val_bpb: 1.2')\n"


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    made = tmp_path / "records" / "track_10min_16mb" / "2026-04-07_Entry"
    made.mkdir(parents=True)
    (made / "train_gpt.py").write_text(SCRIPT)
    return made


def date_of(path: str, **settings: str) -> str:
    (submission,) = load_submissions(path, **settings).submissions  # type: ignore[arg-type]
    return submission.date


def test_local_folder_and_script(entry: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert date_of(str(entry)) == "2026-04-07"
    assert date_of(str(entry / "train_gpt.py")) == "2026-04-07"
    monkeypatch.chdir(entry)
    assert date_of(".") == "2026-04-07" and date_of("train_gpt.py") == "2026-04-07"
    (tmp_path / "alone.py").write_text(SCRIPT)
    assert date_of(str(tmp_path / "alone.py")) == ""


@pytest.mark.parametrize(
    ("folder", "date"), [("2026-04-07_Entry", "2026-04-07"), ("Undated", "2026-05-09"), ("", "2026-05-09")]
)
def test_pull_request(folder: str, date: str, tmp_path: Path) -> None:
    day = {"GIT_COMMITTER_DATE": "2026-05-09T12:00:00Z", "GIT_AUTHOR_DATE": "2026-05-08T12:00:00Z"}
    who = {
        f"GIT_{role}_{what}": "a@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        **day,
        **who,
    }

    def git(*arguments: str) -> None:
        command = ["git", "-C", str(tmp_path), *arguments]
        subprocess.run(command, check=True, env=environment, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "start")
    git("checkout", "--quiet", "-b", "entry")
    home = tmp_path / "records" / "track_10min_16mb" / folder if folder else tmp_path
    home.mkdir(parents=True, exist_ok=True)
    (home / "train_gpt.py").write_text(SCRIPT)
    git("add", ".")
    git("commit", "--quiet", "-m", "entry")
    found = load_submissions(git_dir=str(tmp_path), ref="entry").submissions
    assert [submission.date for submission in found] == [date]
