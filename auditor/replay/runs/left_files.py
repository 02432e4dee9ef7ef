"""Reads, walks and removes what hostile code left in a folder: by descriptor, with bounds, never through a link.

A name may be a FIFO that would wait for ever, a link out of the folder, a sparse file of many gigabytes, or a tree
that is deeper than Python recurses.
"""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

MAX_ENTRIES: Final = 20_000
"""Files and folders looked at of what a run left in its folder."""

MAX_DEPTH: Final = 32
"""Folders within folders there."""

MAX_JSON_VALUES: Final = 8_000_000
"""Values in one JSON text; each takes some 60 bytes once it is read."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Refused(ValueError):
    """Something left behind is not what it must be; the message says what."""


def open_left(folder: Path, name: str, *, limit: int) -> io.BufferedReader:
    """Open a regular file below a folder for reading.

    Args:
        folder: ours; links in its own path are followed.
        name: relative path; no part of it may be a link.
        limit: of its size in bytes.

    Raises:
        Refused: it is no regular file or larger than the limit.
        OSError: it is not there, or a part of its path is a link.
    """
    *above, last = PurePosixPath(name).parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in above:
            inner = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        file = os.open(last, _FILE, dir_fd=at)
    finally:
        os.close(at)
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
        os.close(file)
        large = stat.S_ISREG(status.st_mode)
        raise Refused(f"{name} is larger than {limit:,} bytes" if large else f"{name} is no regular file")
    return open(file, "rb")


def read_left(folder: Path, name: str, *, limit: int) -> bytes:
    """The content of such a file; see `open_left`."""
    with open_left(folder, name, limit=limit) as file:
        return file.read(limit)


def json_left(content: bytes, *, values: int = MAX_JSON_VALUES) -> Any:
    """A JSON text read with a bound on how many values it holds.

    Raises:
        Refused: it holds more, nests too deeply, or is no JSON.
    """
    if content.count(b",") + content.count(b"[") + content.count(b"{") > values:
        raise Refused(f"more than {values:,} JSON values")
    try:
        return json.loads(content)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refused(f"no JSON: {type(error).__name__}: {str(error)[:200]}") from error


def walk_left(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files below a folder with their status, folders before what they hold.

    Raises:
        Refused: there are more than `MAX_ENTRIES` entries, or they lie deeper than `MAX_DEPTH`.
    """
    waiting, count = [""], 0
    while waiting:
        below = waiting.pop()
        if below.count("/") > MAX_DEPTH:
            raise Refused(f"folders are nested more than {MAX_DEPTH} deep")
        at = _open_folder(folder, below)
        try:
            with os.scandir(at) as entries:
                for entry in entries:
                    count += 1
                    if count > MAX_ENTRIES:
                        raise Refused(f"there are more than {MAX_ENTRIES:,} files")
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(f"{below}{entry.name}/")
                    elif stat.S_ISREG(status.st_mode):
                        yield f"{below}{entry.name}", status
        finally:
            os.close(at)


def _open_folder(folder: Path, below: str) -> int:
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in PurePosixPath(below).parts:
        try:
            inner = os.open(part, _FOLDER, dir_fd=at)
        finally:
            os.close(at)
        at = inner
    return at


def empty_folder(folder: Path, *, keep: Collection[str] = ()) -> None:
    """Remove all that lies in a folder, however deep; what lies deeper is first lifted up to it.

    Args:
        keep: names in it that stay.

    Raises:
        OSError: something cannot be removed.
    """
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lifted = 0
        while names := [name for name in os.listdir(at) if name not in keep]:
            for name in names:
                if not stat.S_ISDIR(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    os.unlink(name, dir_fd=at)
                    continue
                inner = _opened_up(name, at)
                try:
                    for below in os.listdir(inner):
                        if stat.S_ISDIR(os.stat(below, dir_fd=inner, follow_symlinks=False).st_mode):
                            os.close(_opened_up(below, inner))
                            lifted += 1
                            os.rename(below, _free_name(at, lifted), src_dir_fd=inner, dst_dir_fd=at)
                        else:
                            os.unlink(below, dir_fd=inner)
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=at)
    finally:
        os.close(at)


def _opened_up(name: str, at: int) -> int:
    """A folder opened, after it was made ours to list and change."""
    held = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        os.chmod(f"/proc/self/fd/{held}", 0o700)
        return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(held)


def _free_name(at: int, number: int) -> str:
    """A name that nothing in the folder has; rename would take an empty folder's place silently."""
    name = f".lifted-{number}"
    while True:
        try:
            os.stat(name, dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return name
        name += "-"
