"""What a target holds: source files, record folders, and submissions (one script each).

First stage of the line: `load` makes these values from a script, a folder or a pull request, everything
after reads them. Nothing here parses Python, logs or JSON, and no file is read before it is asked for.
"""

from __future__ import annotations

import enum
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from auditor.errors import InputError
from auditor.submission.limits import MAX_FOLDER_TEXT_BYTES, MAX_NOTE_BYTES, MAX_TEXT_BYTES

TargetKind = Literal["script", "folder", "pull_request"]

NATIVE_SUFFIXES = (
    ".c",
    ".cc",
    ".cpp",
    ".cxx",
    ".cu",
    ".cuh",
    ".h",
    ".hpp",
    ".rs",
    ".so",
    ".pyx",
    ".ptx",
    ".cubin",
)
LOG_SUFFIXES = (".log", ".txt", ".out", ".tsv", ".jsonl")
RUN_SUFFIXES = (".sh", ".bash", ".slurm", ".sbatch")
RUN_NAMES = ("makefile", "dockerfile", "justfile", ".env")
NOT_LOGS = ("requirements", "license", "notice", "cmakelists", "vocab", "readme")


class Track(enum.Enum):
    """Where an entry competes; the folder path says it."""

    RECORD_10MIN_16MB = "track_10min_16mb"
    NON_RECORD = "track_non_record_16mb"
    UNKNOWN = "unknown"

    @property
    def is_record(self) -> bool:
        """Whether the 600 s limits and the significance rule apply."""
        return self is Track.RECORD_10MIN_16MB

    @classmethod
    def of_path(cls, path: str) -> Track:
        """Read the track from the components of a folder path; the innermost track folder counts."""
        for part in reversed(path.split("/")):
            for track in (cls.RECORD_10MIN_16MB, cls.NON_RECORD):
                if part == track.value:
                    return track
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the user named: a script, a folder, or a pull request with its commits (full ids).

    Attributes:
        path: as it was named.
        home: of a local target the folder, from the root of the file system; `path` may be "." and say nothing.
        date: of the head commit (ISO day), or "".
    """

    kind: TargetKind
    path: str
    home: str = ""
    ref: str | None = None
    head: str | None = None
    base: str | None = None
    date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a submission, read when asked.

    Attributes:
        path: posix, relative to the repository root (git) or to the target folder (local).
        size_bytes: of the content, a link's target counted; 0 where it cannot be known.
        problem: why it cannot be read (a link that leads outside, a submodule, too large, absent from the
            store), or None.
        blob: the git blob id, None for local files.
        link_target: the path inside the folder that a link leads to, None for a plain file.
    """

    path: str
    size_bytes: int
    problem: str | None = None
    blob: str | None = None
    link_target: str | None = None
    reader: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_bytes(cls, path: str, content: bytes) -> SourceFile:
        """Make a file that lives in memory only."""
        return cls(path=path, size_bytes=len(content), reader=lambda: content)

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def suffix(self) -> str:
        """The last extension in lower case with its dot, or ""."""
        return posixpath.splitext(self.path)[1].lower()

    def data(self) -> bytes:
        """Read the content.

        Raises:
            InputError: the file has a problem, or is a Git LFS or git-annex pointer instead of its content.
        """
        if self.problem is not None:
            raise InputError(f"cannot read {self.path}: {self.problem}")
        if self.reader is None:
            raise InputError(f"cannot read {self.path}: its content was not given")
        content = self.reader()
        pointer = pointer_kind(content)
        if pointer is not None:
            raise InputError(
                f"cannot read {self.path}: it is a {pointer} pointer, not the file",
                hint="commit the file itself; the content behind the pointer is not in the repository",
            )
        return content

    def text(self) -> str:
        """Read as UTF-8 with a byte-order mark dropped, `\\r\\n` as `\\n`, undecodable bytes replaced.

        UTF-16 with a byte-order mark (as PowerShell writes logs) is decoded too.

        Raises:
            InputError: as `text_bytes`.
        """
        return decode_text(self.text_bytes())

    def text_bytes(self) -> bytes:
        """As `data`, of a file that is read as text.

        Raises:
            InputError: as `data`, or it is larger than a text of its kind can be.
        """
        largest = MAX_NOTE_BYTES if self.is_note else MAX_TEXT_BYTES
        if self.size_bytes > largest:
            raise InputError(
                f"cannot read {self.path}: {self.size_bytes} bytes, more than the {largest} read of a text"
            )
        return self.data()

    @property
    def is_note(self) -> bool:
        """Whether it is what people write by hand: a README, a run script, a `submission.json`."""
        name = self.name.lower()
        by_name = name.startswith("readme") or name in ("submission.json", *RUN_NAMES)
        return by_name or self.suffix in RUN_SUFFIXES


class TextBudget:
    """Reads the texts of one folder, as many as `MAX_FOLDER_TEXT_BYTES` allows."""

    def __init__(self) -> None:
        self._left = MAX_FOLDER_TEXT_BYTES

    def text(self, file: SourceFile) -> str:
        """As `SourceFile.text`.

        Raises:
            InputError: as there, or the texts read before it leave too little.
        """
        if file.size_bytes > self._left:
            raise InputError(
                f"cannot read {file.path}: the folder has more than {MAX_FOLDER_TEXT_BYTES} bytes of text"
            )
        text = file.text()
        self._left -= file.size_bytes
        return text


