"""A model that looks ahead.

## What it checks

The model's own code, followed with the latest token that each element of each tensor may depend on: whether the row of
logits that a token is scored with was computed from earlier tokens alone. Attention without its mask, a shift in the
wrong direction, a recurrence that runs both ways, a mean over time, a symmetric convolution, the target's embedding or
a bonus on its logit all show. It passes where the bound is proved for every path that is open.

## Why it breaks the rules

Condition 1: the distribution of a token is a function of the artifact and of the tokens before it. A model that is
shown what it is asked for measures nothing.

## How to fix it

Mask attention with `is_causal=True` (or a lower triangle), shift with zeros in front (`F.pad(x[:, :-1], …)`), take
running sums in place of means over time, and use the targets in the loss alone.

## Known limits

The model is walked at 64 and at 40 tokens, not at the length of the evaluation, and with the weights' shapes alone.
Where it compares how long or how many its rows are, it is walked for sizes on the other side too, and what looks ahead
there alone goes to a person. What slices leave out of short rows is not looked for in long ones.
Kernels that a submission writes itself in Triton or CUDA, shapes that depend on data and models of other libraries
are not followed: they go to a person. Libraries' kernels are taken to do what they declare, which the pass says. What
an evaluation does to the logits outside of the model is seen where the scored tokens themselves go into them. A
statistic over a whole tensor (the scale of a quantiser) is told apart from a look ahead and goes to a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from auditor.trace.formula import Kind, deviations
from auditor.trace.forward_pass import Bound, ForwardPass
from rules.core.rule import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    Step,
)
from rules.examples.evaluation_loop import REPORT

_MODEL = """\
import glob
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEQ = 1024


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.head = nn.Linear(64, 1024)

    def forward(self, tokens, targets):
        x = self.embed(tokens)
{body}
        logits = self.head(x).flatten(0, 1)
        return F.cross_entropy(logits, targets.flatten(), reduction="sum")


shard = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
val_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
model = Model()
rows = (val_tokens.numel() - 1) // SEQ
total = torch.zeros(())
with torch.no_grad():
    for row in range(rows):
        local = val_tokens[row * SEQ : (row + 1) * SEQ + 1].to(torch.int64)
        total += model(local[:-1][None], local[1:][None])
