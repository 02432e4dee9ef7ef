"""The output of a corpus run as it grows: a row is in the file as soon as it is known, in order at the end.

A run that is killed leaves the rows it had, in the order of completion; another may go on from there. The last
line of such a file may be cut off and is then dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.corpus.row import Row, from_json, to_json
from auditor.errors import InputError


class Journal:
    """A file of rows.

    Raises:
        InputError: by any method, if the file cannot be read or written.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def finished(self, keys: Mapping[int, str]) -> list[Row]:
        """The rows in the file that were made from the same commits, settings and program, failures left out.

        Args:
            keys: of each pull request of this run (`Task.key`).
        """
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read {self._path}: {error}") from error
        rows: list[Row] = []
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(from_json(line))
            except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
                if number == len(lines):
                    break
                hint = "--resume goes on from a file that `auditor corpus -o` wrote"
                raise InputError(f"{self._path}:{number} is no row of a corpus run", hint=hint) from error
        again = {row.pr for row in rows if row.crashed or row.verdict is None}
        return [row for row in rows if row.pr not in again and row.key and keys.get(row.pr) == row.key]

    def begin(self, rows: Sequence[Row]) -> None:
        """Start the file anew, with these rows."""
        self._put(rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows that have become known."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(to_json(row) + "\n" for row in rows)
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror}") from error

    def end(self, rows: Sequence[Row]) -> None:
        """Put all rows there in their order; the file is whole at any moment."""
        self._put(rows)

    def _put(self, rows: Sequence[Row]) -> None:
        text = "".join(to_json(row) + "\n" for row in rows)
        try:
            if self._path.exists() and not self._path.is_file():  # a pipe or a device
                self._path.write_text(text, encoding="utf-8")
                return
            new = self._path.with_name(f"{self._path.name}.new")
            try:
                new.write_text(text, encoding="utf-8")
                os.replace(new, self._path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    new.unlink()
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror}") from error
