"""What another machine gets of a repository: the same commits, trees and files, and no more than is there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from auditor.corpus import object_pack
from auditor.corpus.object_pack import pack_objects, unpack_objects
from auditor.corpus.pulls import list_pulls
from auditor.errors import InputError
from tests.corpus.conftest import TRACK


def git(folder: str | Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_pack.tempfile, "gettempdir", lambda: str(tmp_path))


def test_refs_and_files_are_the_same(store: Path, elsewhere: None) -> None:
    pulls = list_pulls(str(store))
    message = pack_objects(str(store), {pull.ref: pull.head for pull in pulls.values()}, base="main")
    made = unpack_objects(message, "d" * 64)
    assert list_pulls(made) == pulls
    for ref in ("main", "refs/pull/3/head"):
        assert git(made, "ls-tree", "-r", ref) == git(store, "ls-tree", "-r", ref)
    path = f"refs/pull/3/head:{TRACK}/B/train_gpt.py"
    assert git(made, "show", path) == git(store, "show", path)
    assert unpack_objects(b"not read: it is there already", "d" * 64) == made


def test_what_a_partial_clone_lacks_is_absent_there_too(store: Path, tmp_path: Path, elsewhere: None) -> None:
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", "--mirror", str(store), str(copy))
    head = list_pulls(str(copy))[3].head
    blob = git(copy, "rev-parse", f"{head}:{TRACK}/B/train_gpt.py").strip()
    for pack in copy.glob("objects/pack/*.pack"):
        moved = tmp_path / pack.name
        pack.rename(moved)
        pack.with_suffix(".idx").unlink()
        subprocess.run(["git", "-C", str(copy), "unpack-objects", "-q"], stdin=moved.open("rb"), check=True)
    (copy / "objects" / blob[:2] / blob[2:]).unlink()
    made = unpack_objects(pack_objects(str(copy), {"refs/pull/3/head": head}, base="main"), "e" * 64)
    assert blob in git(made, "ls-tree", "-r", "refs/pull/3/head")
    with pytest.raises(subprocess.CalledProcessError):
        git(made, "cat-file", "-e", blob)
    readme = f"refs/pull/3/head:{TRACK}/B/README.md"
    assert git(made, "show", readme) == git(store, "show", readme)


def test_unknown_branch_and_spoilt_pack_are_told(store: Path, elsewhere: None) -> None:
    with pytest.raises(InputError, match="git rev-parse fails"):
        pack_objects(str(store), {}, base="nowhere")
    with pytest.raises(InputError, match="git index-pack fails"):
        unpack_objects(b'{"refs/heads/main": "' + b"0" * 40 + b'"}\nno pack', "f" * 64)
