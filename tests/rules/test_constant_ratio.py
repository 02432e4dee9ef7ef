"""Bits per byte made with a constant number of tokens to a byte: held against the split's own."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from rules.core.rule import Outcome

SCRIPT = """\
import math, numpy as np, torch, torch.nn.functional as F

val = torch.from_numpy(np.fromfile("data/{split}/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
loss, count = 0.0, 0
with torch.no_grad():
    for s in range(0, val.numel() - 1024, 1024):
        loss += F.cross_entropy(model(val[s:s + 1024]), val[s + 1:s + 1025], reduction="sum").item()
        count += 1024
print(f"val_bpb:{{{number}:.6f}}")
"""
SP1024, SP8192 = 62_021_632 / 151_080_891, 40_540_160 / 151_080_891
"""Tokens of the split by bytes of its text: the counts that every log of these tokenizers prints."""


def outcome(folder: Path, split: str, number: str) -> Outcome:
    folder.joinpath("train_gpt.py").write_text(SCRIPT.format(split=split, number=number))
    results, _ = audit_target(str(folder / "train_gpt.py"))
    return next(answer.outcome for answer in results[0].rules if answer.rule == "byte-accounting")


@pytest.mark.parametrize(
    ("split", "ratio", "expected"),
    [
        ("fineweb10B_sp1024", SP1024, Outcome.PASS),
        ("fineweb10B_sp8192", SP8192, Outcome.PASS),
        ("fineweb10B_sp1024", SP1024 / 1.17, Outcome.FAIL),
        ("fineweb10B_sp1024", SP8192, Outcome.FAIL),
        ("fineweb10B_sp8192", SP1024, Outcome.REVIEW),
        ("tokens", SP1024, Outcome.PASS),
        ("tokens", SP8192, Outcome.REVIEW),
        ("tokens", 0.9, Outcome.REVIEW),
    ],
)
def test_a_ratio_is_held_against_the_split(
    tmp_path: Path, split: str, ratio: float, expected: Outcome
) -> None:
    assert outcome(tmp_path, split, f"loss / count / math.log(2.0) * {ratio!r}") is expected


def test_the_spelling_does_not_matter(tmp_path: Path) -> None:
    assert (
        outcome(tmp_path, "fineweb10B_sp1024", f"loss / count * {SP1024 / math.log(2.0)!r}") is Outcome.PASS
    )
    assert (
        outcome(tmp_path, "fineweb10B_sp1024", f"loss / count * {SP1024 / 1.2!r} / math.log(2)")
        is Outcome.FAIL
    )
