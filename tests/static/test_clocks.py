"""Caps that a script puts on its loops: what time is compared with, in seconds."""

from __future__ import annotations

import pytest

from auditor.trace.events import TRAINING_STEP, UNKNOWN_CAP
from tests.static.conftest import run

LOOP = """\
import time
BUDGET = float(os.environ.get("BUDGET_SECONDS", 600.0))
RESERVE = 14.0
data = torch.from_numpy(np.fromfile("data/fineweb_train_000001.bin", dtype="<u2").astype(np.int64))
started = time.perf_counter()
spent_ms, stop, step = 0.0, None, 0
while {test}:
    model(data[:1024], data[1:1025]).backward()
    optimizer.step()
    step += 1
    {line}
"""

CAPS = {
    "seconds in the test": ("time.perf_counter() - started < BUDGET", "pass", "ends at 600 s"),
    "a reserve in the test": ("time.perf_counter() - started < BUDGET - RESERVE", "pass", "ends at 586 s"),
    "a reserve on the other side": (
        "time.perf_counter() - started + RESERVE < BUDGET",
        "pass",
        "ends at 586 s",
    ),
    "turned around": ("BUDGET > time.perf_counter() - started", "pass", "ends at 600 s"),
    "milliseconds": (
        "True",
        "elapsed = 1000.0 * (time.perf_counter() - started); stop = step if elapsed >= 1000.0 * BUDGET else None",
        "capped at 600 s",
    ),
    "a break": (
        "True",
        "elapsed = (time.time() - started_at) / 60 if False else time.monotonic() - time.monotonic()\n"
        "    if elapsed > 9 * 60:\n        break",
        "ends at 540 s",
    ),
    "added to what was spent": (
        "True",
        "now = spent_ms + 1000.0 * (time.perf_counter() - started); stop = now >= 1000.0 * (BUDGET - RESERVE)",
        "capped at 586 s",
    ),
    "nanoseconds": (
        "True",
        "stop = time.perf_counter_ns() - time.perf_counter_ns() > 60 * 10**9",
        "capped at 60 s",
    ),
    "a number nobody knows": ("time.perf_counter() - started < float(input())", "pass", UNKNOWN_CAP),
}

NONE = {
    "a rate": "rate = (time.perf_counter() - started) / step; slow = rate > 0.5",
    "a fraction of the budget": "share = (time.perf_counter() - started) / stop_at(step); late = share > 0.5",
    "a reading alone": "stop = time.time() > 600.0",
    "a count": "stop = step >= 600",
}


@pytest.mark.parametrize(("test", "line", "phase"), CAPS.values(), ids=CAPS.keys())
def test_what_time_is_compared_with(test: str, line: str, phase: str) -> None:
    trace = run(LOOP.format(test=test, line=line))
    assert {clock.phase for clock in trace.clocks} - {TRAINING_STEP} == {phase}


@pytest.mark.parametrize("line", NONE.values(), ids=NONE.keys())
def test_what_is_no_time_that_has_passed_is_no_cap(line: str) -> None:
    trace = run(LOOP.format(test="step < 9000", line=line))
    assert {clock.phase for clock in trace.clocks} == {TRAINING_STEP}
