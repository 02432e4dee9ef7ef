"""Tokens scored, trained on, and scored again for the report.

## What it checks

Whether the reported score of a token is a later one than its first: the tokens were scored, the state was
then fitted to them, and the loss of a further pass or epoch is what the number is made from. Typical are
several epochs over a document with the last epoch's loss reported, and a legal score-first pass that is
followed by a second evaluation with the weights it left behind.

## Why it breaks the rules

One left-to-right pass gives every token one score, and that score is final. The second time the state has
learnt the tokens themselves. Several epochs are no offence; reporting a loss taken after the first is.

## How to fix it

Add a chunk's loss to the total before the first step on that chunk, and report that total. Keep the losses of
further epochs out of it, and do not evaluate again once the weights have been adapted.

## Known limits

That a loop comes back to the same tokens is told by its indices: a second pass whose order no index shows
gives `review`. A fit in a pass of its own after a finished evaluation reads as `train-before-score`: both
rules then describe the same offence from two sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.order_rule import RESCORE_AFTER_UPDATE, Offence, OrderRule, judged_report, named
from rules.core.rule import Bad, Evidence, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP, STEP


class RescoreAfterUpdate(OrderRule):
    """Fails when the reported score of a token was taken after an update that followed an earlier one."""

    slug = RESCORE_AFTER_UPDATE
    title = "Tokens scored again after the model was trained on them"
    condition = "C3 C4"
    clean = "no reported score is a second one, taken after the state was fitted to its tokens"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a reported loss of a later epoch or pass fails; epochs after the score are legal; where the "
        "first score is printed too and nothing tells which number is claimed, a person decides",
        Policy.STRICT: "as under the rulings: one pass, one score a token",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/568#issuecomment-4119903415",
            date="2026-03-23",
            who="valerio-oai",
            ruling="eight epochs of an adapter per document with the loss after training reported: not "
            "accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/512",
            date="2026-03-23",
            who="valerio-oai",
            ruling="two epochs per document, and the second one's loss is what counts: not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/991",
            date="2026-03-27",
            who="valerio-oai",
            ruling="a score-first pass is fine, a second full pass with the adapted weights is not",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/77",
            date="2026-03-19",
            who="merged record",
            ruling="an adapter per document with each chunk scored before its one step: accepted",
        ),
    )
    examples = (
        Good(
            "only the loss taken before the first step counts",
            SETUP
            + STEP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    for epoch in range(2):
        losses = F.cross_entropy(model(x), y, reduction="none")
        if epoch == 0:
            total += losses.detach().sum()
        losses.mean().backward()
        optimizer.step()
        optimizer.zero_grad()
"""
            + REPORT,
        ),
        Good(
            "two evaluations with nothing learnt between them",
            SETUP
            + """\
def evaluate():
    loss_sum = torch.zeros(())
    with torch.no_grad():
        for row in range(rows):
            y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
            loss_sum += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
    return loss_sum


print(f"first val_bpb:{evaluate().item() / (rows * SEQ) / math.log(2.0) * 0.41:.8f}")
total = evaluate()
"""
            + REPORT,
        ),
        Bad(
            "four epochs on each row, and the last epoch's loss is reported",
            SETUP
            + STEP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    for epoch in range(4):
        losses = F.cross_entropy(model(x), y, reduction="none")
        if epoch == 3:
            total += losses.detach().sum()
        losses.mean().backward()
        optimizer.step()  # expect: rescore-after-update
        optimizer.zero_grad()
"""
            + REPORT,
        ),
        Bad(
            "a score-first pass, and then a second evaluation with the adapted weights",
            SETUP
            + STEP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    losses = F.cross_entropy(model(x), y, reduction="none")
    total += losses.detach().sum()
    losses.mean().backward()
    optimizer.step()  # expect: rescore-after-update
    optimizer.zero_grad()
print(f"score-first val_bpb:{total.item() / (rows * SEQ) / math.log(2.0) * 0.41:.8f}")
total = torch.zeros(())
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""
            + REPORT,
        ),
    )

    def disputed(self, offence: Offence, evidence: Evidence) -> str:
        """Two numbers are printed, the first one honest, and nothing tells which of them is claimed."""
        trace = evidence.trace
        if evidence.claimed_bpb is None or trace is None or not trace.claimed_how.startswith("assumed"):
            return ""
        judged, earlier = judged_report(trace), offence.earlier
        if earlier is None or earlier.number in judged.scores:
            return ""
        first = [r for r in trace.reports if earlier.number in r.scores and not r.turns]
        if not first or any(self.found(trace, report) for report in first[:1]):
            return ""
        return (
            f"the score before the update is printed too, at {first[0].place}, and no log tells which of the two is "
            "the claimed number"
        )

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        first = f" at {offence.earlier.place}" if offence.earlier is not None else " in an earlier turn"
        return (
            f"Validation tokens are scored{first}, {named(update.state)} is trained on them by {update.by} "
            f"at {update.place}, and the score reported is that of a second time, at {score.place}"
        )
