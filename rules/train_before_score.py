"""Weights fitted to validation tokens that have not been scored yet.

## What it checks

For every reported number the distributions behind its scores are followed back to the states they came from,
and from there to each change that was made with validation tokens. A change made from tokens that are scored
afterwards breaks this rule. Fitting on tokens whose score is already final is legal, however many epochs it
takes.

## Why it breaks the rules

A token may change the model only after it has been scored. Weights fitted to the validation split first have
seen the answers: the number then measures how well the split was memorised, not how well it is predicted.
Doing so before quantisation changes nothing: the fitted weights are in the artifact.

## How to fix it

Score a chunk, add its loss to the total, and only then take a step on that chunk. Where the fit is meant to
help the whole split, fit to training tokens within the training time.

## Known limits

A split read under a name that does not say "val" is not known to be validation tokens. A position that is not
an interval of the loops around it (a hash, a permutation, a file counter) cannot be proved to lie apart from
another and gives `review`. The check of a trained model that is printed before a fit is not taken for the
score that must come first, since the number reported comes from a second pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.order_rule import TRAIN_BEFORE_SCORE, Offence, OrderRule, named
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP, STEP


class TrainBeforeScore(OrderRule):
    """Fails when a reported score came from weights fitted to its own tokens in an earlier pass."""

    slug = TRAIN_BEFORE_SCORE
    title = "Weights fitted to validation tokens before these are scored"
    condition = "C3"
    clean = "no reported score came from weights fitted to its tokens before they were scored"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a fit to tokens that are scored later fails; any number of epochs on scored tokens "
        "is legal",
        Policy.STRICT: "as under the rulings: a token may change state only after its score is final",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/152",
            date="2026-03-20",
            who="0hq",
            ruling="the whole validation stream is fitted first and then scored: not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/442",
            date="2026-03-23",
            who="valerio-oai",
            ruling="ten epochs of AdamW over the validation tokens before the evaluation: not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1972",
            date="2026-04-30",
            who="cocohearts",
            ruling="fitting to validation tokens before quantisation is training on tokens not scored yet",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/549",
            date="2026-03-23",
            who="merged record",
            ruling="each chunk is scored and then trained on for several epochs: accepted",
        ),
    )
    examples = (
        Good(
            "each row is scored first and trained on afterwards, three times",
            SETUP
            + STEP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        total += F.cross_entropy(model(x), y, reduction="sum")
    for epoch in range(3):
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
"""
            + REPORT,
        ),
        Good(
            "fitted to training tokens, scored on validation tokens",
            SETUP
            + STEP
            + """\
shard = sorted(glob.glob("data/fineweb_train_*.bin"))[0]
train_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
for step in range(1000):
    window = train_tokens[step * SEQ : (step + 1) * SEQ + 1]
    F.cross_entropy(model(window[:-1]), window[1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""
            + REPORT,
        ),
        Bad(
            "ten epochs over the split, then the evaluation",
            SETUP
            + STEP
            + """\
for epoch in range(10):
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y).backward()
        optimizer.step()  # expect: train-before-score
        optimizer.zero_grad()
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""
            + REPORT,
        ),
        Bad(
            "the fit comes before the artifact is written: it is in the weights that are read back",
            SETUP
            + STEP
            + """\
for row in range(rows):
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y).backward()
    optimizer.step()  # expect: train-before-score
    optimizer.zero_grad()
torch.save({name: value.half() for name, value in model.state_dict().items()}, "model.pt")
fresh = Model()
fresh.load_state_dict(torch.load("model.pt"))
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(fresh(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""
            + REPORT,
        ),
    )

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        return (
            f"{named(update.state)} is fitted to validation tokens by {update.by} at {update.place} before "
            f"these tokens are scored at {score.place}, so the reported number comes from weights that had "
            "seen the answers"
        )
