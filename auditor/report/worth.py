"""What a maintainer's look at a script is worth: claimed gain × confidence × completeness, with the factors shown.

The gain is over the record of the script's date by the leaderboard, in thousandths of a bit per byte; more than the
largest step that the board ever made is no reason to look sooner. A violation is worth nothing, whatever it claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.corpus.row import Row
from auditor.pull_request.board import BoardRow, frontier_row
from rules import ALL
from rules.core.rule import Kind

CONFIDENCE = {"compliant": 1.0, "review": 0.5, "violation": 0.0}
"""Of a verdict, that the number counts; a script that could not be read or judged has a quarter."""
UNREAD = 0.25

RECORD_RULES = frozenset(rule.slug for rule in ALL if rule.kind is Kind.RECORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """The factors; gains in thousandths of a bit per byte.

    Attributes:
        claimed: what the script claims to gain over the record of its date; negative where it is worse.
        gain: that of it which counts, from 0 to the largest step of the board.
    """

    claimed: float
    gain: float
    confidence: float
    completeness: float

    @property
    def value(self) -> float:
        return self.gain * self.confidence * self.completeness

    def sum(self) -> str:
        """The product as it is shown: `8.4 × 1 × 0.88`."""
        return f"{self.gain:.1f} × {self.confidence:g} × {self.completeness:.2g}"


def worth_of(row: Row, board: Sequence[BoardRow]) -> Worth | None:
    """None for what is not in the record track, claims nothing, or comes before the first record."""
    if row.bpb is None or track_of(row) != "record" or not row.date:
        return None
    frontier = frontier_row(
        board,
        folder=row.path.rpartition("/")[0],
        date=row.date,
        pull_request=row.pr,
        score=row.bpb,
    )
    if frontier is None:
        return None
    claimed = frontier.score - row.bpb
    failed = len(RECORD_RULES.intersection(row.failed))
    return Worth(
        claimed=1000.0 * claimed,
        gain=1000.0 * min(max(claimed, 0.0), largest_step(board)),
        confidence=CONFIDENCE.get(row.verdict or "", UNREAD),
        completeness=1.0 - failed / len(RECORD_RULES),
    )


def largest_step(board: Sequence[BoardRow]) -> float:
    """The largest gain of one record over the one before it, in bits per byte."""
    best: float | None = None
    most = 0.0
    for row in sorted(board, key=lambda row: (row.date, -row.score)):
        if best is not None and row.score < best:
            most = max(most, best - row.score)
        best = row.score if best is None else min(best, row.score)
    return most


def track_of(row: Row) -> str:
    """One of "record", "non-record" and "other", by the path."""
    parts = row.path.split("/")
    if "track_10min_16mb" in parts:
        return "record"
    return "non-record" if any(part.startswith("track_non_record") for part in parts) else "other"
