"""How a run ended, if it did not come to its end: which rank, in which phase, with which last lines."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from typing import Final

from auditor.records.log_lines import clean
from auditor.replay.full.ended import Ended
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.looks import DISK_FULL
from auditor.replay.full.read_backs import boundary
from auditor.replay.full.results import results
from auditor.replay.full.run_trace import RunTrace
from auditor.replay.full.script_clock import last_step_line_s

_FULL: Final = re.compile(r"No space left on device|\[Errno 28\]|file write failed")
_ERROR: Final = re.compile(r"[\w.]*(?:Error|Exception|Interrupt)\b")
_EXIT: Final = re.compile(r"exitcode\s*:\s*(-?\d+) \(pid")


def phase_at_end(trace: RunTrace) -> str:
    """The phase in which the last thing was seen."""
    at = boundary(trace).at
    if at is not None:
        done = [result for result in results(trace.lines) if result.final and result.seconds >= at.seconds]
        return "after its result" if done else "in evaluation"
    stepped_s = last_step_line_s(trace.lines)
    if stepped_s is None:
        return "in training" if any(trace.training_reads()) else "before training"
    written = any(file.write and file.seconds > stepped_s for file in trace.own_opens())
    return "while the artifact was written" if written else "in training"


def ending(ended: Ended) -> Iterator[FullFinding]:
    """What is to be said of how a run ended; nothing if it came to its end as others do."""
    where = phase_at_end(ended.trace)
    last = f": {_telling(ended)}" if ended.last_lines else ""
    who = f"rank {ended.culprit}" if ended.culprit is not None else "the run"
    if ended.reason:
        kind = (
            "rank-hung"
            if "has done nothing" in ended.reason
            else "disk-full"
            if ended.reason == DISK_FULL
            else "time-limit"
        )
        message = f"{ended.reason}; it was ended {where}{last}"
        yield FullFinding(kind=kind, weight=Weight.FAILED, message=message)
    elif ended.code:
        full = any(_FULL.search(line.text) for line in ended.trace.lines[-200:])
        yield FullFinding(
            kind="disk-full" if full else "rank-dead",
            weight=Weight.FAILED,
            message=f"{who} {_how(ended)} {where}{' for lack of room on the disk' if full else ''}{last}",
        )
    if ended.slow is not None and not ended.reason and not ended.code:
        yield FullFinding(
            kind="rank-slow",
            weight=Weight.REVIEW,
            message=f"rank {ended.slow} computed more than twice as long as the others, which waited for it: its "
            "seconds are not those of eight equal GPUs",
        )


def _telling(ended: Ended) -> str:
    """Of the last lines the one that names an error, else the last."""
    texts = [clean(text) for text in ended.last_lines]
    return next((text for text in reversed(texts) if _ERROR.match(text)), texts[-1])


def _how(ended: Ended) -> str:
    """What the launcher tells of the first rank that failed, else its own end."""
    code = ended.code
    for line in ended.trace.lines:
        found = _EXIT.search(line.text) if line.rank is None else None
        if found is not None:
            code = int(found.group(1))
    if code >= 0 and code - 128 in {number.value for number in signal.Signals} and code > 128:
        code = 128 - code
    if code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with exit code {code}"
