"""A number that is not the sum of plain losses, divided as the challenge divides.

## What it checks

What the claimed number is made of, from the loss that the model gives in evaluation, through sums over tokens, batches
and ranks, to the printed line. It has to come out as `val_loss = Σ nll / Σ tokens` and
`val_bpb = Σ nll / ln 2 / Σ bytes`, however it is spelt. Seen as alterations: a coefficient below one, scores that are
clamped, raised to a power, weighted by themselves or by their token, left out by their value or by their token, the
median or the least of several, the mean of several passes; class weights, label smoothing and ignored tokens in the
loss; the logarithm of another base; a constant, or a number out of a file, put in.

## Why it breaks the rules

Scores are comparable only if all of them are the same function of a model's probabilities: the negative logarithm of
what it gave to each token of the split. Any of these makes the number smaller without a better model.

## How to fix it

Add up `F.cross_entropy(..., reduction="sum")` (or the mean times the number of tokens), count the tokens and their
bytes, and divide once at the end. A training loss with weights or smoothing needs an evaluation of its own.

## Known limits

Masks for the overlap of windows, for padding and for the ends of documents pass: they choose by place. What only
makes the number worse (a regulariser that is added) is noted. That mixtures of probabilities sum to one is a matter for
`unnormalized-distribution`, the bytes for `byte-accounting`, the tokens reached for `validation-coverage`. What could
not be followed, such as a loss computed by a kernel of the submission's own, is left open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.events import Report
from auditor.trace.formula import Kind, expected
from rules.core.formula_rule import FormulaRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP

README = "https://github.com/openai/parameter-golf#submission-process"


class AlteredScore(FormulaRule):
    """Fails when the claimed number is another function of the scores than the challenge's."""

    slug = "altered-score"
    title = "A number that is not the plain loss of the tokens"
    condition = "metric"
    fails = Kind.ALTERED
    open = (Kind.OPAQUE,)
    meaning = "The number is not the plain loss"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where the number is provably another function of the scores; what could not be "
        "followed is undecided",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="README",
            ruling="submissions are ranked by the bits that the model spends on a byte of the validation split",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/573",
            date="2026-03-23",
            who="valerio-oai",
            ruling="a number made of chosen losses is no score of the model",
        ),
    )
    examples = (
        Good(
            "the last half of each window counts, by a mask over places",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        nll = F.cross_entropy(model(x), y, reduction="none")
        inside = torch.arange(SEQ) >= SEQ // 2
        total += (nll * inside).sum()
"""
            + REPORT,
        ),
        Good(
            "means of rows, weighted by their tokens",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(x), y) * y.numel()
"""
            + REPORT,
        ),
        Bad(
            "no token costs more than six nats",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        nll = F.cross_entropy(model(x), y, reduction="none")
        total += nll.clamp(max=6.0).sum()  # expect: altered-score
"""
            + REPORT,
        ),
        Bad(
            "hard tokens are left out",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        nll = F.cross_entropy(model(x), y, reduction="none")
        total += nll[nll < 8.0].sum()  # expect: altered-score
"""
            + REPORT,
        ),
        Bad(
            "the loss of the training, smoothed, is reported",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(x), y, reduction="sum", label_smoothing=0.1)  # expect: altered-score
"""
            + REPORT,
        ),
    )

    def clean(self, report: Report) -> str:
        told = [f"{n.name} = {n.formula.text()}" for n in report.numbers if expected(n.name) is not None]
        return "; ".join(told) or "no number of the line is made of scores"
