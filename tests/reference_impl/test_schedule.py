"""The schedule at points worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference_impl.config import TrainConfig, read_settings
from reference_impl.schedule import learning_rate_scale, muon_momentum


@pytest.fixture
def config() -> TrainConfig:
    return replace(
        read_settings().train,
        iterations=1000,
        warmdown_iters=200,
        max_wallclock_s=0.0,
        muon_momentum_warmup_steps=100,
    )


@pytest.mark.parametrize(
    ("step", "scale"), [(0, 1.0), (799, 1.0), (800, 1.0), (900, 0.5), (999, 0.005), (1000, 0.0)]
)
def test_without_a_cap_the_last_steps_fall_linearly(config: TrainConfig, step: int, scale: float) -> None:
    assert learning_rate_scale(step, 12.3, config) == pytest.approx(scale)


@pytest.mark.parametrize(
    ("step", "elapsed_s", "scale"),
    [
        (0, 0.0, 1.0),
        (100, 50.0, 1.0),  # 0.5 s a step: the warm-down takes 100 s, 550 s remain
        (1000, 500.0, 1.0),  # exactly 100 s remain
        (1100, 550.0, 0.5),
        (1200, 600.0, 0.0),
        (1201, 601.0, 0.0),
    ],
)
def test_with_a_cap_the_last_seconds_fall_linearly(
    config: TrainConfig, step: int, elapsed_s: float, scale: float
) -> None:
    assert learning_rate_scale(step, elapsed_s, replace(config, max_wallclock_s=600.0)) == pytest.approx(
        scale
    )


@pytest.mark.parametrize(("step", "momentum"), [(0, 0.85), (50, 0.90), (100, 0.95), (5000, 0.95)])
def test_muon_momentum_warms_up(config: TrainConfig, step: int, momentum: float) -> None:
    assert muon_momentum(step, config) == pytest.approx(momentum)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("TRAIN_BATCH_TOKENS", "524289", "TRAIN_BATCH_TOKENS=524289"),
        ("NUM_KV_HEADS", "3", "NUM_HEADS=8"),
        ("EVAL_STRIDE", "2048", "EVAL_STRIDE=2048"),
        ("TTT_OPTIMIZER", "lion", "TTT_OPTIMIZER='lion'"),
        ("TTT_CHUNK_TOKENS", "1000", "TTT_CHUNK_TOKENS=1000"),
    ],
)
def test_impossible_settings_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        read_settings()
