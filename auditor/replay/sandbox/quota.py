"""What a run may take of the machine: disk, memory, processes; and how much of the disk it has taken.

Folders of the sandbox's own (/tmp, /dev/shm) are bounded by the kernel. What lies on this machine's disk is counted
by the parent while the run goes on, files that have no name any more but are held open included.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_TMP_BYTES: Final = 1 << 30
"""Of the sandbox's own /tmp; more is ENOSPC."""

MAX_SHM_BYTES: Final = 1 << 29
"""Of the sandbox's own /dev/shm; more is ENOSPC."""

MAX_DISK_BYTES: Final = 1 << 30
"""Of all that a run writes to this machine's disk, files without a name included; also of any single file."""

MAX_DISK_FILES: Final = 50_000
"""Files and folders that a run makes; also of its own /tmp and /dev/shm each."""

FREE_BYTES: Final = 1 << 28
"""Left free on the disk whatever a run would still be allowed."""

MAX_PROCESSES: Final = 400
"""Of one run; then it is ended."""

MAX_THREADS: Final = 1024
"""Of all its processes together (RLIMIT_NPROC); above `MAX_PROCESSES`, so that the reason comes first."""


NOTHING: Final[frozenset[tuple[int, int]]] = frozenset()


@dataclass(frozen=True, slots=True)
class Use:
    """Bytes and files on the disk."""

    bytes: int
    files: int

    @property
    def too_much(self) -> str:
        """Why this is more than a run may take, or ""."""
        if self.bytes > MAX_DISK_BYTES:
            return f"it wrote more than {MAX_DISK_BYTES >> 20} MiB"
        if self.files > MAX_DISK_FILES:
            return f"it made more than {MAX_DISK_FILES:,} files"
        return ""


def disk_use(
    folders: Sequence[Path],
    processes: Iterable[int],
    shared: Path | None = None,
    made: Set[tuple[int, int]] = NOTHING,
) -> Use:
    """What lies in folders, and what processes hold open on the same disk without a name.

    Args:
        shared: a folder that others use too; of what lies in it what was `made` counts, by (device, inode).
    """
    seen: dict[tuple[int, int], int] = {}
    count = 0
    waiting = [str(folder) for folder in folders]
    while waiting and count <= MAX_DISK_FILES:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    seen[status.st_dev, status.st_ino] = status.st_blocks * 512
                    if stat.S_ISDIR(status.st_mode):
                        waiting.append(entry.path)
    for path, status in made_in(shared, made):
        seen[status.st_dev, status.st_ino] = status.st_blocks * 512
        count += bool(path)
    disks = {device for device, _ in seen} | {os.stat(folder).st_dev for folder in folders}
    for process in processes:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{process}/fd/{name}")
                    if not status.st_nlink and status.st_dev in disks:
                        seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return Use(sum(seen.values()), count)


def made_in(folder: Path | None, made: Set[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """Files that lie in a folder and were made by a run, by (device, inode)."""
    if folder is None or not made:
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if (status.st_dev, status.st_ino) in made:
                    yield entry.path, status


def disk_is_full(folder: Path) -> bool:
    """Whether so little is left on the folder's disk that everyone else would feel it."""
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize < FREE_BYTES


def memory_bytes(process: int) -> int:
    """Memory of a process that no file on a disk backs: its own pages and shared ones; 0 if it is gone."""
    try:
        with open(f"/proc/{process}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
    except OSError:
        return 0
    return sum(int(fields.get(name, "0").split()[0]) << 10 for name in ("RssAnon", "RssShmem"))


def shared_memory_bytes(folders: Iterable[str]) -> int:
    """Bytes that lie in the sandbox's own folders in memory."""
    total = 0
    for folder in folders:
        state = os.statvfs(folder)
        total += (state.f_blocks - state.f_bfree) * state.f_frsize
    return total
