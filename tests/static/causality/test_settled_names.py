"""Switches at the top of a module that `main` sets before the model is called: their values at the call hold in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from rules.core.rule import Outcome

SCRIPT = """\
import glob

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

MIRRORED = False


class Mixer(nn.Module):
    mode = "plain"

    def forward(self, x):
        if MIRRORED or Mixer.mode == "mirrored":
            x = x + x.flip(1)
{inside}
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 32)
        self.mixer = Mixer()
        self.head = nn.Linear(32, 1024)

    def forward(self, ids, targets):
        logits = self.head(self.mixer(self.embed(ids)))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def switch(value):
    global MIRRORED
    MIRRORED = value


def evaluated(model, tokens):
    total = torch.zeros(())
    with torch.no_grad():
        for start in range(0, tokens.numel() - 1025, 1024):
            piece = tokens[start : start + 1025]
            total += model(piece[:-1][None], piece[1:][None]).sum()
    return total


def main():
    shard = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
    tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
    model = Net()
    model.load_state_dict(torch.load("model.pt"))
{before}
    total = evaluated(model, tokens)
    print(f"final val_bpb:{{total.item() / 0.6931471805599453 / 1000000:.6f}}")


main()
"""


def outcome(path: Path, before: str, inside: str = "pass") -> tuple[Outcome, str]:
    script = path / "train_gpt.py"
    script.write_text(SCRIPT.format(before="    " + before, inside="        " + inside))
    (result,) = audit_target(str(script))[0]
    (found,) = [row for row in result.rules if row.rule == "acausal-model"]
    return found.outcome, found.because


@pytest.mark.parametrize(
    "before",
    ["switch(False)", "switch(True); switch(False)", "Mixer.mode = 'other'", "switch(len('') > 1)"],
)
def test_a_switch_that_is_off_at_the_call_is_off_in_the_model(before: str, tmp_path: Path) -> None:
    found, because = outcome(tmp_path, before)
    assert found is Outcome.PASS, because


@pytest.mark.parametrize("before", ["switch(True)", "switch(1 > 0)", "Mixer.mode = 'mirrored'"])
def test_a_switch_that_is_on_is_on(before: str, tmp_path: Path) -> None:
    found, because = outcome(tmp_path, before)
    assert found is Outcome.FAIL, because


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("switch(torch.rand(()).item() > 0.5)", "pass"),
        ("for turn in range(int(torch.rand(()).item() * 9)): switch(turn > 3)", "pass"),
        ("switch(False)", "if torch.rand(()).item() > 0.5: switch(True)"),
        ("switch(False)", "if torch.rand(()).item() > 0.5: Mixer.mode = 'mirrored'"),
        ("switch(False)\n    evaluated(model, tokens)\n    switch(True)", "pass"),
    ],
)
def test_a_switch_that_may_be_on_is_not_proved_off(before: str, inside: str, tmp_path: Path) -> None:
    found, because = outcome(tmp_path, before, inside)
    assert found is not Outcome.PASS, because