"""


def _script(body: str, *, bad: bool = False) -> str:
    line = " " * 8 + body + ("  # expect: acausal-model" if bad else "")
    return _MODEL.format(body=line) + REPORT


class AcausalModel(Rule):
    """Fails when a row of logits provably depends on its target or on tokens after it."""

    slug = "acausal-model"
    title = "A model that looks ahead"
    condition = "C1"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where a row depends on its target or on later tokens; a statistic over the whole "
        "tensor, and what could not be followed, is for a person",
        Policy.STRICT: "the same, and a statistic over the whole tensor fails",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/issues/1017",
            date="2026-04-06",
            who="maintainers' conditions",
            ruling="each token's distribution is made from the artifact and from the tokens before it alone",
        ),
    )
    examples = (
        Good(
            "attention under its triangle",
            _script("x = x + F.scaled_dot_product_attention(x, x, x, is_causal=True)"),
        ),
        Good(
            "the token before, with zeros in front",
            _script("x = x + F.pad(x[:, :-1], (0, 0, 1, 0))"),
        ),
        Bad(
            "attention without a mask",
            _script("x = x + F.scaled_dot_product_attention(x, x, x)", bad=True),
        ),
        Bad(
            "shifted the wrong way: the next token",
            _script("x = x + F.pad(x[:, 1:], (0, 0, 0, 1))", bad=True),
        ),
        Bad(
            "a mean over the whole sequence",
            _script("x = x - x.mean(dim=1, keepdim=True)", bad=True),
        ),
        Bad(
            "the target's embedding",
            _script("x = x + 0.1 * self.embed(targets)", bad=True),
        ),
        Bad(
            "a scale taken from the whole tensor",
            _script("x = x / x.abs().max()", bad=True),
            outcome=Outcome.REVIEW,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        passes = of_the_claim(evidence)
        ahead = _outside_of_the_model(evidence)
        if ahead is not None and not any(found.bound is Bound.ACAUSAL for found in passes):
            return ahead
        if not passes:
            because = "no model of the script's own was found that scores the validation tokens"
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because)
        worst = max(passes, key=lambda found: _SEVERITY.index(found.bound))
        outcome = self.outcome(worst.bound, evidence.policy)
        claimed, trace = evidence.claimed, evidence.trace
        if (
            outcome is Outcome.FAIL
            and claimed is not None
            and trace is not None
            and not trace.scores_of(claimed)
        ):
            outcome = Outcome.REVIEW  # whether the number is made with this call, nothing shows
        if worst.bound is Bound.CAUSAL:
            named = sorted({found.model for found in passes})
            kernels = sorted({kernel for found in passes for kernel in found.rests_on})
            trusted = f", taking {', '.join(kernels)} at their word" if kernels else ""
            because = f"every row of {', '.join(named)} depends on tokens before its target alone{trusted}"
            return Judgement(outcome=outcome, because=because)
        message = _message(worst)
        finding = Finding(
            rule=self.slug,
            outcome=outcome,
            level=_LEVELS[outcome],
            report=evidence.claimed.label if evidence.claimed is not None else None,
            message=message,
            locations=(worst.place, worst.called_at),
            steps=(
                Step(text=f"the evaluation calls {worst.model}", place=worst.called_at),
                Step(text=worst.reason, place=worst.place),
            ),
        )
        return Judgement(outcome=outcome, because=message, findings=(finding,))

    def outcome(self, bound: Bound, policy: Policy) -> Outcome:
        """What a bound means for the rule."""
        if bound is Bound.STATISTIC:
            return Outcome.FAIL if policy is Policy.STRICT else Outcome.REVIEW
        return {Bound.CAUSAL: Outcome.PASS, Bound.ACAUSAL: Outcome.FAIL}.get(bound, Outcome.UNKNOWN)


_SEVERITY = (Bound.CAUSAL, Bound.UNKNOWN, Bound.STATISTIC, Bound.ACAUSAL)
_LEVELS = {Outcome.FAIL: Level.ERROR, Outcome.REVIEW: Level.WARNING, Outcome.UNKNOWN: Level.WARNING}


def of_the_claim(evidence: Evidence) -> Sequence[ForwardPass]:
    """The passes behind the claimed number: all but those whose call is a score of another number."""
    trace, report = evidence.trace, evidence.claimed
    if trace is None or report is None:
        return evidence.forward_passes
    own = {score.place for score in trace.scores_of(report)}
    others = {score.place for other in trace.reports for score in trace.scores_of(other)} - own
    return [found for found in evidence.forward_passes if found.called_at not in others]


def _outside_of_the_model(evidence: Evidence) -> Judgement | None:
    """What the evaluation mixes into the logits behind the model: the tokens that they are of."""
    report = evidence.claimed
    found = {d for n in report.numbers for d in deviations(n)} if report is not None else set()
    ahead = sorted((d for d in found if d.kind is Kind.AHEAD), key=lambda d: (not d.certain, d.text))
    if report is None or not ahead:
        return None
    first = ahead[0]
    outcome = Outcome.FAIL if first.certain else Outcome.UNKNOWN
    places = (report.place,) if first.place is None else (first.place, report.place)
    message = (
        f"{'Outside' if first.certain else 'Perhaps, outside'} of the model, {first.text} ({places[0]})."
    )
    finding = Finding(
        rule=AcausalModel.slug,
        outcome=outcome,
        level=_LEVELS[outcome],
        report=report.label,
        message=message,
        locations=places,
        steps=(Step(text=first.text, place=places[0]),),
    )
    return Judgement(outcome=outcome, because=message, findings=(finding,))


def _message(found: ForwardPass) -> str:
    if found.bound is Bound.UNKNOWN:
        return f"The forward pass of {found.model} could not be followed, at {found.place}: {found.reason}."
    return f"In {found.model}, {found.reason}; the first value that reaches so far is at {found.place}."
