"""Gives up the user, every capability and the right to gain any, for good."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from auditor.replay.sandbox.processes import prctl

PR_CAPBSET_DROP: Final = 24
PR_SET_SECUREBITS: Final = 28
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
AMBIENT_RAISE: Final = 2
NO_ROOT_LOCKED: Final = 0b1111
"""SECBIT_NOROOT, its lock, SECBIT_NO_SETUID_FIXUP, its lock (capabilities(7))."""

DAC_READ_SEARCH: Final = 2
SETPCAP: Final = 8
_VERSION_3: Final = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def drop_privileges(user: int | None, *, reads: bool = False) -> None:
    """Become another user, drop the bounding set and the capabilities held, and gain none from any program.

    Args:
        user: number of a user and a group that nobody on this machine has; None stays who it is.
        reads: keep the one capability to read files that are closed to other users, where something else
            (Landlock) bounds which.

    Raises:
        OSError: the kernel refuses.
    """
    kept = 1 << DAC_READ_SEARCH if reads else 0
    bounded = bool(_held() >> SETPCAP & 1)
    for capability in range(_last_capability() + 1) if bounded else ():
        if not kept >> capability & 1:
            prctl(PR_CAPBSET_DROP, capability)
    if bounded:
        prctl(PR_SET_SECUREBITS, NO_ROOT_LOCKED)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    sets = (_Data * 2)()
    sets[0].effective = sets[0].permitted = sets[0].inheritable = kept
    if libc.capset(ctypes.byref(_Header(_VERSION_3, 0)), sets) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "capset")
    if reads:
        prctl(PR_CAP_AMBIENT, AMBIENT_RAISE, DAC_READ_SEARCH)


def limit_cores() -> None:
    """Let no crash be written down or handed to the machine's crash reporter: 1 byte is what it takes (core(5))."""
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))


def is_open_to_all(paths: Sequence[str]) -> bool:
    """Whether every user can get to each of these paths, as far as the folders above it tell."""
    return all(
        os.stat(folder).st_mode & 1
        for path in paths
        if os.path.exists(path)
        for folder in Path(os.path.realpath(path)).parents
    )


def _last_capability() -> int:
    try:
        return int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    except OSError:
        return 40


def _held() -> int:
    """Effective capabilities, a bit each."""
    with open("/proc/self/status") as status:
        return int(next((line.split()[1] for line in status if line.startswith("CapEff:")), "0"), 16)
