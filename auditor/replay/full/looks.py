"""Looks at a run from outside, now and then: its ranks, what they hold open, when its files change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from auditor.replay.full.launch import Launch
from auditor.replay.full.names import name_bytes
from auditor.replay.full.ranks import Rank, Ranks, held_by
from auditor.replay.full.run_trace import Held
from auditor.replay.runs.left_files import Refused, walk_left
from auditor.replay.sandbox.broker import Watched
from auditor.replay.sandbox.processes import descendants

HELD_S: Final = 2.0
"""How often what each process holds open is gone through, and names are weighed."""

MAX_HELD: Final = 50_000
DISK_FULL: Final = "the disk has no room left"


class Looks:
    """Everything that is seen of one run by looking.

    Args:
        wall_s: time of day at the launch.

    Attributes:
        changed: when each file of the run last changed, by (device, inode), in seconds since the launch.
        launcher: processes and threads of the launcher.
        in_names: most bytes in names at any look.
    """

    def __init__(self, launch: Launch, watched: Watched, wall_s: float) -> None:
        self._launch, self._watched, self._wall_s = launch, watched, wall_s
        self.ranks = Ranks(launch.options.ranks == 1)
        self.changed: dict[tuple[int, int], float] = {}
        self.launcher: set[int] = set()
        self.in_names = 0
        self._held: list[Held] = []
        self._last_held: dict[tuple[int, str, bool], Held] = {}
        self._searched_s = 0.0

    @property
    def held(self) -> tuple[Held, ...]:
        """Training shards that were held open: each change, and when each was last there."""
        return (*self._held, *self._last_held.values())

    def look(
        self,
        process: int,
        now_s: float,
        last_line_s: float,
        busy_gpus: Callable[[], Collection[int]],
        is_full: Callable[[Path], bool],
    ) -> tuple[str, Rank | None]:
        """Look once; say why the run must end, if it must, and the rank that hangs.

        Args:
            process: that was started; the run's are below it.
            last_line_s: when it last printed.
        """
        options = self._launch.options
        below = descendants(process)
        first = self._watched.programs[0].process if self._watched.programs else None
        self.ranks.look(below, now_s, first)
        if first is not None and not self.ranks.one:
            with contextlib.suppress(OSError):
                self.launcher |= {first, *map(int, os.listdir(f"/proc/{first}/task"))}
        self.see_changes()
        if now_s - self._searched_s >= HELD_S:
            self._searched_s = now_s
            self._search(below, first, now_s)
        if now_s > options.seconds:
            return f"it ran longer than {options.seconds:.0f} s", None
        if is_full(self._launch.root):
            return DISK_FULL, None
        if now_s - last_line_s > options.silent_s:
            hung = self.ranks.silent(now_s, options.silent_s, spins=self._launch.spins, busy_gpus=busy_gpus())
            if hung is not None:
                return f"rank {hung.number} has done nothing for {now_s - hung.busy_s:.0f} s", hung
        return "", None

    def see_changes(self) -> None:
        """When each file in the run's folders last changed, by the kernel's clock."""
        with contextlib.suppress(OSError, Refused):
            for folder in ("job", "tmp"):
                for _, status in walk_left(self._launch.root / folder):
                    self.changed[status.st_dev, status.st_ino] = status.st_ctime_ns * 1e-9 - self._wall_s

    def _search(self, processes: Sequence[int], first: int | None, now_s: float) -> None:
        """What processes hold open of the training data, and what stands in names."""
        places = self._launch.places
        for number in processes:
            for held in held_by(number, places.data, now_s):
                key = held.process, held.path, held.mapped
                before = self._last_held.get(key)
                self._last_held[key] = held
                if (before is None or before.reached != held.reached) and len(self._held) < MAX_HELD:
                    self._held.append(held)
        if first is not None:
            root = f"/proc/{first}/root"
            inside = (f"{root}{folder}" for folder in self._launch.own)
            left_out = (f"{root}{folder}" for folder in (places.caches, places.logs))
            self.in_names = max(self.in_names, name_bytes(inside, left_out))
