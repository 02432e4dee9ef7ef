"""A gain that is smaller than 0.005 nats, or that could be chance.

## What it checks

Whether the mean of the entry's runs lies at least 0.005 nats per token below the record at the base
point, at p < 0.01, by a Welch test with that margin; a one-sample test where the record has one value.

## Why it breaks the rules

The README asks for both of a new record; otherwise the board would move with the noise of seeds.

## How to fix it

Run more seeds; `auditor stats compare` says how many would settle it. Name the unit of the gain.

## Known limits

From late April 2026 maintainers also took p < 0.25 as chronological progression; the finding tells both.
It is a warning, as the practice was milder than the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Example, Outcome, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder


class Significance(RecordRule):
    """The gain over the record is not significant."""

    slug = "significance"
    title = "The gain over the record is not significant"
    tracks: ClassVar[tuple[str, ...]] = ("record",)
    clean = "the gain meets the README"
    needs_pull_request = True
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "warns where the text of the README is not met; both policies are told",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="a record beats the last one by 0.005 nats at p < 0.01",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1902",
            date="2026-04-28",
            who="cocohearts",
            ruling="p < 0.25 is accepted as chronological progression",
        ),
    )
    examples = (
        Example(
            title="a folder alone cannot tell",
            script=SCRIPT,
            files=toy_folder(),
            outcome=Outcome.NOT_APPLICABLE,
        ),
    )
