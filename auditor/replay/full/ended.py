"""A run that is over: how it ended, and the rank to which that is owed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from auditor.replay.full.ranks import Rank, Ranks
from auditor.replay.full.run_trace import RunTrace
from auditor.replay.full.script_clock import script_clock

LAST_LINES: Final = 12
_RANK: Final = re.compile(r"rank\s*:\s*(\d+) \(local_rank")


@dataclass(slots=True, kw_only=True)
class Ended:
    """How a run ended.

    Attributes:
        code: of the launcher; negative for a signal.
        reason: why this process ended it, or "".
        culprit: the rank that died or hung first, None where none did.
        last_lines: of that rank, else of the run.
        slow: a rank that the others waited for.
    """

    trace: RunTrace
    code: int
    reason: str
    culprit: int | None
    last_lines: tuple[str, ...]
    slow: int | None


def ended_run(trace: RunTrace, ranks: Ranks, code: int, reason: str, hung: Rank | None) -> Ended:
    """Put together how a run ended.

    Args:
        code: of the launcher.
        reason: why this process ended the run, or "".
        hung: the rank for which it did.
    """
    culprit = hung.number if hung is not None else None
    if culprit is None and (code or reason):
        culprit = _named_dead(trace)
        if culprit is None and code and not reason and not ranks.one:
            gone = ranks.first_gone()
            culprit = gone.number if gone is not None else None
    clock = script_clock(trace.lines)
    slow = ranks.slow(clock.began_s, clock.ended_s) if clock is not None else None
    mine = [line.text for line in trace.lines if culprit is not None and line.rank == culprit]
    last = mine or [line.text for line in trace.lines]
    return Ended(
        trace=trace,
        code=code,
        reason=reason,
        culprit=culprit,
        last_lines=tuple(text[:300] for text in last if text.strip())[-LAST_LINES:],
        slow=slow.number if slow is not None else None,
    )


def _named_dead(trace: RunTrace) -> int | None:
    """The rank that torchrun names as the first that failed."""
    texts = [line.text for line in trace.lines if line.rank is None]
    root = next((n for n, text in enumerate(texts) if "Root Cause (first observed failure)" in text), None)
    for text in texts[root:] if root is not None else ():
        if (found := _RANK.search(text)) is not None:
            return int(found.group(1))
    return None
