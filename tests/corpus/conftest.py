"""The small repository with pull requests that corpus runs are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.submission.conftest import Repository

SPECIMENS = Path(__file__).parents[1] / "specimens"
TRACK = "records/track_10min_16mb"


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """main, and pull requests 1 (flat), 2 (the same folder), 3 (prequant_ttt), 4 (no script)."""
    path = tmp_path_factory.mktemp("store")
    git = Repository(path).git
    git("init", "--quiet", "--initial-branch=main")
    (path / "README.md").write_text("the challenge\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "start")
    folders = {1: ("A", "flat"), 2: ("A", "flat"), 3: ("B", "prequant_ttt"), 4: ("C", None)}
    for number, (name, specimen) in folders.items():
        git("checkout", "--quiet", "-b", f"pr{number}", "main")
        folder = path / TRACK / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text("an entry\n")
        if specimen is not None:
            (folder / "train_gpt.py").write_text((SPECIMENS / f"{specimen}.py").read_text())
        git("add", ".")
        git("commit", "--quiet", "-m", f"entry {number}", day=f"2026-0{3 + number // 3}-10")
        git("update-ref", f"refs/pull/{number}/head", "HEAD")
        git("checkout", "--quiet", "main")
    return path
