"""The objects of some refs as one message, for machines that do not have the repository.

A line of JSON names the refs and their commits, a git pack with all that they reach follows. Objects that the
repository itself lacks (a partial clone) are left out, and are as absent there as they are here.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from auditor.errors import InputError
from auditor.submission.git_process import run_git

READY: Final = "ready"
TIMEOUT_S: Final = 1800


def pack_objects(git_dir: str, commits: Mapping[str, str], *, base: str) -> bytes:
    """The message of refs with their commits, and of the branch that they are against.

    Raises:
        InputError: git knows no such branch, or fails.
    """
    full = _git("-C", git_dir, "rev-parse", "--symbolic-full-name", base).decode().strip()
    commit = _git("-C", git_dir, "rev-parse", "--verify", f"{base}^{{commit}}").decode().strip()
    named = {**commits, full or base: commit}
    asked = ["pack-objects", "--revs", "--missing=allow-any", "--stdout", "--quiet"]
    tips = "\n".join(sorted(set(named.values()))) + "\n"
    return json.dumps(named).encode() + b"\n" + _git("-C", git_dir, *asked, given=tips.encode())


def unpack_objects(content: bytes, digest: str) -> str:
    """A bare repository of a message on this machine, made once however many processes ask; its path.

    Args:
        digest: of the content; the same one is the same folder.

    Raises:
        InputError: git cannot read the pack, or the folder is not this user's.
    """
    folder = _folder(digest)
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise InputError(f"{folder} belongs to another user")
    store = folder / "objects.git"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / READY).exists():
            head, _, pack = content.partition(b"\n")
            _git("init", "--quiet", "--bare", str(store))
            _git("-C", str(store), "index-pack", "--stdin", given=pack)
            lines = [f"{commit} {ref}\n" for ref, commit in sorted(json.loads(head).items()) if "/" in ref]
            (store / "packed-refs").write_text("".join(lines), encoding="utf-8")
            (folder / READY).touch()
    return str(store)


def drop_objects(digest: str) -> None:
    """Remove from this machine what `unpack_objects` made, if it is there."""
    shutil.rmtree(_folder(digest), ignore_errors=True)


def _folder(digest: str) -> Path:
    return Path(tempfile.gettempdir()) / f"auditor-objects-{os.getuid()}-{digest[:32]}"


def _git(*arguments: str, given: bytes = b"") -> bytes:
    """What a git command prints.

    Raises:
        InputError: it fails.
    """
    told = f"git {arguments[2] if arguments[0] == '-C' else arguments[0]}"
    done = run_git(arguments, told=told, timeout_s=TIMEOUT_S, given=given)
    if done.returncode != 0:
        raise InputError(f"{told} fails: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout
