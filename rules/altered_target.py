"""Other tokens scored than those that follow the input.

## What it checks

What was done to the tokens of the split on their way to the loss: whether the targets are the tokens one place behind
the input, unchanged. Arithmetic on them, clamps, remainders, a table that maps them, targets masked away, targets
that are the input itself or lie further ahead are other targets.

## Why it breaks the rules

The score is the model's for the validation text. A text with fewer different tokens, or one that the model is shown,
costs fewer bits and says nothing of that one.

## How to fix it

Slice the split once, `x = tokens[start:stop]` and `y = tokens[start + 1 : stop + 1]`, and hand both on as they are:
casts, reshapes, padding with a number that is no token (`ignore_index=-100`) are fine.

## Known limits

Where places in a batch could not be followed, only what is done to the tokens' values is seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.events import Report
from auditor.trace.formula import Kind
from rules.core.formula_rule import FormulaRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP


class AlteredTarget(FormulaRule):
    """Fails when the tokens that are scored are not those of the split that follow the input."""

    slug = "altered-target"
    title = "Other tokens scored than those that follow"
    condition = "metric"
    fails = Kind.TARGET
    meaning = "Other tokens are scored than those that follow"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where the targets are provably other tokens",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="README",
            ruling="the score is the compression of the validation split, token by token",
        ),
    )
    examples = (
        Good(
            "the tokens one place behind the input",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        local = val_tokens[row * SEQ : (row + 1) * SEQ + 1].to(torch.int64)
        total += F.cross_entropy(model(local[:-1]), local[1:].reshape(-1), reduction="sum")
"""
            + REPORT,
        ),
        Bad(
            "the targets are the input",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        total += F.cross_entropy(model(x), x, reduction="sum")  # expect: altered-target
"""
            + REPORT,
        ),
        Bad(
            "rare tokens become one",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1].clamp(max=900)  # expect: altered-target
        total += F.cross_entropy(model(x), y, reduction="sum")
"""
            + REPORT,
        ),
    )

    def clean(self, report: Report) -> str:
        return "nothing changes the tokens on their way to the loss"
