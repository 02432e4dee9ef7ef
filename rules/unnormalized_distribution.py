"""A score that is not taken from one distribution over the vocabulary.

## What it checks

Whether something was looked up about the scored token alone (a count, an entry of a cache, its number of bytes)
and mixed into the probability of that token after it had been picked, so that nothing makes the mixture sum to
one; whether what is mixed in was asked for without the scored token, or is a constant that is added whichever token
comes; and whether a token's log-probability was spread over its bytes and mixed, byte by byte, with another model.

## Why it breaks the rules

Bits per byte compare models only if every one of them pays for the probability it gives to all other tokens. A
number raised for the realised token, with the other tokens left as they were, is paid by nobody. The share of a
token's log-probability that falls on one byte is no distribution over bytes either: the bytes that the tokens not
chosen would have given have no share in it.

## How to fix it

Mix whole distributions before the target is picked: for every token of the vocabulary the model's probability and
the cache's, with weights that do not depend on the target. A model over bytes needs the token distribution summed
over all tokens that agree with the bytes so far.

## Known limits

A count added to the model's probability as to a prior is `review`, as for `target-keyed-cache`. That weights of a
mixture sum to one, or that a hand-written normaliser is the right one, is not checked: the replay's probes do that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from auditor.trace.events import Blend, Report
from auditor.trace.formula import Kind, deviations
from rules.core.mixture_rule import CHOSEN, NATIVE, Blended, BlendRule, named_lookup
from rules.core.order_rule import judged_report
from rules.core.rule import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Source,
    Step,
)
from rules.examples.evaluation_loop import REPORT, SETUP

SPREAD = "spread"

COUNTS = "seen = np.ones(1024)\n"
SCORED = """\
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        nll = F.cross_entropy(model(x), y, reduction="none")
"""
"""What the examples begin with: counts of tokens, and the loop that scores a row."""


class UnnormalizedDistribution(BlendRule):
    """Fails when something known of the target alone is mixed into its probability."""

    slug = "unnormalized-distribution"
    title = "A score that is not taken from one distribution over the vocabulary"
    condition = "C2"
    clean = "every reported score was read from a distribution over the vocabulary"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "what is looked up by the target alone and mixed in fails; a count added to a prior is for a "
        "person to judge",
        Policy.STRICT: "both fail: the score is read from a distribution over the whole vocabulary",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/779#issuecomment-4145781641",
            date="2026-03-27",
            who="valerio-oai",
            ruling="a cache that gives a number for the realised token alone, mixed in without renormalising over "
            "the vocabulary, makes the score no probability",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1185",
            date="2026-04-01",
            who="valerio-oai",
            ruling="smoothed exact counts asked for the target only are not normalised over the vocabulary either",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1835",
            date="2026-04-27",
            who="valerio-oai",
            ruling="a token's log-probability spread over its bytes and mixed with a byte model is no valid "
            "distribution",
        ),
    )
    examples = (
        Good(
            "the cache's row and the model's distribution are mixed, then the target is picked",
            SETUP
            + """\
counts = torch.zeros(1024, 1024)
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        seen = counts[x] + 0.01
        cached = torch.log(seen / seen.sum(-1, keepdim=True))
        both = torch.stack([F.log_softmax(model(x), dim=-1) + math.log(0.8), cached + math.log(0.2)])
        total += F.nll_loss(torch.logsumexp(both, dim=0), y, reduction="sum")
        counts.index_put_((x, y), torch.ones(SEQ), accumulate=True)
"""
            + REPORT,
        ),
        Bad(
            "a count of the target joins the mixture at the target only",
            SETUP
            + COUNTS
            + SCORED
            + """\
    share = seen[y.numpy()] / 4096  # expect: unnormalized-distribution
    total += -np.log(0.9 * np.exp(-nll.numpy()) + 0.1 * share).sum()
    np.add.at(seen, y.numpy(), 1)
"""
            + REPORT,
        ),
        Good(
            "a uniform share beside the model's",
            SETUP
            + SCORED
            + """\
    total += -torch.log(0.9 * torch.exp(-nll) + 0.1 / 1024).sum()
