"""Small calls to the kernel about processes, by ctypes where Python has none."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
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


def show() -> None:
    """Let processes of the same user, the parent outside among them, read this one's memory."""
    prctl(PR_SET_DUMPABLE, 1)


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


def processes_of(user: int) -> list[int]:
    """All processes whose real user is this one."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError), open(f"{entry.path}/status") as status:
                if any(line.split()[1] == str(user) for line in status if line.startswith("Uid:")):
                    found.append(int(entry.name))
    return found


def kill_until_gone(find: Callable[[], list[int]], *, turns: int = 200) -> int:
    """Kill what is found until nothing is; give the largest number that was found at once.

    Everything is stopped before it is killed, so that nothing is started meanwhile.
    """
    most = 0
    for _ in range(turns):
        found = find()
        most = max(most, len(found))
        if not found:
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, number)
        time.sleep(0.01)
    return most
