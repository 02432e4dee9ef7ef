"""What a run could keep without a file's content: names, targets of links, extended attributes.

None of these is opened when it is read, so none shows in the list of opened files; they are weighed from outside.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Final

MAX_ENTRIES: Final = 50_000
LOOKED_AT: Final = 1 << 16
"""Bytes in names that no run comes near by itself; compilers' caches are left out."""


def name_bytes(folders: Iterable[str], left_out: Iterable[str] = ()) -> int:
    """Bytes in all names, targets of links and extended attributes below some folders, as far as these are one mount.

    What is mounted inside them (packages of an environment that lies in the machine's /tmp) is not the run's.

    Args:
        left_out: folders whose contents do not count.
    """
    total, count = 0, 0
    waiting = [(folder, _device(folder)) for folder in folders]
    skipped = {folder.rstrip("/") for folder in left_out}
    while waiting and count < MAX_ENTRIES:
        folder, device = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                count += 1
                total += len(os.fsencode(entry.name)) + _attributes(entry.path)
                with contextlib.suppress(OSError):
                    if entry.is_symlink():
                        total += len(os.readlink(entry.path))
                    elif entry.is_dir(follow_symlinks=False) and entry.path not in skipped:
                        if _device(entry.path) == device:
                            waiting.append((entry.path, device))
    return total


def _device(folder: str) -> int | None:
    """The number of the file system that a folder is of; None where it cannot be told."""
    with contextlib.suppress(OSError):
        return os.stat(folder).st_dev
    return None


def _attributes(path: str) -> int:
    with contextlib.suppress(OSError):
        names = os.listxattr(path, follow_symlinks=False)
        return sum(
            len(os.getxattr(path, name, follow_symlinks=False)) for name in names if name.startswith("user.")
        )
    return 0
