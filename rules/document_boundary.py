"""State that crosses from one document into the next.

## What it checks

Whether the forward pass that scores the claimed number adds to each position something of the position before
it (a smear gate, a shifted copy) without asking whether a new document begins there.

## Why it breaks the rules

It breaks none of the four conditions: the token before is in the past. But the first tokens of a document are
then predicted with the last token of another one, although attention and adapters were reset between them, and
maintainers asked for a mask before they merged such a model.

## How to fix it

Set the gate to zero where the token is BOS, in every forward path: `gate.masked_fill((ids[:, 1:] == BOS)
.unsqueeze(-1), 0.0)`.

## Known limits

The bodies of modules are looked at as text: a shift written otherwise, or a mask made elsewhere and folded into
a gate, is not told apart. Rows that hold one document each have no boundary to cross, and the note does not
apply to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.rule import (
    Evidence,
    Example,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    no_program,
)

_MODEL = """\
import glob
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEQ, BOS = 1024, 1


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.smear = nn.Linear(64, 1)
        self.head = nn.Linear(64, 1024)

    def forward(self, ids):
        x = self.embed(ids)
        gate = torch.sigmoid(self.smear(x[:, 1:]))
        x = torch.cat([x[:, :1], x[:, 1:] + gate * x[:, :-1]], dim=1)
        return self.head(torch.tanh(x))


shards = [np.fromfile(path, dtype=np.uint16) for path in sorted(glob.glob("data/fineweb_val_*.bin"))]
val_tokens = torch.from_numpy(np.concatenate(shards).astype(np.int64))
model = Model()
nats, tokens = 0.0, 0
with torch.no_grad():
    for start in range(0, val_tokens.numel() - SEQ, SEQ):
        x, y = val_tokens[start : start + SEQ], val_tokens[start + 1 : start + SEQ + 1]
        nats += F.cross_entropy(model(x[None]).flatten(0, 1), y, reduction="sum").item()
        tokens += SEQ
print(f"final val_loss:{nats / tokens:.8f}")
"""

_MASKED = _MODEL.replace(
    "        x = torch.cat",
    "        gate = gate.masked_fill((ids[:, 1:] == BOS).unsqueeze(-1), 0.0)\n        x = torch.cat",
)
_NOTED = _MODEL.replace("dim=1)", "dim=1)  # expect: document-boundary")


class DocumentBoundary(Rule):
    """A note on what a forward pass carries over the start of a document; never a violation."""

    slug = "document-boundary"
    title = "State crosses from one document into the next"
    condition = "quality"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a note: asked for since 2026-04-26 and disputed since (issue #1988), no violation",
        Policy.STRICT: "the same: the four conditions say nothing about documents",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1797",
            date="2026-04-26",
            who="cocohearts",
            ruling="a gate that adds the previous token over the start of a document, in evaluation and in "
            "test-time training, should be masked before the score is banked",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1851",
            date="2026-04-27",
            who="merged record",
            ruling="the same stack with the gate at zero on BOS positions was merged",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/issues/1988",
            date="2026-04-30",
            who="ClassicLarry",
            ruling="asked why: earlier documents are in the past, so looking at them is causal; answered by "
            "pointing at the audit note",
        ),
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Good("the gate is zero where a document begins", _MASKED),
        Example(
            title="the gate adds the last token of the document before",
            script=_NOTED,
            outcome=Outcome.PASS,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        if (undecided := no_program(evidence)) is not None:
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=undecided.because)
        assert evidence.trace is not None
        report = evidence.claimed
        findings = tuple(
            Finding(
                rule=self.slug,
                outcome=Outcome.PASS,
                level=Level.NOTE,
                report=report.label if report is not None else None,
                message=f"{carry.what} adds to each position something of the one before it, over the start of a "
                "document as well.",
                locations=(carry.place,),
            )
            for carry in evidence.trace.carries
        )
        if findings:
            return Judgement(outcome=Outcome.PASS, because=findings[0].message, findings=findings)
        because = "no mixing of positions over the start of a document was found"
        return Judgement(outcome=Outcome.PASS, because=because)
