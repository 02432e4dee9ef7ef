"""Landlock: this process and all it starts may open only the files they are given (landlock(7)).

Needs no privilege. What the kernel's version of Landlock cannot restrict is left to seccomp.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH: Final = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
READ: Final = EXECUTE | READ_FILE | READ_DIR
FIRST_VERSION: Final = (1 << 13) - 1
REFER, TRUNCATE, IOCTL = 1 << 13, 1 << 14, 1 << 15
REMOVE_DIR, MAKE_CHAR, MAKE_DIR = 1 << 4, 1 << 6, 1 << 7
MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 1 << 9, 1 << 10, 1 << 11, 1 << 12
OTHER_NODES: Final = REMOVE_DIR | MAKE_CHAR | MAKE_DIR | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM
"""Rights to make what is no regular file."""

OF_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
"""Rights that make sense for a file; the others are of folders."""

PROC_FILES: Final = ("cpuinfo", "meminfo", "stat", "version", "uptime", "loadavg", "filesystems", "sys")
"""What of a /proc that speaks of other people's processes a run may read, beside its own part."""

DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

SCOPES: Final = 0b11
"""Abstract unix sockets and signals stay inside (version 6)."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Rules(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """Version of the kernel's Landlock; 0 where there is none."""
    found = _libc.syscall(_CREATE, None, 0, 1)
    return max(int(found), 0)


def restrict(
    *,
    readable: Sequence[str],
    writable: Sequence[str],
    listed: Sequence[str] = (),
    handed: Sequence[str] = (),
    shared: Sequence[str] = (),
    network: bool = False,
) -> None:
    """Leave this process only these paths; what does not exist is skipped.

    Args:
        listed: folders of which it may read the names.
        handed: folders in which it may do all but open a file for reading: those are opened for it.
        shared: like `handed`, but of regular files alone: what others have there too.
        network: leave TCP alone.

    Raises:
        OSError: the kernel has no Landlock or refuses.
    """
    known = version()
    handled = FIRST_VERSION
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL)):
        handled |= right if known >= since else 0
    rules = _Rules(handled, 0b11 if known >= 4 and not network else 0, SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    ruleset = _libc.syscall(_CREATE, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "landlock_create_ruleset")
    try:
        for path in readable:
            _allow(ruleset, path, READ & handled)
        for path in writable:
            _allow(ruleset, path, handled)
        for path in listed:
            _allow(ruleset, path, READ_DIR)
        for path in handed:
            _allow(ruleset, path, handled & ~READ_FILE)
        for path in shared:
            _allow(ruleset, path, handled & ~READ_FILE & ~OTHER_NODES)
        if _libc.syscall(_RESTRICT, ruleset, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & OF_FILES
        if not allowed:
            return
        beneath = _Beneath(allowed, opened)
        if _libc.syscall(_ADD, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), f"landlock_add_rule {path}")
    finally:
        os.close(opened)
