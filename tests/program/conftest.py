"""Real scripts of the challenge, where a mirror of its repository is at hand (`AUDITOR_CORPUS=DIR`)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest


class _Objects:
    """Reads git objects by name through one `git cat-file --batch`."""

    def __init__(self, git_dir: str) -> None:
        self._process = subprocess.Popen(
            ["git", "-C", git_dir, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._trees: dict[str, list[tuple[str, str]]] = {}

    def read(self, name: str) -> tuple[str, bytes]:
        """Return (object id, content), or ("", b"") for what is not there."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(name.encode() + b"\n")
        self._process.stdin.flush()
        header = self._process.stdout.readline().split()
        if len(header) != 3:
            return "", b""
        content = self._process.stdout.read(int(header[2]))
        self._process.stdout.read(1)
        return header[0].decode(), content

    def scripts(self, tree: str) -> list[tuple[str, str]]:
        """Return (path, blob) of the training scripts below a tree."""
        if tree not in self._trees:
            self._trees[tree] = [
                (path, blob)
                for mode, name, oid in _entries(self.read(tree)[1])
                for path, blob in (
                    [(f"{name}/{path}", blob) for path, blob in self.scripts(oid)]
                    if mode == "40000"
                    else [(name, oid)]
                    if mode.startswith("100") and name.endswith(".py") and "train" in name
                    else []
                )
            ]
        return self._trees[tree]

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def _entries(tree: bytes) -> Iterator[tuple[str, str, str]]:
    position = 0
    while position < len(tree):
        end = tree.index(b"\0", position)
        mode, _, name = tree[position:end].partition(b" ")
        yield mode.decode(), name.decode("utf-8", "replace"), tree[end + 1 : end + 21].hex()
        position = end + 21


@pytest.fixture(scope="session")
def real_scripts() -> dict[str, bytes]:
    """Every distinct `records/**/*train*.py` of all refs: path@blob → bytes."""
    where = os.environ.get("AUDITOR_CORPUS", "")
    if not where:
        pytest.skip("AUDITOR_CORPUS names no mirror of the challenge's repository")
    refs = subprocess.run(
        ["git", "-C", where, "for-each-ref", "--format=%(objectname)"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split()
    objects = _Objects(where)
    try:
        wanted: dict[str, str] = {}
        for head in refs:
            tree, _ = objects.read(f"{head}:records")
            for path, blob in objects.scripts(tree) if tree else []:
                wanted.setdefault(blob, path)
        return {f"records/{path}@{blob[:8]}": objects.read(blob)[1] for blob, path in wanted.items()}
    finally:
        objects.close()