def decode_text(content: bytes) -> str:
    """Decode as `SourceFile.text` does."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    else:
        text = content.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n")


def pointer_kind(content: bytes) -> str | None:
    """Name the large-file system whose pointer this content is, or None for real content."""
    if content.startswith(b"version https://git-lfs.github.com/spec/"):
        return "Git LFS"
    if len(content) < 1024 and (content.startswith(b"/annex/objects/") or b".git/annex/objects/" in content):
        return "git-annex"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One record folder: its files at any depth, none of them outside it.

    Attributes:
        path: posix relative to the repository root; "" for the root of the repository or a local target.
        files: sorted by path.
    """

    target: Target
    path: str
    files: tuple[SourceFile, ...]
    track: Track

    def relative(self, file: SourceFile) -> str:
        """The path of a file relative to this folder."""
        return file.path[len(self.path) + 1 :] if self.path else file.path

    def _top_level(self, name: str) -> SourceFile | None:
        for file in self.files:
            if self.relative(file).lower() == name:
                return file
        return None

    @property
    def readme(self) -> SourceFile | None:
        """The README of the folder itself, whatever its case and extension."""
        for name in ("readme.md", "readme", "readme.txt", "readme.rst"):
            if (found := self._top_level(name)) is not None:
                return found
        return None

    @property
    def submission_json(self) -> SourceFile | None:
        return self._top_level("submission.json")

    @property
    def python_files(self) -> tuple[SourceFile, ...]:
        return tuple(file for file in self.files if file.suffix == ".py")

    @property
    def native_files(self) -> tuple[SourceFile, ...]:
        """C, C++, CUDA, Rust sources and shared objects."""
        return tuple(file for file in self.files if file.suffix in NATIVE_SUFFIXES)

    @property
    def logs(self) -> tuple[SourceFile, ...]:
        """Text files that may be logs, at any depth; only reading them tells."""
        return tuple(
            file
            for file in self.files
            if file.suffix in LOG_SUFFIXES and not file.name.lower().startswith(NOT_LOGS)
        )

    @property
    def run_scripts(self) -> tuple[SourceFile, ...]:
        return tuple(
            file for file in self.files if file.suffix in RUN_SUFFIXES or file.name.lower() in RUN_NAMES
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One script to judge, with everything that travels with it.

    Attributes:
        folder: the record folder's path, None for a bare script.
        files: all files of the folder, the script among them.
        launchers: scripts of the folder that only run this one (a stub, a wrapper that sets the environment).
    """

    target: Target
    folder: str | None
    script: SourceFile
    files: tuple[SourceFile, ...]
    track: Track
    launchers: tuple[SourceFile, ...] = ()

    @property
    def contents(self) -> Folder:
        """The folder as a value of its own."""
        return Folder(target=self.target, path=self.folder or "", files=self.files, track=self.track)

    @property
    def entry_name(self) -> str:
        """The name of the folder, as the challenge asks for it (`2026-04-25_Name`), wherever it was found."""
        return posixpath.basename(self.folder or self.target.home)

    @property
    def date(self) -> str:
        """The date that the folder carries in its name, else that of the head commit (ISO day), else ""."""
        found = re.match(r"\d{4}-\d{2}-\d{2}", self.entry_name)
        return found.group() if found else self.target.date

    @property
    def siblings(self) -> tuple[SourceFile, ...]:
        """The other Python files of the folder."""
        return tuple(file for file in self.contents.python_files if file.path != self.script.path)

    @property
    def native_files(self) -> tuple[SourceFile, ...]:
        return self.contents.native_files

    @property
    def readme(self) -> SourceFile | None:
        return self.contents.readme

    @property
    def submission_json(self) -> SourceFile | None:
        return self.contents.submission_json

    @property
    def logs(self) -> tuple[SourceFile, ...]:
        return self.contents.logs

    @property
    def run_scripts(self) -> tuple[SourceFile, ...]:
        return self.contents.run_scripts

    def sibling(self, name: str) -> SourceFile | None:
        """Find a file of the folder by its path relative to the script's; None where there is none."""
        if name.startswith(("/", "~")) or "\\" in name or "\0" in name:
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.script.path), name))
        if path == ".." or path.startswith("../"):
            return None
        return next((file for file in self.files if file.path == path), None)

    def read_sibling(self, name: str) -> bytes | None:
        """Read a file by its path relative to the script's folder, links inside the folder followed.

        Returns None where there is no such file inside the folder.

        Raises:
            InputError: there is one, and it cannot be read.
        """
        file = self.sibling(name)
        if file is None:
            return None
        if file.problem is not None:
            raise InputError(f"{file.path}: {file.problem}")
        return file.data()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """An entry, or a script of one, that nobody can judge: it needs a person and is never clean.

    Attributes:
        path: of the file or folder, as `SourceFile.path`.
        folder: of the entry; None where there is none (a link or a submodule stands in its place).
        reason: a sentence without its subject's full stop, to be read after the path.
    """

    target: Target
    path: str
    folder: str | None
    track: Track
    reason: str
