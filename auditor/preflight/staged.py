"""The entries in what is staged: the index of a work tree as a commit of its own, which no branch names.

Two objects are written beside those of `git add` and are collected like any that nothing refers to; files of the work
tree are not read, so what is judged is what would be committed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from auditor.errors import InputError
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.loaded import LoadResult

GIT_TIMEOUT_S = 120
_AUTHOR = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (
        ("NAME", "auditor"),
        ("EMAIL", "auditor@localhost"),
        ("DATE", "2026-01-01T00:00:00Z"),
    )
}


def load_staged(folder: Path) -> LoadResult:
    """The changed entries of the index against the last commit.

    Raises:
        InputError: the folder is in no work tree, has no commit yet, or its index cannot be written as a tree.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    head = _git(folder, "rev-parse", "--verify", "HEAD^{commit}")
    tree = _git(folder, "write-tree")
    commit = _git(folder, "commit-tree", tree, "-p", head, "-m", "staged")
    with ObjectStore(top) as store:
        return load_ref(store, commit, base=head, require_script=False)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env={**os.environ, **_AUTHOR},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise InputError("--staged needs git, which is not there") from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise InputError(
            f"git {arguments[0]} in {folder}: {told}", hint="--staged works in a clone with a commit"
        )
    return done.stdout.decode("utf-8", "surrogateescape").strip()
