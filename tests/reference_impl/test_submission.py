"""The records folder: complete, consistent with its own logs, and written from nothing else."""

from __future__ import annotations

import datetime
import json
import math
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

from reference_impl.data import load_validation_tokens
from reference_impl.demo import demo_environment
from reference_impl.roster import EVALUATIONS
from reference_impl.single_file import write_script
from reference_impl.submission import Entry, SubmissionError, read_log, write_submission

LOG = """\
world_size:8 grad_accum_steps:1
seed:42
step:1/10 train_loss:6.9 train_time:1ms step_avg:1.00ms
step:10/10 val_loss:2.5000 val_bpb:1.5000 train_time:600123ms step_avg:60012.30ms
Serialized model int8+zlib: 15800000 bytes
Code size: 70000 bytes
Total submission size int8+zlib: 15870000 bytes
final_int8_zlib_roundtrip val_loss:2.4000 val_bpb:1.4000 eval_time:99ms
final_int8_zlib_roundtrip_exact val_loss:2.40000000 val_bpb:1.40000000
final_lora_ttt val_loss:2.3000 val_bpb:1.3000 eval_time:1234ms
final_lora_ttt_exact val_loss:2.30000001 val_bpb:1.30000002
"""


def test_log_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "train_seed42.log"
    path.write_text(LOG)
    result = read_log(path, 42, "final_lora_ttt")
    assert (result.val_loss, result.val_bpb) == (2.30000001, 1.30000002)
    assert (result.model_bytes, result.code_bytes) == (15_800_000, 70_000)
    assert (result.steps, result.train_ms, result.eval_ms) == (10, 600_123, 1234)


def test_a_log_without_its_score_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train_seed42.log"
    path.write_text(LOG.replace("final_lora_ttt", "final_other"))
    with pytest.raises(SubmissionError, match="final_lora_ttt"):
        read_log(path, 42, "final_lora_ttt")


@pytest.mark.slow
def test_folder_holds_what_its_runs_said(toy_data: Path, tmp_path: Path) -> None:
    small = {"MODEL_DIM": "32", "ITERATIONS": "8", "TTT_LORA_RANK": "1", "TTT_CHUNK_SIZE": "64"}
    entry = Entry(
        name="Tiny run, for a test",
        author="A. Author",
        github_id="author",
        date=datetime.date(2026, 1, 2),
        track="non_record_16mb",
        blurb="Eight steps.",
        evaluation=EVALUATIONS["document"],
        seeds=(1, 2, 3),
        environment={**demo_environment(toy_data), **small},
        processes=1,
    )
    folder = write_submission(entry, tmp_path / "records" / "track_non_record_16mb", tmp_path)
    assert folder.name == "2026-01-02_Tiny_run_for_a_test"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "README.md",
        "submission.json",
        "train_gpt.py",
        "train_seed1.log",
        "train_seed2.log",
        "train_seed3.log",
    ]
    assert (folder / "train_gpt.py").read_text() == write_script(entry.evaluation)
    claim = json.loads((folder / "submission.json").read_text())
    val_tokens = load_validation_tokens(str(toy_data)).numel() - 1
    bpb, first_losses, implied = [], set(), []
    for seed in entry.seeds:
        log = (folder / f"train_seed{seed}.log").read_text()
        assert f"\nseed:{seed}\n" in log and "\nworld_size:1 " in log
        assert f"tokens:{val_tokens}\n" in log
        (loss, value) = re.findall(rf"{entry.evaluation.label}_exact val_loss:(\S+) val_bpb:(\S+)", log)[0]
        bpb.append(float(value))
        implied.append(val_tokens * float(loss) / (math.log(2) * float(value)))
        first_losses.add(re.findall(r"step:1/8 train_loss:(\S+)", log)[0])
        (model, code, total) = (
            int(re.findall(rf"{what}: (\d+) bytes", log)[0])
            for what in (r"Serialized model int8\+zlib", "Code size", r"Total submission size int8\+zlib")
        )
        assert model + code == total == claim["seed_results"][str(seed)]["artifact_bytes"]
        assert code == len((folder / "train_gpt.py").read_bytes()) == claim["bytes_code"]
    assert claim["val_bpb"] == pytest.approx(mean(bpb), abs=1e-8)
    assert claim["val_bpb_std"] == pytest.approx(stdev(bpb), abs=1e-8)
    assert len(set(bpb)) == 3 and len(first_losses) > 1
    assert max(implied) - min(implied) < 1.0  # the same bytes behind every log
    readme = (folder / "README.md").read_text()
    assert f"**{claim['val_bpb']:.4f}**" in readme and "SEED=1 python train_gpt.py" in readme


def test_a_failing_run_is_named(tmp_path: Path, toy_data: Path) -> None:
    entry = Entry(
        name="Broken",
        author="A",
        github_id="a",
        date=datetime.date(2026, 1, 2),
        track="non_record_16mb",
        blurb="",
        evaluation=EVALUATIONS["flat"],
        seeds=(7,),
        environment={**demo_environment(toy_data), "VOCAB_SIZE": "1024"},
        processes=1,
    )
    with pytest.raises(SubmissionError, match=r"(?s)seed 7: train_gpt\.py ended with 1.*VOCAB_SIZE=1024"):
        write_submission(entry, tmp_path, tmp_path)
