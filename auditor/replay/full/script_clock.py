"""The script's own clock, as its lines tell it, held against when those lines came.

A trainer prints `train_time:12345ms` and stops its clock for validation. A line that came at `t` with a clock of `c`
puts the clock's zero at `t - c` at the latest; where that moves from line to line, the clock stood still in between.
That a line prints a validation loss is the script's word: what stood still before it counts as validation only after
the last read of a training shard, and in all for no longer than validation takes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from auditor.records.log_lines import clean, read_step, read_train_time_ms
from auditor.replay.full.run_trace import Line

JITTER_S: Final = 0.25
"""How late a line may come: the launcher hands lines on ten times a second."""

COARSE_S: Final = 3.0
"""What a time in minutes with one decimal leaves open on both sides."""

MOST_VALIDATION_S: Final = 30.0
"""Of validation within training. A merged record prints at most some 14 losses in training; where it times a plain
pass over the split, that takes 1.4 to 2.2 s. What is not seen outside may be training that long."""

_MINUTES: Final = re.compile(r"(?<!\w)train_time\s*[:=]\s*(\d+\.\d)\s*m\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptClock:
    """Training as the script timed it.

    Attributes:
        began_s: zero of its clock, in seconds since the launch, by the lines' arrival.
        ended_s: arrival of the last line with a time.
        claimed_s: its last printed training time.
        in_validation_s: how long it stood still before lines that print a validation loss, as far as that is believed.
        unexplained_s: how long it stood still otherwise, by more than lines may be late.
        uncertain_s: by how much `began_s` and so `seen_s` may be off.
        step_s: seconds of one step, None where less than two steps were timed to the millisecond.
        steps: the last step's number.
    """

    began_s: float
    ended_s: float
    claimed_s: float
    in_validation_s: float
    unexplained_s: float
    uncertain_s: float
    step_s: float | None
    steps: int

    @property
    def seen_s(self) -> float:
        """Training time by the parent's clock, time in validation left out."""
        return self.ended_s - self.began_s - self.in_validation_s


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    arrived_s: float
    clock_s: float
    step: int
    validates: bool
    off_s: float

    @property
    def zero_s(self) -> float:
        return self.arrived_s - self.clock_s


def script_clock(lines: Sequence[Line], reads_s: Sequence[float] = ()) -> ScriptClock | None:
    """What the lines of one rank tell of its clock; None if none states a training time.

    Args:
        reads_s: when training shards were opened, in order.
    """
    ticks = _ticks(lines)
    if not ticks:
        return None
    in_validation = unexplained = 0.0
    for before, after in pairwise(ticks):
        stood = after.zero_s - before.zero_s
        if after.validates:
            at = bisect_right(reads_s, after.arrived_s)
            began_s = max(before.arrived_s, reads_s[at - 1] if at else before.arrived_s)
            in_validation += max(min(stood, after.arrived_s - began_s), 0.0)
        elif stood > JITTER_S + before.off_s + after.off_s:
            unexplained += stood
    believed = min(in_validation, MOST_VALIDATION_S)
    last = ticks[-1]
    return ScriptClock(
        began_s=ticks[0].zero_s,
        ended_s=last.arrived_s,
        claimed_s=last.clock_s,
        in_validation_s=believed,
        unexplained_s=unexplained + in_validation - believed,
        uncertain_s=JITTER_S + ticks[0].off_s,
        step_s=_step_s(ticks),
        steps=last.step,
    )


def last_step_line_s(lines: Sequence[Line]) -> float | None:
    """When the last line of the training loop came."""
    found = [line.seconds for line in lines if read_step(clean(line.text), 0) is not None]
    return found[-1] if found else None


def _ticks(lines: Sequence[Line]) -> list[_Tick]:
    """Lines with a training time, as long as the clock runs on; a clock that starts anew starts the list anew."""
    found: list[_Tick] = []
    validated = False
    for line in lines:
        text = clean(line.text)
        step = read_step(text, 0)
        validated |= step is not None and step.val_loss is not None
        time_ms = step.train_time_ms if step is not None else read_train_time_ms(text)
        minutes = _MINUTES.search(text) if time_ms is None else None
        if time_ms is None and minutes is None:
            continue
        clock_s = (
            time_ms / 1000.0 if time_ms is not None else 60.0 * float(minutes.group(1)) if minutes else 0.0
        )
        number = step.step if step is not None else found[-1].step if found else 0
        if (
            found
            and clock_s < found[-1].clock_s - 2 * COARSE_S
            and step is not None
            and step.step <= found[0].step
        ):
            found = []
        found.append(
            _Tick(
                arrived_s=line.seconds,
                clock_s=clock_s,
                step=number,
                validates=validated,
                off_s=COARSE_S if minutes is not None else 0.0,
            )
        )
        validated = False
    return found


def _step_s(ticks: Sequence[_Tick]) -> float | None:
    steps = [
        (after.clock_s - before.clock_s) / (after.step - before.step)
        for before, after in pairwise(ticks)
        if after.step > before.step and not before.off_s and not after.off_s
    ]
    return median(steps) if steps else None
