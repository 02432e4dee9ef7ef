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
from typing import ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder


class ClaimMismatch(RecordRule):
    """The claim and the logs disagree."""

    slug = "claim-mismatch"
    title = "The claim and the logs disagree"
    clean = "the logs reproduce the claim"
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
