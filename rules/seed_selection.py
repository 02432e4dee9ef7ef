"""Several seeds that are one, one that is called by another name, or the best of many.

## What it checks

Whether logs that claim different seeds print different ones, whether the names of the logs and what they print
agree, whether the losses of the first steps differ, whether logs are near-copies of each other, and whether
logs of further seeds that lie in the folder are all worse than those that the claimed mean is made of.

## Why it breaks the rules

Statistics over seeds assume independent runs that were chosen before their results were known. One seed run
three times has only the noise of the hardware, and the best three of ten are no sample: searching seeds is
training with compute that nobody counted.

## How to fix it

Choose the seeds first. Set the seed for each run, let the log print it, name the log after it, and average all
runs of the submitted configuration.

## Known limits

Seeds picked out of runs that are not in the folder leave no trace. Logs left out of the claimed mean are a
warning: they may be of another configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder

if TYPE_CHECKING:
    from auditor.records.validate import RecordsResult


class SeedSelection(RecordRule):
    """Seeds are not what they are said to be."""

    slug = "seed-selection"
    title = "Seeds are not what they are said to be"
    unseen = "no log prints a seed"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where logs of different seeds show one; worse seeds left out of the mean are a "
        "warning",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="tuning hyperparameters over many runs is fine, brute-forcing seeds is compute that does not "
            "count as tuning and may be disqualified",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2124",
            date="2026-05-02",
            who="cocohearts",
            ruling="a mean whose third seed comes from another configuration is not record-ready: three seeds of "
            "the submitted one are needed",
        ),
    )
    examples = (
        Good("three seeds", SCRIPT, toy_folder()),
        Bad("every log prints seed 1337", SCRIPT, toy_folder(seed=1337)),
        Bad(
            "three seeds by their names, one by the losses of the first steps",
            SCRIPT,
            toy_folder(losses_of=2),
        ),
    )

    def seen(self, records: RecordsResult) -> str:
        """The seeds that the logs print."""
        seeds = [run.seed.value for run in records.facts.distinct if run.seed is not None]
        if not seeds:
            return ""
        named = ", ".join(str(seed) for seed in dict.fromkeys(seeds))
        return f"{len(seeds)} log{'s' if len(seeds) != 1 else ''} print{'s' if len(seeds) == 1 else ''} seed {named}"
