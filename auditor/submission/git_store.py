"""Read a git object store, bare or not, without a checkout.

Commits, trees and blobs come from plumbing commands that run nothing of the repository: no hooks, no
fsmonitor, no textconv, no network (a partial clone is never completed), no configuration of the user or
the system. The base point of a pull request is found here. What a folder's files mean is not decided here.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from auditor.errors import InputError
from auditor.submission.git_process import GIT, environment, run_git
from auditor.submission.limits import GIT_TIMEOUT_S, MAX_FILE_BYTES

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The id of the tree with no entries (SHA-1 repositories)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One entry of a recursive tree listing; `mode` is git's octal text, such as "100644" or "120000"."""

    path: str
    mode: str
    oid: str

    @property
    def is_link(self) -> bool:
        return self.mode == "120000"

    @property
    def is_submodule(self) -> bool:
        return self.mode == "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedPath:
    """One path that differs between base and head; `status` is A (added), M (modified), D (deleted) or T."""

    path: str
    status: str


def _decode_path(raw: bytes) -> str:
    """The path as text.

    Raises:
        InputError: it is not UTF-8; such a file could be neither named nor asked for again, so it would go unjudged.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = raw.decode("utf-8", errors="backslashreplace")
        raise InputError(f"a path is not UTF-8 text: {shown}", hint="rename it") from error


def _argument(text: str) -> bytes:
    """A command-line argument as UTF-8 whatever the locale says; bytes that the user typed stay as they are."""
    return text.encode("utf-8", errors="surrogateescape")


class _Batch:
    """One long-lived `git cat-file` process that answers object names one by one."""

    def __init__(self, command: list[bytes]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        self.pid = os.getpid()
        self._close = weakref.finalize(self, _stop, self._process)

    def ask(self, name: str, *, with_content: bool) -> tuple[str, str, bytes] | tuple[str, str, int] | None:
        """Answer (id, type, content or size), or None where the store has no such object."""
        stdin, stdout = _pipes(self._process)
        stdin.write(_argument(name) + b"\n")
        stdin.flush()
        words = stdout.readline().split()
        if len(words) != 3 or not words[2].isdigit():
            return None
        oid, kind, size_bytes = words[0].decode(), words[1].decode(), int(words[2])
        if not with_content:
            return oid, kind, size_bytes
        content = stdout.read(size_bytes)
        stdout.read(1)
        return oid, kind, content

    def close(self) -> None:
        self._close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout


def _stop(process: subprocess.Popen[bytes]) -> None:
    stdin, stdout = _pipes(process)
    with contextlib.suppress(BrokenPipeError):
        stdin.close()
    process.wait()
    stdout.close()


class ObjectStore:
    """A git directory, opened for reading only.

    Safe to use after a fork and from several threads. `close` or garbage collection ends its processes.

    Raises:
        InputError: the path is no git directory, or git is not installed.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._git_dir = _find_git_dir(path)
        self._which = b"--git-dir=" + os.fsencode(self._git_dir)
        self._lock = threading.Lock()
        self._batches: dict[str, _Batch] = {}
        self._git("rev-parse", "--git-dir")

    def __enter__(self) -> ObjectStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the helper processes; a later read starts them again."""
        with self._lock:
            for batch in self._batches.values():
                batch.close()
            self._batches.clear()

    def _git(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> tuple[int, bytes]:
        done = run_git(
            [self._which, *map(_argument, arguments)],
            told=f"git {arguments[0]} in {self.path}",
            timeout_s=GIT_TIMEOUT_S,
        )
        if done.returncode not in accept:
            reason = done.stderr.decode("utf-8", errors="replace").strip().splitlines()
            raise InputError(
                f"git {arguments[0]} failed in {self.path}: {reason[-1] if reason else done.returncode}",
                hint="give the directory of a git repository, bare or not",
            )
        return done.returncode, done.stdout

    def _ask(self, name: str, *, with_content: bool) -> tuple[str, str, bytes] | tuple[str, str, int] | None:
        if "\n" in name or name.startswith("-"):
            return None
        mode = "--batch" if with_content else "--batch-check"
        with self._lock:
            batch = self._batches.get(mode)
            if batch is None or batch.pid != os.getpid():
                batch = self._batches[mode] = _Batch([*GIT, self._which, b"cat-file", mode.encode()])
            return batch.ask(name, with_content=with_content)

    def resolve(self, ref: str) -> str | None:
        """The full id of the commit that a ref or revision names, None where there is none."""
        answer = self._ask(f"{ref}^{{commit}}", with_content=False)
        return answer[0] if answer is not None and answer[1] == "commit" else None

    def commit(self, ref: str) -> str:
        """As `resolve`.

        Raises:
            InputError: the ref names no commit of this store.
        """
        oid = self.resolve(ref) if ref else None
        if oid is None:
            raise InputError(
                f"{self.path} has no commit named {ref!r}",
                hint="fetch it first, e.g. git fetch origin refs/pull/N/head:refs/pull/N/head",
            )
        return oid

    def date(self, commit: str) -> str:
        """The day of a commit (ISO, by its committer's clock), or "" where it says none."""
        code, out = self._git("show", "--no-patch", "--format=%cs", commit, accept=(0, 128))
        day = out.decode("ascii", "replace").strip()
        return day if code == 0 and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day) else ""

    def size_bytes(self, oid: str) -> int | None:
        """The size of a blob, None where the store lacks it (a partial clone)."""
        answer = self._ask(oid, with_content=False)
        return answer[2] if answer is not None and isinstance(answer[2], int) else None

    def blob(self, oid: str) -> bytes:
        """The content of a blob.

        Raises:
            InputError: the blob is absent or larger than MAX_FILE_BYTES.
        """
        size_bytes = self.size_bytes(oid)
        if size_bytes is None:
            raise InputError(
                f"blob {oid} is not in {self.path}", hint="the clone is partial; fetch its blobs"
            )
        if size_bytes > MAX_FILE_BYTES:
            raise InputError(f"blob {oid} has {size_bytes} bytes, more than the {MAX_FILE_BYTES} read")
        answer = self._ask(oid, with_content=True)
        if answer is None or not isinstance(answer[2], bytes):
            raise InputError(f"blob {oid} is not in {self.path}")
        return answer[2]

    @property
    def is_shallow(self) -> bool:
        """Whether history was cut off, so that what a pull request changed cannot be known."""
        return self._git("rev-parse", "--is-shallow-repository")[1].strip() == b"true"

    def tree(self, commit: str, path: str = "") -> tuple[TreeEntry, ...]:
        """List the files below `path` at a commit, recursively; links and submodules are entries."""
        arguments = ["ls-tree", "-r", "-z", "--full-tree", commit]
        _, listing = self._git(*arguments, *(["--", f"{path}/"] if path else []))
        # git answers with the entry itself where the path is a submodule
        return tuple(entry for entry in _entries(listing) if entry.path != path)

    def root_entries(self, commit: str) -> tuple[TreeEntry, ...]:
        """The files that stand in the root directory itself."""
        _, listing = self._git("ls-tree", "-z", "--full-tree", commit)
        return tuple(entry for entry in _entries(listing) if entry.mode.startswith("1"))

    def changed_paths(self, base: str, head: str) -> tuple[ChangedPath, ...]:
        """Name what differs between two commits (or trees), renames as a deletion and an addition."""
        _, listing = self._git(
            "diff-tree",
            "-r",
            "-z",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            "--name-status",
            base,
            head,
        )
        fields = listing.split(b"\0")
        pairs = zip(fields[0::2], fields[1::2], strict=False)
        return tuple(ChangedPath(path=_decode_path(path), status=status.decode()) for status, path in pairs)

    def merge_base(self, left: str, right: str) -> str | None:
        """The best common ancestor, None for unrelated histories."""
        code, out = self._git("merge-base", left, right, accept=(0, 1))
        return out.decode().split()[0] if code == 0 else None

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is reachable from `commit`."""
        code, _ = self._git("merge-base", "--is-ancestor", ancestor, commit, accept=(0, 1))
        return code == 0

    def first_parents(self, commit: str) -> tuple[str, ...]:
        """The first-parent line of a commit, newest first."""
        _, out = self._git("rev-list", "--first-parent", commit)
        return tuple(out.decode().split())

    def base_point(self, base: str, head: str) -> str | None:
        """Where a pull request starts from: the commit its changes are counted against.

        It is the merge-base; for a head that the base branch already contains, the merge-base of the head and
        the first parent of the first commit on the base's first-parent line that contains the head. None
        where the histories share no commit, and for a root commit.
        """
        common = self.merge_base(base, head)
        if common != head:
            return common
        line = self.first_parents(base)
        low, high = 0, len(line) - 1  # line[low] contains the head; containment is monotone along the line
        while low < high:
            middle = (low + high + 1) // 2
            if self.contains(line[middle], head):
                low = middle
            else:
                high = middle - 1
        if low + 1 == len(line):
            return None
        return self.merge_base(line[low + 1], head)


def _entries(listing: bytes) -> tuple[TreeEntry, ...]:
    entries = []
    for record in listing.split(b"\0"):
        if record:
            meta, raw_path = record.split(b"\t", 1)
            mode, _, oid = meta.decode("ascii").split()
            entries.append(TreeEntry(path=_decode_path(raw_path), mode=mode, oid=oid))
    return tuple(entries)


def _find_git_dir(path: str) -> str:
    """Find the git directory of a bare repository, or of the work tree that a directory lies in.

    An explicit --git-dir also spares the ownership check that discovery makes, so a store owned by another
    user can be read.

    Raises:
        InputError: there is none, or the directory is a bare repository that a work tree around it tracks: a pull
            request that brings its own repository along must not answer for itself.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"no directory at {path}", hint="--git takes the directory of a git repository")
    own = _git_dir_of(root)
    if own is not None:
        return own
    around = next((place for place in root.resolve().parents if _git_dir_of(place) is not None), None)
    if (root / "objects").is_dir() and (root / "HEAD").is_file():
        if around is not None and _tracks(around, root.resolve()):
            raise InputError(
                f"{path} is a repository that the repository of {around} tracks as files",
                hint=f"--git {around} for the repository around it",
            )
        return str(root)
    found = _git_dir_of(around) if around is not None else None
    if found is None:
        raise InputError(f"{path} is not a git repository", hint="--git takes a work tree or a bare clone")
    return found


def _git_dir_of(place: Path) -> str | None:
    """The git directory of a work tree with its root here, linked work trees included."""
    inner = place / ".git"
    if inner.is_dir():
        return str(inner)
    if inner.is_file():
        words = inner.read_text(encoding="utf-8", errors="replace")[:4096].strip()
        if words.startswith("gitdir: "):
            return str((place / words.removeprefix("gitdir: ")).resolve())
    return None


def _tracks(work_tree: Path, folder: Path) -> bool:
    """Whether the checked-out commit of a work tree has files in a folder of it."""
    with ObjectStore(str(work_tree)) as store:
        head = store.resolve("HEAD")
        return head is not None and bool(store.tree(head, folder.relative_to(work_tree).as_posix()))
