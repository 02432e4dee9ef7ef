"""The ranks of a run as the kernel shows them: which process is which, what each does, and which fell silent first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.replay.full.run_trace import TRAINING, Held

IDLE_SHARE: Final = 0.02
"""Of one core: less is doing nothing."""

YOUNG_S: Final = 60.0
"""Until then a process may still become a rank: it is forked before it is started as one."""

TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Rank:
    """One rank while it runs.

    Attributes:
        used_s: processor time so far, its children's that have ended included.
        busy_s: when it was last seen to compute, in seconds since the launch.
        gone_s: when its process was first missing, None while it is there.
    """

    number: int
    process: int
    used_s: float = 0.0
    looked_s: float = 0.0
    busy_s: float = 0.0
    gone_s: float | None = None


@dataclass(slots=True)
class Ranks:
    """All ranks of a run, looked at now and then.

    Attributes:
        one: whether there is one rank, which no launcher numbers.
        history: at each look the processor time of each rank.
        others: processes that are no rank; compilers start hundreds.
    """

    one: bool
    known: dict[int, Rank] = field(default_factory=dict)
    history: list[tuple[float, dict[int, float]]] = field(default_factory=list)
    others: set[int] = field(default_factory=set)

    def look(self, processes: list[int], now_s: float, first: int | None) -> None:
        """Find new ranks among the processes of the run and see what the known ones do.

        Args:
            first: the process that was launched, which is the rank where there is one.
        """
        numbers = {rank.process for rank in self.known.values()}
        for process in processes:
            if process in numbers or process in self.others:
                continue
            number = (0 if process == first else None) if self.one else rank_of(process)
            if number is None and now_s > YOUNG_S:
                self.others.add(process)
            if number is not None and number not in self.known:
                self.known[number] = Rank(number, process, looked_s=now_s, busy_s=now_s)
        for rank in self.known.values():
            used_s = processor_s(rank.process)
            if used_s is None:
                rank.gone_s = rank.gone_s if rank.gone_s is not None else now_s
                continue
            if used_s - rank.used_s > IDLE_SHARE * (now_s - rank.looked_s):
                rank.busy_s = now_s
            rank.used_s, rank.looked_s = used_s, now_s
        self.history.append((now_s, {rank.number: rank.used_s for rank in self.known.values()}))

    def silent(
        self, now_s: float, limit_s: float, *, spins: bool, busy_gpus: Collection[int] = ()
    ) -> Rank | None:
        """The rank that hangs: the first that stopped computing, if it has for longer than the limit.

        Args:
            spins: whether a rank that waits for others computes all the while, as NCCL's do: then one that does
                nothing hangs. Else all must do nothing, since waiting is doing nothing too.
            busy_gpus: numbers of GPUs that compute now; their ranks do not hang.
        """
        alive = [rank for rank in self.known.values() if rank.gone_s is None]
        idle = [rank for rank in alive if now_s - rank.busy_s > limit_s and rank.number not in busy_gpus]
        if not idle or (not spins and len(idle) < len(alive)):
            return None
        return min(idle, key=lambda rank: (rank.busy_s, rank.number))

    def first_gone(self) -> Rank | None:
        """The rank whose process was missing first."""
        gone = [rank for rank in self.known.values() if rank.gone_s is not None]
        return min(gone, key=lambda rank: (rank.gone_s or 0.0, rank.number), default=None)

    def slow(self, began_s: float, ended_s: float) -> Rank | None:
        """A rank that computed at least twice as long as the median one between two times.

        Shows where waiting is doing nothing; ranks that spin while they wait all look alike.
        """
        before = [used for now_s, used in self.history if now_s <= began_s]
        until = [used for now_s, used in self.history if now_s <= ended_s]
        if not until or len(self.known) < 2:
            return None
        first, last = before[-1] if before else {}, until[-1]
        spent = {number: used - first.get(number, 0.0) for number, used in last.items()}
        if len(spent) < 2:
            return None
        most = max(spent, key=lambda number: spent[number])
        median = sorted(spent.values())[(len(spent) - 1) // 2]
        return self.known[most] if spent[most] > 2.0 * median + 1.0 else None


def rank_of(process: int) -> int | None:
    """The number that the launcher gave a process; None for any other, and for what a rank started itself."""
    with contextlib.suppress(OSError, ValueError):
        words = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        mine = dict(word.split(b"=", 1) for word in words if b"=" in word)
        if b"RANK" not in mine or b"LOCAL_RANK" not in mine:
            return None
        parent = int(Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        above = Path(f"/proc/{parent}/environ").read_bytes().split(b"\0")
        if any(word.startswith(b"LOCAL_RANK=") for word in above):
            return None
        return int(mine[b"LOCAL_RANK"])
    return None


def processor_s(process: int) -> float | None:
    """Processor time of a process and of its ended children; None if it is gone or only waits to be taken off."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return sum(map(int, fields[11:15])) / TICKS


def held_by(process: int, data: str, now_s: float) -> list[Held]:
    """Training shards that a process has open, by descriptor or by map.

    Args:
        data: the data folder as the process names it, with `/` at the end.
    """
    found = []
    folder = f"/proc/{process}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError, ValueError, StopIteration):
                path = os.readlink(f"{folder}/{name}").removesuffix(" (deleted)")
                if not _is_shard(path, data):
                    continue
                with open(f"/proc/{process}/fdinfo/{name}") as told:
                    at = next(int(line.split()[1]) for line in told if line.startswith("pos:"))
                found.append(Held(seconds=now_s, process=process, path=path, mapped=False, reached=at))
    return found + _maps(process, data, now_s)


def _maps(process: int, data: str, now_s: float) -> list[Held]:
    try:
        maps = Path(f"/proc/{process}/maps").read_text(errors="replace")
    except OSError:
        return []
    if not any(_is_shard(line.split(maxsplit=5)[-1], data) for line in maps.splitlines() if "train" in line):
        return []
    resident: dict[str, int] = {}
    path = ""
    with contextlib.suppress(OSError), open(f"/proc/{process}/smaps", errors="replace") as lines:
        for line in lines:
            words = line.split(maxsplit=5)
            if len(words) >= 5 and "-" in words[0] and not words[0].endswith(":"):
                path = words[5].strip().removesuffix(" (deleted)") if len(words) == 6 else ""
            elif line.startswith("Rss:") and _is_shard(path, data):
                resident[path] = resident.get(path, 0) + (int(words[1]) << 10)
    return [
        Held(seconds=now_s, process=process, path=where, mapped=True, reached=size)
        for where, size in resident.items()
    ]


def _is_shard(path: str, data: str) -> bool:
    return path.startswith(data) and TRAINING.search(path) is not None
