"""Gives up every capability for good, also those that root would get back by starting a program."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

from auditor.replay.sandbox.processes import prctl

PR_CAPBSET_DROP: Final = 24
PR_SET_SECUREBITS: Final = 28
PR_SET_NO_NEW_PRIVS: Final = 38
NO_ROOT_LOCKED: Final = 0b1111
"""SECBIT_NOROOT, its lock, SECBIT_NO_SETUID_FIXUP, its lock (capabilities(7))."""

_VERSION_3: Final = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def drop_privileges() -> None:
    """Drop the bounding set, the capabilities held, and the right to gain any.

    Raises:
        OSError: the kernel refuses.
    """
    try:
        last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    except OSError:
        last = 40
    if _may_drop():
        for capability in range(last + 1):
            prctl(PR_CAPBSET_DROP, capability)
        prctl(PR_SET_SECUREBITS, NO_ROOT_LOCKED)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    libc = ctypes.CDLL(None, use_errno=True)
    header = _Header(_VERSION_3, 0)
    if libc.capset(ctypes.byref(header), (_Data * 2)()) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "capset")


def _may_drop() -> bool:
    """Whether CAP_SETPCAP (8) is held, which shrinking the bounding set takes."""
    with open("/proc/self/status") as status:
        held = next((line.split()[1] for line in status if line.startswith("CapEff:")), "0")
    return bool(int(held, 16) >> 8 & 1)