"""
            + REPORT,
        ),
        Bad(
            "a constant is added to the probability of whichever token comes",
            SETUP
            + SCORED
            + """\
    total += -torch.log(0.9 * torch.exp(-nll) + 0.05).sum()  # expect: unnormalized-distribution
"""
            + REPORT,
        ),
        Bad(
            "the count is of the token before, by an index that is one off",
            SETUP
            + COUNTS
            + SCORED
            + """\
    share = seen[x.numpy()] / seen.sum()
    mixed = 0.9 * np.exp(-nll.numpy()) + 0.1 * share  # expect: unnormalized-distribution
    total += -np.log(mixed).sum()
    np.add.at(seen, x.numpy(), 1)
"""
            + REPORT,
        ),
        Bad(
            "the log-probability is spread over the token's bytes and mixed with a table of bytes",
            SETUP
            + """\
pieces = [bytes([i % 256]) * (1 + i % 3) for i in range(1024)]
table = {}
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        nll = F.cross_entropy(model(x), y, reduction="none")
    for i in range(SEQ):
        text = pieces[int(y[i])]  # expect: unnormalized-distribution
        share = torch.exp(-nll[i] / len(text))
        for byte in text:
            seen = table.get(byte, 1)  # expect: unnormalized-distribution
            total += -torch.log(0.9 * share + 0.1 * seen / 256)
            table[byte] = seen + 1
"""
            + REPORT,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        judgement = super().judge(evidence)
        if judgement.outcome is Outcome.FAIL or evidence.trace is None or not evidence.trace.reports:
            return judgement
        findings = tuple(self.foreign(judged_report(evidence.trace)))
        if not findings:
            return judgement
        worst = min(findings, key=lambda finding: finding.outcome is not Outcome.FAIL)
        return Judgement(
            outcome=worst.outcome, because=worst.message, findings=(*judgement.findings, *findings)
        )

    def foreign(self, report: Report) -> Iterator[Finding]:
        """What is mixed into the probability of a token without having been asked for that token."""
        found = {d for printed in report.numbers for d in deviations(printed) if d.kind is Kind.FOREIGN}
        for deviation in sorted(found, key=lambda d: (str(d.place), d.text)):
            outcome = Outcome.FAIL if deviation.certain else Outcome.REVIEW
            place = deviation.place or report.place
            yield Finding(
                rule=self.slug,
                outcome=outcome,
                level=Level.ERROR if outcome is Outcome.FAIL else Level.WARNING,
                report=report.label,
                message=f"The mixture is no distribution: {deviation.text} ({place}), so the probabilities of all "
                "tokens sum to more than one.",
                locations=tuple(dict.fromkeys((place, report.place))),
                steps=(
                    Step(text=deviation.text, place=place),
                    Step(text="reported here", place=report.place),
                ),
            )

    def concerns(self, blend: Blend) -> bool:
        if blend.form == SPREAD:
            return True
        if blend.lookup.how == NATIVE:
            return blend.form != CHOSEN
        return (blend.lookup.memory or blend.combined) and blend.lookup.how in ("entry", "row", "column")

    def outcome(self, entry: Blended, found: Iterable[Blended], evidence: Evidence) -> Outcome:
        """A token's probability spread over its bytes is no distribution over bytes, whatever it is mixed with."""
        if entry.blend.form == SPREAD:
            mixed = any(other.blend.form != SPREAD for other in found)
            return Outcome.FAIL if mixed else Outcome.REVIEW
        return super().outcome(entry, found, evidence)

    def story(self, entry: Blended) -> str:
        lookup = entry.blend.lookup
        if entry.blend.form == SPREAD:
            return (
                f"the log-probability of a token is divided by what {named_lookup(lookup)} holds for it "
                f"({lookup.place}), such as its number of bytes, and the parts are mixed with a table at "
                f"{entry.score.place}: a part of a token's probability is no distribution over bytes"
            )
        return (
            f"what {named_lookup(lookup)} holds for the scored token is looked up at {lookup.place} and mixed into "
            f"the probability of that token alone at {entry.score.place}: the other tokens of the vocabulary are "
            "not asked for, and nothing makes the mixture sum to one"
        )
