"""What a model's constructor keeps of its settings decides what its loss is, unless something else may set it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.submission.load import load_submissions
from rules.altered_score import AlteredScore
from rules.core.rule import Outcome

SCRIPT = """\
import glob
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEQ = 1024


def loss_of(logits, wanted, weight, how):
    each = F.cross_entropy(logits.float(), wanted, reduction="none")
    if weight > 0:
        each = each - weight * torch.logsumexp(logits.float(), dim=-1).square()
    return each.sum() if how == "sum" else each.mean()


class Base(nn.Module):
    pass


class Model(Base):
    def __init__(self, width, weight=0.0):
        super().__init__()
        self.embed = nn.Embedding(1024, width)
        self.head = nn.Linear(width, 1024)
        self.weight_of_norm = weight

    def forward(self, tokens, wanted):
        return loss_of(self.head(torch.tanh(self.embed(tokens))), wanted, self.weight_of_norm, "sum")


shard = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
val_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
model = Model(64, float(os.environ.get("NORM_WEIGHT", 0.0)))
# here
rows = (val_tokens.numel() - 1) // SEQ
total = torch.zeros(())
for row in range(rows):
    part = val_tokens[row * SEQ : (row + 1) * SEQ + 1]
    with torch.no_grad():
        total += model(part[:-1], part[1:])
print(f"final val_loss:{total.item() / (rows * SEQ):.8f}")
"""
GIVEN = 'Model(64, float(os.environ.get("NORM_WEIGHT", 0.0)))'
LEGAL = {
    "off": SCRIPT,
    "off where the call leaves it out": SCRIPT.replace(GIVEN, "Model(64)"),
    "off, and no settings at all": SCRIPT.replace(", self.weight_of_norm,", ", 0,"),
}
ALTERED = {
    "on": SCRIPT.replace('"NORM_WEIGHT", 0.0', '"NORM_WEIGHT", 0.1'),
    "on by default": SCRIPT.replace(GIVEN, "Model(64)").replace("weight=0.0", "weight=0.1"),
    "set from outside": SCRIPT.replace("# here", "model.weight_of_norm = 0.1"),
    "set on whatever there is": SCRIPT.replace(
        "# here", "for m in model.modules():\n    m.weight_of_norm = 0.1"
    ),
    "set by its name": SCRIPT.replace("# here", 'setattr(model, "weight_of_norm", 0.1)'),
    "set by a name that is computed": SCRIPT.replace(
        "# here", 'for m in model.modules():\n    setattr(m, "weight" + "_of_norm", 0.1)'
    ),
    "set in the object's dictionary": SCRIPT.replace("# here", 'model.__dict__["weight_of_norm"] = 0.1'),
    "set by a base": SCRIPT.replace(
        "    pass", "    def on(self):\n        self.weight_of_norm = 0.1"
    ).replace("# here", "model.on()"),
    "a property": SCRIPT.replace(
        "    pass",
        "    @property\n    def weight_of_norm(self):\n        return 0.1\n\n"
        "    @weight_of_norm.setter\n    def weight_of_norm(self, _):\n        pass",
    ),
    "what is set is changed": SCRIPT.replace(
        "    pass", "    def __setattr__(self, name, value):\n        super().__setattr__(name, 0.1)"
    ),
}


def outcome(script: str, root: Path) -> tuple[Outcome, str]:
    (root / "train_gpt.py").write_text(script)
    (submission,) = load_submissions(str(root / "train_gpt.py")).submissions
    (answer,) = audit_submission(submission, rules=(AlteredScore,)).rules
    return answer.outcome, answer.because


@pytest.mark.parametrize("name", LEGAL)
def test_a_plain_loss_is_seen_through_functions_and_settings(name: str, tmp_path: Path) -> None:
    found, because = outcome(LEGAL[name], tmp_path)
    assert found is Outcome.PASS, because


@pytest.mark.parametrize("name", ALTERED)
def test_a_loss_that_may_be_another_does_not_pass(name: str, tmp_path: Path) -> None:
    found, because = outcome(ALTERED[name], tmp_path)
    assert found in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.REVIEW), because
