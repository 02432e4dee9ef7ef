from __future__ import annotations

import json

from auditor.diffing.settings_delta import SettingChange
from auditor.diffing.submissions_delta import SubmissionsDelta, compare_submissions
from auditor.report.diff_text import render_markdown, render_text
from auditor.submission.model import SourceFile, Submission, Target, Track

SCRIPT = """
import os
import math
import numpy as np
import torch
import torch.nn.functional as F

class Hyperparameters:
    ttt_epochs = int(os.environ.get("TTT_EPOCHS", 3))
    qk_gain = float(os.environ.get("QK_GAIN", 5.0))
    run_id = os.environ.get("RUN_ID", "a")

WINDOW = 64

def make(h, model):
    return torch.optim.AdamW([{"params": model.parameters(), "weight_decay": h.wd}], lr=h.lr)

def main():
    h = Hyperparameters()
    model = torch.nn.Linear(64, 1024)
    tokens = torch.from_numpy(np.fromfile("data/fineweb_val_000000.bin", dtype=np.uint16).astype(np.int64))
    total = torch.zeros(())
    with torch.no_grad():
        for start in range(0, tokens.numel() - WINDOW, WINDOW):
            targets = tokens[start + 1 : start + WINDOW + 1]
            total += F.cross_entropy(model(tokens[start : start + WINDOW]), targets)
    print(f"final val_bpb:{total.item() / math.log(2.0)}")

main()
"""


def log(sliding: float, ttt: float) -> str:
    lines = ["seed:1", "world_size:8", "step:1/9 train_loss:6.9 train_time:5ms"]
    lines += [f"sliding val_loss:2.9 val_bpb:{sliding:.6f}", f"ttt val_loss:2.8 val_bpb:{ttt:.6f}"]
    return "\n".join(lines) + "\n"


def submission(name: str, script: str, **files: str) -> Submission:
    made = {"train_gpt.py": script, **{key.replace("__", "."): text for key, text in files.items()}}
    sources = tuple(
        SourceFile.from_bytes(f"{name}/{key}", text.encode()) for key, text in sorted(made.items())
    )
    target = Target(kind="folder", path=name)
    (main,) = [source for source in sources if source.name == "train_gpt.py"]
    return Submission(target=target, folder=name, script=main, files=sources, track=Track.NON_RECORD)


def compare(new_script: str, old_files: dict[str, str], new_files: dict[str, str]) -> SubmissionsDelta:
    return compare_submissions(
        submission("old", SCRIPT, **old_files), submission("new", new_script, **new_files)
    )


def names(changes: tuple[SettingChange, ...]) -> list[str]:
    return [change.name for change in changes]


def test_a_changed_default_with_an_equal_value_in_force_is_no_delta() -> None:
    run = "# x\n\n```bash\nQK_GAIN=5.25 torchrun --nproc_per_node=8 train_gpt.py\n```\n"
    new = SCRIPT.replace('"QK_GAIN", 5.0', '"QK_GAIN", 5.25')
    assert names(compare(new, {"README__md": run}, {}).settings) == []
    changed = compare(new, {}, {}).settings
    assert names(changed) == ["QK_GAIN"]
    assert changed[0].old is not None and changed[0].new is not None
    assert (changed[0].old.value, changed[0].new.value) == ("5.0", "5.25")


def test_settings_constants_and_optimiser_groups() -> None:
    new = SCRIPT.replace('"TTT_EPOCHS", 3', '"TTT_EPOCHS", 4').replace("WINDOW = 64", "WINDOW = 32")
    new = new.replace('"RUN_ID", "a"', '"RUN_ID", "b"').replace("h.wd}", "h.mlp_wd}")
    delta = compare(new, {}, {})
    assert names(delta.settings) == ["TTT_EPOCHS"] and names(delta.constants) == ["WINDOW"]
    assert delta.optimisers_removed == ("group {params: model.parameters(), weight_decay: .wd}",)
    assert delta.optimisers_added == ("group {params: model.parameters(), weight_decay: .mlp_wd}",)


def test_equal_scripts_have_no_delta() -> None:
    delta = compare(
        SCRIPT.replace("    total = torch.zeros(())", "    total  =  torch.zeros( () )  # sum"), {}, {}
    )
    assert delta.empty and "nothing that computes differs" in render_text(delta)


def test_gain_tells_what_was_there_before_the_last_step() -> None:
    delta = compare(
        SCRIPT,
        {"train_seed1__log": log(1.10, 1.09), "submission__json": '{"val_bpb": 1.09}'},
        {"train_seed1__log": log(1.08, 1.065), "submission__json": '{"val_bpb": 1.065}'},
    )
    before, claimed = delta.gain
    assert (before.label, round(before.difference_bpb, 6), before.claimed) == ("sliding", -0.02, False)
    assert before.share is not None and round(before.share, 3) == 0.8
    assert claimed.claimed and round(claimed.difference_bpb, 6) == -0.025


def test_every_format_shows_the_same_parts() -> None:
    delta = compare(SCRIPT.replace('"TTT_EPOCHS", 3', '"TTT_EPOCHS", 4'), {}, {})
    value = json.loads(json.dumps(delta.to_json()))
    assert value["settings"][0]["name"] == "TTT_EPOCHS" and value["settings"][0]["new"]["value"] == "4"
    assert "TTT_EPOCHS: '3' (default) -> '4' (default)" in render_text(delta)
    assert "TTT_EPOCHS" in render_markdown(delta)
