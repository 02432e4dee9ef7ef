"""A log that the shipped script cannot have made earns it nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult, Verdict

SCRIPT = """\
import math, numpy as np, torch, torch.nn.functional as F

val = torch.from_numpy(np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
print(f"step:{9000}/{20000} train_loss:{2.5:.4f} train_time:{590000}ms")
print(f"averaging {5} checkpoints")
print(f"Code size: {1024} bytes")
loss, count = 0.0, 0
with torch.no_grad():
    for s in range(0, val.numel() - 1024, 1024):
        logits, y = model(val[s : s + 1024]), val[s + 1 : s + 1025]
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        count += 1024
print(f"final val_loss:{loss / count:.6f} val_bpb:{loss / count / math.log(2.0) * 0.410503:.6f}")
"""
LOSS = 2.9
CLAIM = LOSS / 0.6931471805599453 * 0.410503
STEP = "step:9000/20000 train_loss:2.5000 train_time:590000ms"
SHIPPED, OTHER = f"Code size: {len(SCRIPT)} bytes", f"Code size: {2 * len(SCRIPT)} bytes"
FINAL = f"final val_loss:{LOSS:.6f} val_bpb:{CLAIM:.6f}"


def audited(folder: Path, lines: list[str], **files: str) -> AuditResult:
    folder.joinpath("train_gpt.py").write_text(SCRIPT)
    folder.joinpath("README.md").write_text("# A toy\n")
    folder.joinpath("submission.json").write_text(json.dumps({"val_bpb": round(CLAIM, 6)}))
    folder.joinpath("train.log").write_text("\n".join(["seed:1", "world_size:8", *lines]) + "\n")
    for name, text in files.items():
        folder.joinpath(f"{name}.py").write_text(text)
    results, _ = audit_target(str(folder))
    return next(result for result in results if result.target.path.endswith("train_gpt.py"))


@pytest.mark.parametrize(
    "lines",
    [
        [STEP, SHIPPED, FINAL],
        [STEP, OTHER, "averaging 5 checkpoints", FINAL],
        ["[rank0]: " + STEP, SHIPPED, "[rank0]: " + FINAL],
        [STEP, SHIPPED, "fitted: 3 tables", FINAL],
        [STEP, OTHER, "/lib/torch/nn.py:12: UserWarning: value=3 is old", FINAL],
        [STEP, SHIPPED, FINAL, f"result {CLAIM:.6f} val_bpb: {CLAIM:.6f}"],
    ],
    ids=["its own", "edited", "with ranks", "same size", "a warning", "told again"],
)
def test_a_log_that_the_script_can_have_made_counts(tmp_path: Path, lines: list[str]) -> None:
    result = audited(tmp_path, lines)
    assert not result.doubts
    assert not [finding for finding in result.findings if finding.code == "log_of_other_code"]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([STEP, OTHER, "fitted: 3 tables", FINAL], "fitted: 3 tables"),
        ([STEP, OTHER, "averaged: 5 checkpoints", FINAL], "averaged: 5 checkpoints"),
        ([STEP, SHIPPED, f"final_mixed val_bpb:{CLAIM:.6f}"], "final_mixed val_bpb"),
    ],
    ids=["another stage", "another wording", "another label"],
)
def test_a_log_of_other_code_is_for_a_person(tmp_path: Path, lines: list[str], shown: str) -> None:
    result = audited(tmp_path, lines)
    assert result.verdict is Verdict.REVIEW
    assert any(shown in doubt for doubt in result.doubts)
    (found,) = [finding for finding in result.findings if finding.code == "log_of_other_code"]
    assert found.rule == "claim-mismatch" and found.where.startswith("train.log:")


def test_the_file_that_can_have_printed_it_is_named(tmp_path: Path) -> None:
    other = 'bpb = 1.0\nprint(f"final_mixed val_bpb:{bpb:.6f}")\n'
    result = audited(tmp_path, [STEP, SHIPPED, f"final_mixed val_bpb:{CLAIM:.6f}"], pack_and_score=other)
    assert any("pack_and_score.py can" in doubt for doubt in result.doubts)
