"""Small calls to the kernel about processes, by ctypes where Python has none."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path
from typing import Final

PR_SET_DUMPABLE: Final = 4
PR_SET_CHILD_SUBREAPER: Final = 36

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, argument: int, third: int = 0) -> None:
    """Call prctl(2).

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.prctl(option, argument, third, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"prctl({option}, {argument})")


def be_reaper() -> None:
    """Become the parent of every orphan below, so that a daemon cannot get away."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def hide() -> None:
    """Let no process of the same user read or write this one's memory."""
    prctl(PR_SET_DUMPABLE, 0)


def descendants(process: int) -> list[int]:
    """All processes below one, as /proc tells."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            status = Path(entry.path, "stat").read_text(errors="replace")
        except OSError:
            continue
        after_name = status.rpartition(")")[2].split()
        children.setdefault(int(after_name[1]), []).append(int(entry.name))
    found, waiting = [], [process]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def resident_bytes(process: int) -> int:
    """Memory of a process that is its own, shared pages left out; 0 if it is gone."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * resource.getpagesize()
