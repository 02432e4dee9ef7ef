"""Training: the golden loss curve, bits that repeat, and runs that go on after being killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reference_impl.checkpoint import CheckpointError, Checkpoints
from reference_impl.config import Settings
from reference_impl.data import BatchLoader, TokenStream, shard_paths
from reference_impl.demo import demo_environment, demo_settings
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import Metric
from reference_impl.train import (
    Observer,
    Progress,
    TrainResult,
    accumulate_gradients,
    build_model,
    build_optimizers,
    train,
)

GOLDEN = Path(__file__).parent / "golden_losses.txt"


@pytest.fixture
def settings(toy_data: Path) -> Settings:
    """The demo's settings, cut to a few narrow steps that are all logged."""
    base = demo_settings(toy_data, 0)
    return replace(
        base,
        model=replace(base.model, dim=32, heads=4, kv_heads=2),
        train=replace(
            base.train,
            iterations=10,
            warmdown_iters=4,
            batch_tokens=512,
            seq_len=64,
            log_every=1,
        ),
    )


def fit(
    settings: Settings, lines: list[str] | None = None, observer: Observer | None = None
) -> tuple[TrainResult, GPT]:
    """Train by `settings` from where the observer starts."""
    model = build_model(settings.model, settings.train.seed, Ranks())
    log = (lines if lines is not None else []).append
    nothing = Metric(val_loss=0.0, val_bpb=0.0)
    observer = observer or Observer()
    result = train(model, settings.train, settings.data_path, Ranks(), log, lambda: nothing, observer)
    return result, model


def checkpoints(
    settings: Settings, path: Path, every: int, lines: list[str] | None = None, inner: Observer | None = None
) -> Checkpoints:
    log = (lines if lines is not None else []).append
    return Checkpoints(path, every, settings, Ranks(), log, inner or Observer())


def test_losses_follow_the_golden_curve(settings: Settings) -> None:
    # Full printed precision of the run that was recorded; another CPU may differ in the last digits.
    golden = [float(line) for line in GOLDEN.read_text().split()]
    losses = fit(settings)[0].losses
    assert len(losses) == len(golden) == 10
    assert losses == pytest.approx(golden, abs=2e-4)
    assert losses[-1] < losses[0] - 0.5


def test_two_runs_give_the_same_bits(settings: Settings) -> None:
    (a, model_a), (b, model_b) = fit(settings), fit(settings)
    assert a.losses == b.losses
    other = model_b.state_dict()
    assert all(torch.equal(tensor, other[key]) for key, tensor in model_a.state_dict().items())


def test_seeds_differ(settings: Settings) -> None:
    other = replace(settings, train=replace(settings.train, seed=1))
    assert fit(settings)[0].losses[5] != fit(other)[0].losses[5]


def test_gradients_do_not_depend_on_how_many_shares_go_together(settings: Settings) -> None:
    config = settings.train
    paths = shard_paths(settings.data_path, "train")
    batch = BatchLoader(paths, config.batch_tokens, config.shares, config.seq_len, Ranks()).next_batch()
    grads = []
    for together in (1, 3, 8):
        model = build_model(settings.model, 0, Ranks())
        loss = accumulate_gradients(model, batch, replace(config, shares_per_forward=together), Ranks())
        grads.append([loss, *(param.grad for param in model.parameters())])
    for other in grads[1:]:
        torch.testing.assert_close(other, grads[0], rtol=1e-5, atol=1e-7)


class Killed(Exception):
    pass


