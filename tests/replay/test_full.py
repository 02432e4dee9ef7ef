"""`--full` with ranks on a CPU: launched by torchrun over gloo, measured from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import cli
from auditor.replay.full_run import FullOptions, FullRun, gpu_devices, run_seed
from auditor.replay.sandbox.ladder import Rung
from auditor.submission.load import load_path
from tests.replay.conftest import skip_unless

SCRIPT = """\
import os, time
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
total = torch.tensor([float(dist.get_rank() + 1)])
dist.all_reduce(total)
if dist.get_rank() == 0:
    open("final_model.ptz", "wb").write(os.urandom(5000))
dist.barrier()
time.sleep(1.5)
if dist.get_rank() == 0:
    print(f"final val_loss:{total.item():.4f} val_bpb:{0.5 * total.item():.4f} seed {os.environ['SEED']}")
    print(sorted(os.listdir(os.environ["DATA_PATH"])))
dist.destroy_process_group()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shards = tmp_path / "data" / "datasets" / "fineweb10B_sp64"
    shards.mkdir(parents=True)
    (shards / "fineweb_val_000000.bin").write_bytes(b"\0" * 2048)
    (tmp_path / "data" / "tokenizers").mkdir()
    (tmp_path / "train_gpt.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


@pytest.mark.sandbox
@pytest.mark.slow
@pytest.mark.parametrize("rung", [Rung.BUBBLEWRAP, Rung.NONE], ids=lambda rung: rung.value)
def test_two_ranks_are_launched_and_measured_from_outside(rung: Rung, folder: Path) -> None:
    skip_unless(rung)
    submission = load_path(str(folder / "train_gpt.py")).submissions[0]
    options = FullOptions(data=folder / "data", ranks=2, seconds=120, rung=rung)
    run = run_seed(submission, {}, 7, options)
    assert run.code == 0, run
    assert (run.artifact, run.artifact_bytes) == ("final_model.ptz", 5000)
    assert run.code_bytes == len(SCRIPT.encode())
    assert run.results[-1].startswith("final val_loss:3.0000 val_bpb:1.5000 seed 7")
    assert run.training_seconds is not None and run.evaluation_seconds is not None
    assert run.evaluation_seconds > 1.0
    assert run.seconds == pytest.approx(run.training_seconds + run.evaluation_seconds)
    assert run.problems == ()


def test_limits_are_told_by_the_measured_values() -> None:
    run = FullRun(
        seed=1,
        code=0,
        reason="",
        seconds=1300.0,
        training_seconds=590.0,
        evaluation_seconds=710.0,
        artifact="final_model.ptz",
        artifact_bytes=15_990_000,
        code_bytes=20_000,
        results=(),
    )
    assert [problem.split(",")[0] for problem in run.problems] == ["16", "evaluation took 710 s"]


def test_gpu_devices_are_found_by_name(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia7", "nvidiactl", "nvidia-uvm", "null", "nvidia.log"):
        (tmp_path / name).touch()
    names = [Path(device).name for device in gpu_devices(tmp_path)]
    assert names == ["nvidia-uvm", "nvidia0", "nvidia7", "nvidiactl"]


def test_full_without_data_is_a_usage_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["replay", "--full", str(folder / "train_gpt.py")]) == 2
    assert "--data" in capsys.readouterr().err
    assert (
        cli.run(["replay", "--full", "--data", str(folder), "--seeds", "a", str(folder / "train_gpt.py")])
        == 2
    )
