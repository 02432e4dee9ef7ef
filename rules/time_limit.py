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
from typing import TYPE_CHECKING, ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder

if TYPE_CHECKING:
    from auditor.records.validate import RecordsResult


class TimeLimit(RecordRule):
    """Training or evaluation takes more than 600 s."""

    slug = "time-limit"
    title = "Training or evaluation takes more than 600 s"
    tracks: ClassVar[tuple[str, ...]] = ("record",)
    unseen = "no log of the claimed run on eight GPUs prints a time"
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

    def seen(self, records: RecordsResult) -> str:
        """The longest times of the claimed runs on eight GPUs; a time over the limit is not in order."""
        from auditor.records.time_checks import LAST_STEP_S, LIMIT_S, evaluation_s, training_s

        facts = records.facts
        claimed = {line.path: line for line in facts.claim.lines}
        runs = [
            run
            for run in facts.distinct
            if facts.speaks_for_claim(run) and (run.world_size is None or run.world_size.value == 8)
        ]
        trained = [found[0] for run in runs if (found := training_s(run)) is not None]
        evaluated = [
            found[0] for run in runs if (found := evaluation_s(run, claimed.get(run.path))) is not None
        ]
        if max(trained, default=0.0) > LIMIT_S + LAST_STEP_S or max(evaluated, default=0.0) > LIMIT_S:
            return ""
        parts = [
            f"{what} took at most {max(times):.1f} s ({_logs(times)})"
            if times
            else f"no {what} time is printed"
            for what, times in (("training", trained), ("evaluation", evaluated))
        ]
        return ", ".join(parts) if trained or evaluated else ""


def _logs(times: list[float]) -> str:
    return "1 log" if len(times) == 1 else f"{len(times)} logs"
