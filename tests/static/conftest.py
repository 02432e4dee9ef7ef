"""Small submissions of our own, and what the static witness says of them.

A script under test is a prelude (validation tokens, a model, an optimizer) and the lines that a test is about.
Nothing here is run: the scripts are read.
"""

from __future__ import annotations

import ast

from auditor.program.unpacking.program import load_program
from auditor.static.predict import trace_program
from auditor.trace.answer import Answer
from auditor.trace.events import Absorbed
from auditor.trace.trace import Trace

PRELUDE = """\
import copy, dataclasses, functools, glob, io, math, os
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.head = nn.Linear(64, 1024)

    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)), y)

    def losses(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)), y, reduction="none")

shards = sorted(glob.glob("data/fineweb_val_*.bin"))
val = torch.from_numpy(np.concatenate([np.fromfile(f, dtype="<u2") for f in shards]).astype(np.int64))
n = val.numel()
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
total = 0.0

def tokens(s):
    return val[s:s + 1024], val[s + 1:s + 1025]

def score(s):
    x, y = tokens(s)
    with torch.no_grad():
        return model(x, y).item()

def fit(s):
    x, y = tokens(s)
    model(x, y).backward()
    optimizer.step()
    optimizer.zero_grad()

"""
"""What every small script begins with: `score(s)` and `fit(s)` take the 1024 tokens from position `s` on."""

PRINT = 'print(f"val_bpb:{total / n}")\n'


class NoSource:
    """A program of one file."""

    def inner(self, node: ast.Call) -> None:
        return None

    def unresolved(self, node: ast.Call) -> None:
        return None

    def sibling(self, name: str) -> None:
        return None

    def native(self, name: str) -> str:
        return "there is none"


def traced(text: str) -> Trace:
    """Return the trace of a whole script without settings from outside."""
    program = load_program("train_gpt.py", text.encode(), lambda path: None)
    return trace_program(program, {}).trace


def run(body: str) -> Trace:
    """Return the trace of prelude, body and the print of the result."""
    return traced(PRELUDE + body.strip("\n") + "\n" + PRINT)


def absorbed(trace: Trace) -> list[Absorbed]:
    """Return the updates in the scores of the last report, with what was proved of their tokens.

    A last report without scores, or with doubts, is an error: nothing may pass for clean because it was not seen.
    """
    report = trace.reports[-1]
    assert trace.complete
    assert report.scores and not report.untraced, f"the scores of {report.label!r} were not found"
    assert not report.doubts, [trace.events[number] for number in report.doubts]
    return [entry for score in trace.scores_of(report) for entry in score.absorbed]


def worst_overlap(trace: Trace) -> Answer:
    """Return the worst answer of the last report: YES, a score had seen its own tokens; NO, proved clean."""
    return max(
        (entry.overlap for entry in absorbed(trace)), key=lambda answer: answer.rank, default=Answer.NO
    )


def line_of(marker: str, text: str) -> int:
    """Return the one line (from 1) of a text that ends with the comment `# marker`."""
    (line,) = [i for i, row in enumerate(text.splitlines(), 1) if row.endswith(f"# {marker}")]
    return line
