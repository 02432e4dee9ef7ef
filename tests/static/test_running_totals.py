"""`total = total + score` is a running total as `total += score` is; arrays put into a part of a model change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from rules.core.rule import Outcome

SCRIPT = """\
import glob
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 32)
        self.head = nn.Linear(32, 1024)

    def forward(self, ids, targets):
        logits = self.head(self.embed(ids))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


file = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
tokens = torch.from_numpy(np.fromfile(file, dtype=np.uint16).astype(np.int64))
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
total = {start}
count = 0.0
rows = (tokens.{numel} - 1) // 1024
for first in range(0, rows, 8):
    last = min(first + 8, rows)
    piece = tokens[first * 1024 : last * 1024 + 1]
    x, y = piece[:-1].reshape(-1, 1024), piece[1:].reshape(-1, 1024)
    {before}
    with torch.no_grad():
        {add}
    count += float(y.numel())
    {after}
print(f"final val_bpb:{{float(total) / count / 0.6931471805599453:.6f}}")
"""
FIT = "optimizer.zero_grad(); model(x, y).backward(); optimizer.step()"
ADD = "total = total + model(x, y) * float(y.numel())"
SLOPE = "slope = torch.autograd.grad(model(x, y), [model.head.weight])[0]; "


def outcomes(path: Path, **given: str) -> dict[str, Outcome]:
    parts = {
        "start": "torch.zeros(())",
        "numel": "numel()",
        "before": "pass",
        "after": "pass",
        "add": ADD,
        **given,
    }
    script = path / "train_gpt.py"
    script.write_text(SCRIPT.format(**parts))
    (result,) = audit_target(str(script))[0]
    return {row.rule: row.outcome for row in result.rules}


ORDER = (
    "train-before-score",
    "rescore-after-update",
    "two-pass-rescore",
    "same-token-adaptation",
    "altered-score",
)


@pytest.mark.parametrize(
    "start", ["torch.zeros(())", "torch.tensor(0.0)", "torch.tensor(0, dtype=torch.float64)", "0.0"]
)
@pytest.mark.parametrize("numel", ["numel()", "size(0)"])
def test_scores_of_a_running_total_are_final(start: str, numel: str, tmp_path: Path) -> None:
    found = outcomes(tmp_path, start=start, numel=numel, after=FIT)
    assert {rule: found[rule] for rule in ORDER} == dict.fromkeys(ORDER, Outcome.PASS)


@pytest.mark.parametrize("start", ["torch.tensor(1.0)", "torch.tensor(-3.5)"])
def test_a_total_that_starts_elsewhere_is_not_the_loss(start: str, tmp_path: Path) -> None:
    assert outcomes(tmp_path, start=start)["altered-score"] is not Outcome.PASS


def test_a_total_with_turns_left_out_does_not_cover_the_split(tmp_path: Path) -> None:
    left_out = "if float(model(x, y)) < 3.0: " + ADD
    assert outcomes(tmp_path, add=left_out)["validation-coverage"] is not Outcome.PASS


@pytest.mark.parametrize(
    "before",
    [
        FIT,
        SLOPE + "setattr(model.head, 'weight', nn.Parameter(model.head.weight - 0.1 * slope))",
        SLOPE + "model.head.weight = nn.Parameter(model.head.weight - 0.1 * slope)",
        SLOPE + "model.head.load_state_dict({'weight': model.head.weight - 0.1 * slope}, strict=False)",
    ],
)
def test_a_part_that_is_fitted_before_the_score_is_found(before: str, tmp_path: Path) -> None:
    found = outcomes(tmp_path, before=before)
    assert Outcome.FAIL in {found[rule] for rule in ORDER}
