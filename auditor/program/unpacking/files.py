"""The file system a script sees while it is unpacked: its own folder through a callback, and what it writes.

Nothing here touches the disk. The submission's folder stands at a made-up absolute place; a path is read from
what the script wrote itself, else, inside the folder, through `read_sibling`; anything else is `Outside`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Final

from auditor.errors import InputError

REPOSITORY: Final = "/submission-repository"
"""Where the root of the repository stands; no real path begins so."""


class VirtualFiles:
    """Files by absolute path.

    Args:
        script_path: path of the script within its repository, or only its name.
        read_sibling: gives the bytes of a file by its path relative to the script's folder, or None; raises
            `InputError` for one that is there and cannot be read, which `unreadable` tells then.
    """

    def __init__(self, script_path: str, script: bytes, read_sibling: Callable[[str], bytes | None]) -> None:
        relative = posixpath.normpath(script_path.replace("\\", "/").lstrip("/")) or "script.py"
        while relative.startswith("../"):
            relative = relative[3:]
        self.script = posixpath.join(REPOSITORY, relative)
        self.folder = posixpath.dirname(self.script)
        self.written: dict[str, bytes] = {}
        self.unreadable: dict[str, str] = {}
        self._read: dict[str, bytes | None] = {self.script: script}
        self._read_sibling = read_sibling

    def absolute(self, path: str) -> str:
        """Return `path` made absolute from the script's folder, `..` resolved."""
        return posixpath.normpath(posixpath.join(self.folder, path.replace("\\", "/")))

    def read(self, path: str) -> bytes | None:
        """Return the content of a file, or None where the submission has no such file."""
        absolute = self.absolute(path)
        if absolute in self.written:
            return self.written[absolute]
        if absolute not in self._read:
            relative = self.relative(absolute)
            try:
                self._read[absolute] = self._read_sibling(relative) if relative is not None else None
            except InputError as error:
                self._read[absolute], self.unreadable[absolute] = None, str(error)
        return self._read[absolute]

    def relative(self, path: str) -> str | None:
        """Return the path within the script's folder, or None for a path outside of it."""
        absolute = self.absolute(path)
        if absolute.startswith(self.folder + "/"):
            return absolute[len(self.folder) + 1 :]
        return None

    def exists(self, path: str) -> bool | None:
        """Return whether a file is there; None where that depends on the machine."""
        if self.read(path) is not None:
            return True
        absolute = self.absolute(path)
        if absolute == self.folder or any(name.startswith(absolute + "/") for name in self.written):
            return True
        return False if self.relative(path) is not None else None

    def write(self, path: str, content: bytes) -> None:
        """Keep what the script writes."""
        self.written[self.absolute(path)] = content

    def missing(self, path: str) -> str:
        """Return why `path` could not be read."""
        absolute = self.absolute(path)
        if absolute.startswith(REPOSITORY + "/") and self.relative(path) is None:
            shown = absolute[len(REPOSITORY) + 1 :]
            return f"{shown} is outside the submission's folder"
        if self.relative(path) is not None:
            return f"{self.relative(path)} is not in the submission's folder"
        return f"{path} is a file of the machine"
