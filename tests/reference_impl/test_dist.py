"""One, two and four ranks compute the same."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reference_impl.dist import Ranks
from tests.reference_impl.rank_worker import compute
from tests.reference_impl.roster import COMPLIANT

ROOT = Path(__file__).parents[2]


def run_ranks(world: int, out: Path, data: Path) -> dict[str, torch.Tensor]:
    """Run the worker on `world` gloo ranks of this machine and return what rank 0 wrote."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.reference_impl.rank_worker", str(out), str(data)],
            cwd=ROOT,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "CUDA_VISIBLE_DEVICES": "",
                "RANK": str(rank),
                "WORLD_SIZE": str(world),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            },
            stdout=subprocess.DEVNULL,
        )
        for rank in range(world)
    ]
    try:
        assert [process.wait(timeout=240) for process in processes] == [0] * world
    finally:
        for process in processes:
            process.kill()
    results: dict[str, torch.Tensor] = torch.load(out, weights_only=True)
    return results


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_scores_and_training_do_not_depend_on_the_rank_count(
    world: int, tmp_path: Path, toy_data: Path
) -> None:
    alone = compute(Ranks(), toy_data)
    together = run_ranks(world, tmp_path / "out.pt", toy_data)
    for name in COMPLIANT:
        if name in ("chunk_ttt", "phased_ttt"):  # gradients are summed in another order
            torch.testing.assert_close(together[name], alone[name], rtol=0, atol=1e-4)
        else:  # entries are disjoint and batches fixed: the same bits
            assert torch.equal(together[name], alone[name]), name
    torch.testing.assert_close(together["losses"], alone["losses"], rtol=0, atol=1e-4)
    torch.testing.assert_close(together["weights"], alone["weights"], rtol=0, atol=2e-3)


@pytest.mark.slow
def test_torchrun_gives_the_same_metric_as_one_process(tmp_path: Path, toy_data: Path) -> None:
    from reference_impl.demo import demo_environment

    metrics = []
    for launcher in (["-m"], ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"]):
        folder = tmp_path / str(len(launcher))
        folder.mkdir()
        environment = {
            **os.environ,
            **demo_environment(toy_data),
            "PYTHONPATH": str(ROOT),
            "MODEL_DIM": "32",
            "ITERATIONS": "8",
            "CUDA_VISIBLE_DEVICES": "",
        }
        command = [sys.executable, *launcher, "reference_impl", "train", "--data", str(toy_data), "--quiet"]
        done = subprocess.run(
            [*command, "--evaluator", "document", "--json", "out.json"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        import json

        metrics.append(json.loads((folder / "out.json").read_text()))
    assert metrics[1]["val_bpb"] == pytest.approx(metrics[0]["val_bpb"], abs=1e-4)
    assert metrics[1]["code_bytes"] == metrics[0]["code_bytes"]
