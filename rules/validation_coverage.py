"""A score over a part of the validation split, or over another text.

## What it checks

The number of validation tokens that the log prints: known counts of cut or foreign splits, and for other
tokenizers the bytes they cover.

## Why it breaks the rules

Scores are comparable over the same 50,000 documents only; a part can be easier than the whole.

## How to fix it

Export and score the full split of 50,000 documents.

## Known limits

Without a printed token count nothing is said. Development runs on a part are fine when they are not
claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.base import Bad, Evidence, Good, Judgement, Policy, Rule, Source
from rules.record_examples import SCRIPT, toy_folder
from rules.record_rule import judge_metric


class ValidationCoverage(Rule):
    """Not the whole validation split is scored."""

    slug = "validation-coverage"
    title = "Not the whole validation split is scored"
    condition = "metric"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails for known counts of cut or foreign splits",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1835",
            date="2026-04-27",
            who="cocohearts",
            ruling="a score over a subset of the validation documents does not count",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2018",
            date="2026-04-30",
            who="cocohearts",
            ruling="the canonical split of 50,000 documents must be used",
        ),
    )
    examples = (
        Good("all 50,000 documents", SCRIPT, toy_folder()),
        Bad("10,000 of 50,000 documents", SCRIPT, toy_folder(tokens=9_662_464)),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        return judge_metric(self.slug, evidence, "the printed token counts are those of the full split")
