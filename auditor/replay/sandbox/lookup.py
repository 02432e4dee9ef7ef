"""Looks a path up as another process would, and opens what was found: no name is looked up twice.

The other process's root bounds every step (openat2(2), RESOLVE_IN_ROOT); links of /proc are not followed.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
from collections.abc import Iterator
from typing import Final

from auditor.replay.sandbox import syscalls

RESOLVE_IN_ROOT: Final = 0x10
AT_FDCWD: Final = -100
CREATING: Final = os.O_CREAT | os.O_EXCL
O_TMPFILE: Final = 0o20000000 | os.O_DIRECTORY
KEPT: Final = os.O_APPEND | os.O_NONBLOCK | os.O_SYNC | os.O_DSYNC | os.O_NOATIME
"""Flags of an open that stay with the descriptor."""

_libc = ctypes.CDLL(None, use_errno=True)


def whole_path(process: int, folder: int, path: str) -> str:
    """A path of another process from its root on; not looked up, `..` kept.

    Args:
        folder: descriptor that a relative one starts from, or AT_FDCWD.

    Raises:
        OSError: there is no such folder, or it cannot be seen.
    """
    if path.startswith("/"):
        return path
    link = f"/proc/{process}/cwd" if folder == AT_FDCWD else f"/proc/{process}/fd/{folder}"
    start = os.readlink(link)
    if not start.startswith("/") or start.endswith(" (deleted)"):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return f"{start}/{path}"


def find(root: int, path: str, *, follow: bool) -> int:
    """A descriptor (O_PATH) of what a path names below a root.

    Raises:
        OSError: there is nothing, or it is behind a link of /proc.
    """
    flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    how = ctypes.create_string_buffer(struct.pack("=QQQ", flags, 0, RESOLVE_IN_ROOT))
    found = int(
        _libc.syscall(
            syscalls.number("openat2"), root, os.fsencode(path), ctypes.byref(how), ctypes.c_size_t(24)
        )
    )
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return found


def open_found(found: int, flags: int) -> int:
    """Open a regular file that was found, without waiting for anything.

    Raises:
        OSError: it may not be opened so, or it is no regular file.
    """
    if not stat.S_ISREG(os.fstat(found).st_mode):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    wanted = flags & ~(CREATING | os.O_NOFOLLOW) | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    opened = os.open(f"/proc/self/fd/{found}", wanted)
    _restore(opened, flags)
    return opened


def create(folder: int, name: str, flags: int, mode: int) -> int:
    """Make a regular file in a folder that was found, and open it; what is there already is opened.

    Raises:
        OSError: it cannot be made.
    """
    wanted = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    opened = os.open(name, wanted, mode & 0o755, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), name)
    _restore(opened, flags)
    return opened


def _restore(opened: int, flags: int) -> None:
    import fcntl

    fcntl.fcntl(opened, fcntl.F_SETFL, flags & KEPT)


@contextlib.contextmanager
def held(descriptor: int) -> Iterator[int]:
    """A descriptor that is closed at the end."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)
