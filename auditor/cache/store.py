"""A folder of answers by key: one SQLite file, safe for many readers and writers, bounded in bytes.

The least recently used answers go first. An answer that cannot be read is no answer; a file that is no database is
the user's to clear. Whoever may write to the folder may write verdicts there: it belongs to the user alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import AuditorError

NAME: Final = "answers.sqlite"

READING: Final = "read:"
"""What keys begin with under which a reading is kept, from which answers are made anew."""

MAX_BYTES: Final = 1 << 30
"""Bytes of answers that are kept unless another bound is given."""

KEPT_PART: Final = 0.9
"""What part of the bound is left after answers had to go, so that not every next one drives one out."""

SEEN_AGAIN_S: Final = 3600.0
"""An answer's time of use is written anew only if it is older than this: a reader rarely writes."""

BUSY_S: Final = 60.0
"""Seconds to wait for another writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a store holds: how many answers and readings, their bytes, and the oldest use in seconds since the epoch."""

    answers: int
    readings: int
    size_bytes: int
    oldest_use_s: float | None


class Store:
    """The answers of one folder.

    Raises:
        AuditorError: by any method, if the folder cannot be used.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._path = folder / NAME
        self._max_bytes = max_bytes
        with self._told():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._base = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            self._base.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, content BLOB, size INTEGER, used REAL)"
            )
            self._base.execute("CREATE INDEX IF NOT EXISTS by_use ON answers (used, size)")

    def get(self, key: str) -> bytes | None:
        """The answer under a key, or None."""
        with self._told():
            row = self._base.execute("SELECT content, used FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            content, used = row
            now = time.time()
            if now - used > SEEN_AGAIN_S:
                self._base.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
            return bytes(content)

    def put(self, key: str, content: bytes) -> None:
        """Keep an answer; the least recently used ones go where the bound is passed."""
        with self._told():
            self._base.execute("BEGIN IMMEDIATE")
            try:
                self._base.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                    (key, content, len(content), time.time()),
                )
                self._bound()
                self._base.execute("COMMIT")
            except BaseException:
                self._base.execute("ROLLBACK")
                raise

    def forget(self, key: str) -> None:
        """Drop one answer."""
        with self._told():
            self._base.execute("DELETE FROM answers WHERE key = ?", (key,))

    def content(self) -> Content:
        """What it holds."""
        with self._told():
            count, size, oldest = self._base.execute(
                "SELECT count(*), coalesce(sum(size), 0), min(used) FROM answers"
            ).fetchone()
            (readings,) = self._base.execute(
                "SELECT count(*) FROM answers WHERE substr(key, 1, ?) = ?", (len(READING), READING)
            ).fetchone()
            return Content(answers=count - readings, readings=readings, size_bytes=size, oldest_use_s=oldest)

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def _bound(self) -> None:
        (held,) = self._base.execute("SELECT coalesce(sum(size), 0) FROM answers").fetchone()
        if held <= self._max_bytes:
            return
        spare = held - int(self._max_bytes * KEPT_PART)
        for key, size in self._base.execute("SELECT key, size FROM answers ORDER BY used").fetchall():
            if spare <= 0:
                return
            self._base.execute("DELETE FROM answers WHERE key = ?", (key,))
            spare -= size

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise AuditorError(
                f"cannot keep answers in {self._path}: {error}",
                hint="`auditor cache clear DIR` starts it anew; without --cache nothing is kept",
            ) from error


def remove(folder: Path) -> bool:
    """Remove the answers of a folder, also where the file is no database; say whether there were any.

    Raises:
        AuditorError: the file cannot be removed.
    """
    there = (folder / NAME).exists()
    try:
        for end in ("", "-wal", "-shm"):
            (folder / f"{NAME}{end}").unlink(missing_ok=True)
    except OSError as error:
        raise AuditorError(f"cannot remove {folder / NAME}: {error.strerror}") from error
    return there
