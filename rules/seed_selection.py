"""Several seeds that are one, or one that is called by another name.

## What it checks

Whether logs that claim different seeds print different ones, whether their first losses differ, and
whether they are near-copies of each other.

## Why it breaks the rules

Statistics over seeds assume independent runs. One seed run three times has only the noise of the
hardware.

## How to fix it

Set the seed for each run and let the log print it.

## Known limits

Seeds picked out of many runs leave no trace in the chosen logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.base import Bad, Good, Policy, Source
from rules.record_examples import SCRIPT, toy_folder
from rules.record_rule import RecordRule


class SeedSelection(RecordRule):
    """Seeds are not what they are said to be."""

    slug = "seed-selection"
    title = "Seeds are not what they are said to be"
    clean = "seeds printed, named and claimed agree"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where logs of different seeds show one",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="seeds may not be searched for; results are shown over several of them",
        ),
    )
    examples = (
        Good("three seeds", SCRIPT, toy_folder()),
        Bad("every log prints seed 1337", SCRIPT, toy_folder(seed=1337)),
    )
