"""A small git repository that has the shapes of real pull requests, written by us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

TRAINER = """import torch.nn.functional as F

def main():
    loss = F.cross_entropy(logits, targets)
    loss.backward()
    print(f"final val_loss:{loss} val_bpb:{loss}")

if __name__ == "__main__":
    main()
"""


@dataclass
class Repository:
    """A work tree with helpers to commit; dates are fixed so that ids are stable."""

    path: Path

    def git(self, *arguments: str, day: str = "2026-04-01") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "GIT_AUTHOR_DATE": f"{day}T00:00:00Z",
            "GIT_COMMITTER_DATE": f"{day}T00:00:00Z",
        }
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        for name, content in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture()
def repository(tmp_path: Path) -> Repository:
    """A repository with a root script and one record on main."""
    made = Repository(tmp_path / "repo")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit(
        {"train_gpt.py": TRAINER, "README.md": "board", "records/track_10min_16mb/old/train_gpt.py": TRAINER}
    )
    return made
