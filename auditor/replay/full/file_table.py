"""Bytes as they are: every file that the evaluation opens and that is not the system's, torch's or the data's.

Where it lies and what it is called do not matter. Code is what the submission brought and the run opened; an artifact
is what the run made before the evaluation began and opened in it. What the evaluation itself writes and reads is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from auditor.replay.full.read_backs import ReadBack
from auditor.replay.full.run_trace import RunTrace, key_of


class FileKind(Enum):
    """What a file is to the limit of bytes."""

    CODE = "code"
    ARTIFACT = "artifact"
    FOREIGN = "foreign"
    """Neither brought nor made by the run, nor the system's, torch's or the data's."""

    UNPACKED = "made before the data"
    """Read in evaluation and, by the kernel's clock, unchanged since before any of the data were opened: unpacked from
    the code, which is counted. A file of memory that is written through a map keeps its time, so that this is not
    certain."""

    EVALUATION = "made in evaluation"
    UNREAD = "not read in evaluation"
    CACHE = "compiler's cache"

    @property
    def counts(self) -> bool:
        return self in (FileKind.CODE, FileKind.ARTIFACT, FileKind.FOREIGN)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file of the table.

    Attributes:
        size: the most bytes that it held when it was opened, or was left with.
        seconds: of the first open that made it what it is.
    """

    path: str
    kind: FileKind
    size: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """All files of a run with what counts of them."""

    rows: tuple[FileRow, ...]

    def bytes_of(self, kind: FileKind) -> int:
        return sum(row.size for row in self.rows if row.kind is kind)

    @property
    def total(self) -> int:
        """Bytes that count against the limit."""
        return sum(row.size for row in self.rows if row.kind.counts)

    @property
    def artifacts(self) -> tuple[FileRow, ...]:
        return tuple(row for row in self.rows if row.kind is FileKind.ARTIFACT)


def file_table(trace: RunTrace, began: ReadBack | None) -> FileTable:
    """The table with the evaluation taken to begin at an open; None for a run that read nothing back."""
    rows: dict[tuple[int, int] | str, FileRow] = {}
    made: dict[tuple[int, int] | str, int] = {}
    data_s = trace.first_data_s()
    code = _code_opened(trace)
    for path in sorted(code):
        rows[path] = FileRow(path=path, kind=FileKind.CODE, size=trace.given[path], seconds=code[path])
    start = began.number if began is not None else None
    for file in trace.own_opens():
        key = key_of(file)
        if file.path in code and key not in made and not file.write:
            continue
        if file.write:
            made.setdefault(key, file.number)
        size = file.size or (trace.left.get(file.path, 0) if not file.write else 0)
        in_evaluation = start is not None and file.number >= start
        if key in made and trace.changed_before(key, data_s):
            kind = FileKind.UNPACKED if file.read and in_evaluation else FileKind.UNREAD
        elif file.read and in_evaluation and made.get(key, file.number) < (start or 0):
            kind = FileKind.ARTIFACT
        elif file.read and in_evaluation and key not in made:
            kind = FileKind.FOREIGN
        elif key in made and start is not None and made[key] >= start:
            kind = FileKind.EVALUATION
        elif key in made:
            kind = FileKind.UNREAD
        else:
            # Read in training alone: what it held is in the artifact or nowhere.
            continue
        known = rows.get(key)
        if kind is FileKind.FOREIGN and not size:
            continue
        if known is not None and (known.kind.counts or known.kind is FileKind.UNPACKED):
            # It may have grown since the evaluation first opened it.
            rows[key] = replace(known, size=max(known.size, size))
            continue
        rows[key] = FileRow(path=file.path, kind=kind, size=size, seconds=file.seconds)
    return FileTable(rows=(*_sized(trace, rows), *_caches(trace, start)))


def _sized(trace: RunTrace, rows: dict[tuple[int, int] | str, FileRow]) -> list[FileRow]:
    """Files in order; one that was written after it was last opened has the size it was left with."""
    found = []
    for row in rows.values():
        left = 0 if row.kind is FileKind.CODE else trace.left.get(row.path, 0)
        size = max(row.size, left)
        found.append(replace(row, size=size))
    return sorted(found, key=lambda row: (not row.kind.counts, -row.size, row.path))


def _code_opened(trace: RunTrace) -> dict[str, float]:
    """Files that the submission brought and the run opened to read, with when it first did."""
    found: dict[str, float] = {}
    for file in trace.seen.files:
        if file.path in trace.given and file.read and not file.refused:
            found.setdefault(file.path, file.seconds)
    return found


def _caches(trace: RunTrace, start: int | None) -> list[FileRow]:
    """One row for all that compilers left before the evaluation and it read."""
    written: dict[tuple[int, int] | str, int] = {}
    read: dict[tuple[int, int] | str, int] = {}
    seconds = 0.0
    for file in trace.seen.files:
        if start is None or file.refused or not file.path.startswith(trace.places.caches):
            continue
        key = key_of(file)
        if file.write:
            written[key] = file.number
        if file.read and file.number >= start and written.get(key, 0) < start:
            read[key] = max(read.get(key, 0), file.size)
            seconds = seconds or file.seconds
    if not read:
        return []
    return [FileRow(path=trace.places.caches, kind=FileKind.CACHE, size=sum(read.values()), seconds=seconds)]
