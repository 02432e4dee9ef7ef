"""A virtual clock: every reading advances it by the same step, so that schedules and caps by time repeat.

Real time goes on elsewhere; the parent enforces its limits by its own clock.
"""

from __future__ import annotations

import time
from typing import Any, Final

from auditor.replay.inside.patching import replace

START_S: Final = 1_767_225_600.0
"""2026-01-01, the time at which every replay begins."""

STEP_S: Final = 1e-4
"""What one reading takes."""

real_time_s = time.perf_counter


class VirtualClock:
    """The time that the submission sees."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def read_s(self) -> float:
        self.elapsed_s += STEP_S
        return self.elapsed_s

    def sleep(self, seconds: float) -> None:
        self.elapsed_s += max(float(seconds), 0.0)

    def install(self) -> None:
        """Exchange the clocks of `time`; `datetime` keeps the real one, which nothing is scheduled by."""

        def epoch(*_: Any) -> float:
            return START_S + self.read_s()

        def epoch_ns() -> int:
            return int(epoch() * 1e9)

        def since_ns() -> int:
            return int(self.read_s() * 1e9)

        replace(time, time=epoch, time_ns=epoch_ns, sleep=self.sleep)
        for name in ("perf_counter", "monotonic", "process_time", "thread_time"):
            replace(time, **{name: self.read_s, f"{name}_ns": since_ns})
