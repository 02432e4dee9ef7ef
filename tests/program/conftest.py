"""Real scripts of the challenge, where a mirror of its repository is at hand (`AUDITOR_CORPUS=DIR`)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_scripts() -> dict[str, bytes]:
    """Every distinct `records/**/train*.py` of all refs: path and blob → bytes."""
    where = os.environ.get("AUDITOR_CORPUS", "")
    if not where:
        pytest.skip("AUDITOR_CORPUS names no mirror of the challenge's repository")
    git = ["git", "-C", str(Path(where))]
    listed = subprocess.run(
        [*git, "rev-list", "--objects", "--all", "--no-walk", "--", "records"],
        capture_output=True,
        check=True,
    ).stdout
    wanted: dict[str, str] = {}
    for line in listed.decode("utf-8", "replace").splitlines():
        blob, _, path = line.partition(" ")
        name = path.rpartition("/")[2]
        if name.endswith(".py") and "train" in name:
            wanted.setdefault(blob, path)
    scripts: dict[str, bytes] = {}
    request = "".join(f"{blob}\n" for blob in wanted).encode()
    output = subprocess.run(
        [*git, "cat-file", "--batch"], input=request, capture_output=True, check=True
    ).stdout
    position = 0
    for blob, path in wanted.items():
        end = output.index(b"\n", position)
        size = int(output[position:end].split()[2])
        scripts[f"{path}@{blob[:8]}"] = output[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return scripts
