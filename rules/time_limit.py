"""More than 600 s of training or of evaluation.

## What it checks

Whether training and evaluation of the claimed runs each stay within 600 s on eight GPUs, by the times
that their logs print. Quantiser calibration after training counts to training.

## Why it breaks the rules

Both limits are stated in the README for the record track; more time buys a better score.

## How to fix it

Stop earlier: reserve the seconds of calibration before the loop starts, and cut the evaluation.

## Known limits

The cap is checked after a step, so up to 601.5 s are a remark. Times not printed are not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder


class TimeLimit(RecordRule):
    """Training or evaluation takes more than 600 s."""

    slug = "time-limit"
    title = "Training or evaluation takes more than 600 s"
    tracks: ClassVar[tuple[str, ...]] = ("record",)
    clean = "printed times stay within 600 s"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails over 601.5 s of training or 600 s of evaluation",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="record entries train at most 600 s and evaluate at most 600 s on 8 H100",
        ),
    )
    examples = (
        Good("588 s of training", SCRIPT, toy_folder()),
        Bad("604 s of training", SCRIPT, toy_folder(train_ms=604_000)),
    )
