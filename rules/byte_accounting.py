"""A bits-per-byte value whose denominator is not the bytes of the validation text.

## What it checks

The bytes that a printed pair of loss and bits per byte implies, against those of the validation split
for the tokenizer's family; bytes that a line states itself; a spoilt space marker in the table of byte
lengths.

## Why it breaks the rules

A denominator that is 17 % too large makes every score 17 % better. Nothing was learnt.

## How to fix it

Count each token by the bytes it decodes to, the leading space once. With a transformed text, count the
bytes of the original (a sidecar).

## Known limits

Mixtures whose printed loss is not the scored quantity cannot be measured this way. Within 0.25 % is a
remark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.base import Bad, Evidence, Good, Judgement, Policy, Rule, Source
from rules.record_examples import SCRIPT, toy_folder
from rules.record_rule import judge_metric


class ByteAccounting(Rule):
    """Bits per byte are divided by the wrong bytes."""

    slug = "byte-accounting"
    title = "Bits per byte are divided by the wrong bytes"
    condition = "metric"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails beyond 0.25 % of the family",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1806",
            date="2026-04-25",
            who="cocohearts",
            ruling="a denominator that counts leading spaces twice is a wrong metric",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2039",
            date="2026-04-30",
            who="cocohearts",
            ruling="bits per byte are measured over the bytes of the original text",
        ),
    )
    examples = (
        Good("the bytes of the split", SCRIPT, toy_folder()),
        Bad("17.7 % too many bytes", SCRIPT, toy_folder(scale=1 / 1.177)),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        return judge_metric(self.slug, evidence, "the implied bytes are those of the validation split")