class StopAt(Observer):
    """Ends a run in the middle of a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(
        self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress, stop_at: int
    ) -> None:
        if progress.step == self.step:
            raise Killed


def test_a_resumed_run_continues_on_the_same_bits(settings: Settings, tmp_path: Path) -> None:
    whole, whole_model = fit(settings)
    path = tmp_path / "c.pt"
    with pytest.raises(Killed):
        fit(settings, observer=checkpoints(settings, path, 4, inner=StopAt(6)))
    lines: list[str] = []
    rest, model = fit(settings, lines, checkpoints(settings, path, 4, lines))
    assert lines[0].startswith("resumed: step:4 ")
    assert rest.losses == whole.losses[4:]
    reference = whole_model.state_dict()
    assert all(torch.equal(tensor, reference[key]) for key, tensor in model.state_dict().items())


def test_a_finished_run_resumes_at_its_end(settings: Settings, tmp_path: Path) -> None:
    _, model = fit(settings, observer=checkpoints(settings, tmp_path / "c.pt", 7))
    again, other = fit(settings, observer=checkpoints(settings, tmp_path / "c.pt", 7))
    assert again.steps == 10 and again.losses == []
    assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in model.state_dict().items())


def test_a_checkpoint_refuses_other_settings_and_other_shards(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    short = replace(settings, train=replace(settings.train, iterations=2))
    fit(short, observer=checkpoints(short, path, 2))
    slower = replace(short, train=replace(short.train, matrix_lr=0.01, seed=3))
    with pytest.raises(CheckpointError, match=r"MATRIX_LR was 0\.04 and is 0\.01; SEED was 0 and is 3"):
        fit(slower, observer=checkpoints(slower, path, 2))
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    for shard in Path(settings.data_path).glob("*.bin"):
        (elsewhere / shard.name.replace("corpus", "other")).write_bytes(shard.read_bytes())
    moved = replace(short, data_path=str(elsewhere))
    with pytest.raises(CheckpointError, match=r"shards was .*corpus_train.* and is .*other_train"):
        fit(moved, observer=checkpoints(moved, path, 2))
    # How often a run speaks changes no weight.
    quieter = replace(short, train=replace(short.train, log_every=0))
    assert fit(quieter, observer=checkpoints(quieter, path, 2))[0].steps == 2


def test_a_torn_checkpoint_never_replaces_a_whole_one(settings: Settings, tmp_path: Path) -> None:
    model = build_model(settings.model, 0, Ranks())
    optimizers = build_optimizers(model, settings.train, Ranks())
    keeper = checkpoints(settings, tmp_path / "c.pt", 1)
    stream = TokenStream(shard_paths(settings.data_path, "train"))
    assert keeper.start(model, optimizers, stream) == Progress()
    keeper.save(model, optimizers, Progress(step=3, train_s=1.5, tokens_read=9))
    (tmp_path / "c.pt.partial").write_bytes(b"torn")
    assert keeper.start(model, optimizers, stream) == Progress(step=3, train_s=1.5, tokens_read=9)
    assert stream.tokens_read == 9


def test_upstream_s_precision_keeps_the_embedding_and_its_moments_in_bfloat16(settings: Settings) -> None:
    upstream = replace(
        settings,
        model=replace(settings.model, precision="upstream"),
        train=replace(settings.train, iterations=2),
    )
    kept: list[torch.dtype] = []

    class Look(Observer):
        def after_step(
            self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress, stop_at: int
        ) -> None:
            moments = optimizers[0].state[model.tok_emb.weight]
            kept.extend([model.tok_emb.weight.dtype, moments["exp_avg"].dtype, moments["exp_avg_sq"].dtype])

    losses = fit(upstream, observer=Look())[0].losses
    assert set(kept) == {torch.bfloat16}
    ours = fit(settings)[0].losses
    assert losses[0] == pytest.approx(ours[0], abs=1e-3) and losses[1] != ours[1]


def test_the_clock_ends_training_and_says_so(settings: Settings) -> None:
    capped = replace(settings, train=replace(settings.train, iterations=100_000, max_wallclock_s=0.6))
    lines: list[str] = []
    result, _ = fit(capped, lines)
    assert 0 < result.steps < 100_000
    assert result.train_s >= 0.6
    assert re.fullmatch(
        rf"stopping_early: wallclock_cap train_time:\d+ms step:{result.steps}/100000", lines[-1]
    )


@pytest.mark.slow
def test_a_run_killed_in_the_middle_loses_at_most_the_interval(toy_data: Path, tmp_path: Path) -> None:
    interval = 5
    environment = {
        **os.environ,
        **demo_environment(toy_data),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "MODEL_DIM": "32",
        "ITERATIONS": "60",
        "TRAIN_LOG_EVERY": "1",
        "RUN_ID": str(tmp_path / "run"),
        "EVAL_STRIDE": "64",
    }
    command = [
        sys.executable,
        "-m",
        "reference_impl",
        "train",
        "--data",
        str(toy_data),
        "--evaluator",
        "flat",
        "--checkpoint-every",
        str(interval),
        "--quiet",
    ]
    log = tmp_path / "run.log"

    def steps() -> list[tuple[int, str]]:
        text = log.read_text() if log.exists() else ""
        return [(int(s), loss) for s, loss in re.findall(r"step:(\d+)/60 train_loss:(\S+)", text)]

    process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (steps() and steps()[-1][0] >= 13) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = steps()
    reached = before[-1][0]
    assert 13 <= reached < 60
    subprocess.run(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    after = steps()[len(before) :]
    assert reached - interval < after[0][0] <= reached + 1
    assert after[-1][0] == 60
    # Steps done twice have the same losses.
    again = dict(after)
    assert all(again[step] == loss for step, loss in before if step in again)
    assert "final_flat_exact" in log.read_text()
