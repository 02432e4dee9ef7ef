"""Numbers that contradict each other.

## What it checks

Whether the claimed score is a value or a mean of the logs, whether per-seed values, sizes and losses are
those of their logs, and whether stated statistics follow from their own numbers.

## Why it breaks the rules

The leaderboard shows the claimed number. If no log gives it, nobody has measured it.

## How to fix it

Take the numbers from the logs of the runs that are committed; name the unit of every difference.

## Known limits

A claim is held to the digits it is written with. Best-of-seeds claims are told, not failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder

if TYPE_CHECKING:
    from auditor.records.validate import RecordsResult


class ClaimMismatch(RecordRule):
    """The claim and the logs disagree."""

    slug = "claim-mismatch"
    title = "The claim and the logs disagree"
    unseen = "there is no claim, or no log to compare it with"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where a number is contradicted; rounding is not",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="the reported score must be reproducible from the submitted run",
        ),
    )
    examples = (
        Good("the mean of three logs", SCRIPT, toy_folder()),
        Bad("a score that no log has", SCRIPT, toy_folder(claimed=1.0501)),
    )

    def seen(self, records: RecordsResult) -> str:
        """How the logs give the claimed number."""
        from auditor.records.claim import How

        claim = records.claim
        if claim.value is None or not records.runs:
            return ""
        count = len(claim.lines)
        told = {
            How.MEAN: f"is the mean of {count} logs",
            How.SUBSET_MEAN: f"is the mean of {count} of the logs",
            How.SINGLE_LOG: "is printed by the log",
            How.ONE_OF_LOGS: "is printed by one of the logs",
        }.get(claim.how)
        if told is None or not count:
            return f"no log line gives {claim.text}; no other claim is contradicted by the logs"
        where = f" ({claim.lines[0].path}:{claim.lines[0].line})" if count == 1 else ""
        return f"{claim.text} {told}{where}"
