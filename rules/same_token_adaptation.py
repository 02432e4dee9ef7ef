"""A correction fitted to the very tokens that are then scored with it.

## What it checks

Whether a delta, a logit bias, a temperature or an adapter is fitted to the tokens of a window and the same
window is then scored with it, inside one turn of the loop over the windows. The correction may be thrown away
before the next window: it has still read the targets it is scored on.

## Why it breaks the rules

The distribution of a token must depend on the tokens before it alone. A correction fitted to the window's
targets carries them into the score: exchange one target and the probabilities of the others move.

## How to fix it

Fit the correction to positions whose score is already final (an earlier window, or the context part of this
one) and score only the positions after them; keep the two apart by slices that can be compared.

## Known limits

Windows that fit on a context part and score a suffix pass where the two are intervals that can be compared and
the correction is one window's own. One correction for a batch of windows has seen, in the contexts of later windows,
what it scores in earlier ones: where it is fitted to contexts alone, that is `review`. There is no maintainer
ruling on this family; none of it was merged, and the context-only kind is disputed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.overlap import overlap, same_row
from auditor.trace.region import Region
from rules.core.order_rule import SAME_TOKEN_ADAPTATION, Offence, OrderRule, named
from rules.core.rule import DISPUTED, Bad, Evidence, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP


class SameTokenAdaptation(OrderRule):
    """Fails when a state is fitted to tokens and then scores them, within one turn of the loop over them."""

    slug = SAME_TOKEN_ADAPTATION
    title = "A correction fitted to the tokens that it then scores"
    condition = "C1 C3"
    clean = "no reported score came from a state fitted to the scored window itself"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a proved overlap fails: no ruling allows it and none was merged; one correction for a batch, "
        "fitted to the contexts of its windows alone, is disputed and for a person to judge",
        Policy.STRICT: "both fail: the distribution may not depend on the token it scores",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1176",
            date="2026-03-31",
            who="community review",
            ruling="a delta fitted to the scored positions leaks their targets into the score",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1240",
            date="2026-04-01",
            who="community review",
            ruling="flipping one target changes the probabilities of the other tokens: the leak is shown",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/issues/1336",
            date="2026-04-04",
            who="community discussion",
            ruling="no maintainer ruling; fitting to context positions alone is disputed",
        ),
    )
    examples = (
        Good(
            "the delta is fitted to the first half, only the second half is scored",
            SETUP
            + """\
for row in range(rows):
    window = val_tokens[row * SEQ : (row + 1) * SEQ + 1]
    delta = torch.zeros(1024, requires_grad=True)
    tuner = torch.optim.AdamW([delta], lr=0.01)
    for step in range(8):
        F.cross_entropy(model(window[:512]) + delta, window[1:513]).backward()
        tuner.step()
        tuner.zero_grad()
    with torch.no_grad():
        logits = model(window[:-1]) + delta
        total += F.cross_entropy(logits[512:], window[513:], reduction="sum")
"""
            + REPORT,
        ),
        Good(
            "the bias fitted to a row serves the next row",
            SETUP
            + """\
bias = torch.zeros(1024, requires_grad=True)
tuner = torch.optim.AdamW([bias], lr=0.01)
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        total += F.cross_entropy(model(x) + bias, y, reduction="sum")
    F.cross_entropy(model(x) + bias, y).backward()
    tuner.step()
    tuner.zero_grad()
"""
            + REPORT,
        ),
        Bad(
            "a delta for each row, fitted to the targets it is scored on",
            SETUP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    delta = torch.zeros(1024, requires_grad=True)
    tuner = torch.optim.AdamW([delta], lr=0.01)
    for step in range(8):
        F.cross_entropy(model(x) + delta, y).backward()
        tuner.step()  # expect: same-token-adaptation
        tuner.zero_grad()
    with torch.no_grad():
        total += F.cross_entropy(model(x) + delta, y, reduction="sum")
"""
            + REPORT,
        ),
        Bad(
            "a temperature by hand-written gradient steps on the row",
            SETUP
            + """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    scale = nn.Parameter(torch.ones(1))
    tuner = torch.optim.SGD([scale], lr=0.1)
    F.cross_entropy(model(x) * scale, y).backward()
    tuner.step()  # expect: same-token-adaptation
    with torch.no_grad():
        losses = F.cross_entropy(model(x) * scale, y, reduction="none")
    total += losses.sum()
"""
            + REPORT,
        ),
    )

    def disputed(self, offence: Offence, evidence: Evidence) -> str:
        """A correction that is fitted to the context of each window of a batch, and to nothing it scores there."""
        used, scored = offence.absorbed.update.regions, offence.score.regions
        if not all(_context_only(region, other) for region in used for other in scored):
            return ""
        return (
            "in each window it is fitted to the tokens before the scored ones alone, and shares tokens only with what "
            "other windows of the batch score: variants fitted to contexts alone are disputed (issue 1336), "
            f"{DISPUTED}"
        )

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        return (
            f"{named(update.state)} is fitted by {update.by} at {update.place} to the tokens that are scored "
            f"with it at {score.place}"
        )


def _context_only(used: Region, scored: Region) -> bool:
    """Whether the tokens of a row of a batch are other ones than those scored in the same row."""
    return any(overlap(scored, region)[0] is Answer.NO for region in same_row(used, scored))
