"""What a model is handed beside tokens: sizes from a checkpoint, numbers that are not known, a module's adapters."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from rules.core.rule import Outcome

SCRIPT = """\
import copy
import glob
import os
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Sizes:
    vocab: int
    width: int


class Net(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.embed = nn.Embedding(sizes.vocab, sizes.width)
        self.head = nn.Linear(sizes.width, sizes.vocab)

    def forward(self, ids, targets, first=0, delta=None):
        x = self.embed(ids)
        x = x + F.scaled_dot_product_attention(x, x, x, is_causal=True)
{body}
        x = x[:, first:]
        logits = self.head(x)
        if delta is not None:
            logits = logits + x @ delta.down.transpose(1, 2) @ delta.up.transpose(1, 2)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return loss.view(targets.shape)


@dataclass
class Delta:
    down: torch.Tensor
    up: torch.Tensor


class Adapters(nn.Module):
    def __init__(self, net, texts, rank):
        super().__init__()
        self.down = nn.Parameter(torch.zeros(len(texts), rank, net.sizes.width))
        self.up = nn.Parameter(torch.zeros(len(texts), {rows}, rank))

    def cut(self, start, stop):
        return Delta(self.down[start:stop], self.up[start:stop])


def batch(tokens, starts, length):
    first = min(start % 7 for start in starts)
    ids = torch.zeros(len(starts), length, dtype=torch.int64)
    targets = torch.zeros(len(starts), length - first, dtype=torch.int64)
    for row, start in enumerate(starts):
        ids[row] = tokens[start : start + length]
        targets[row] = tokens[start + first + 1 : start + length + 1]
    return ids, targets, first


shard = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
trained = Net(Sizes(vocab=int(os.environ.get("VOCAB", 1024)), width=32))
model = Net(trained.sizes)
model.load_state_dict(torch.load("model.pt"))
total = torch.zeros(())
places = list(range(0, tokens.numel() - 1025, 1024))
for group in range(0, len(places), 8):
    starts = places[group : group + 8]
    adapters = Adapters(model, starts, 4)
    with torch.no_grad():
        ids, targets, first = batch(tokens, starts, 1024)
        total += model(ids, targets, first, adapters.cut(0, len(starts))).sum()
print(f"final val_bpb:{{total.item() / 0.6931471805599453 / 1000000:.6f}}")
"""


def outcome(path: Path, body: str, rows: str = "net.sizes.vocab") -> tuple[Outcome, str]:
    script = path / "train_gpt.py"
    script.write_text(SCRIPT.format(body="        " + body, rows=rows))
    (result,) = audit_target(str(script))[0]
    (found,) = [row for row in result.rules if row.rule == "acausal-model"]
    return found.outcome, found.because


def test_sizes_numbers_and_adapters_are_followed(tmp_path: Path) -> None:
    found, because = outcome(tmp_path, "pass")
    assert found is Outcome.PASS, because


@pytest.mark.parametrize(
    "body",
    ["x = x + x.flip(1)", "x = x + F.pad(x[:, 1:], (0, 0, 0, 1))", "x = x + x.mean(1, keepdim=True)"],
)
def test_a_look_ahead_behind_them_is_found(body: str, tmp_path: Path) -> None:
    assert outcome(tmp_path, body)[0] is Outcome.FAIL


@pytest.mark.parametrize(
    "body",
    ["x = x + x.flip(1) if first > 3 else x", "x = x + x.flip(1) if first == 5 else x"],
)
def test_what_hangs_on_a_number_that_is_not_known_is_not_proved(body: str, tmp_path: Path) -> None:
    found, because = outcome(tmp_path, body)
    assert found not in (Outcome.PASS, Outcome.FAIL), because


def test_adapters_of_another_size_are_not_proved(tmp_path: Path) -> None:
    assert outcome(tmp_path, "pass", rows="7")[0] is not Outcome.PASS
