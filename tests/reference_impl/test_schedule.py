"""The schedule at points worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reference_impl.config import TrainConfig
from reference_impl.schedule import learning_rate_scale, muon_momentum


@pytest.fixture
def config() -> TrainConfig:
    return replace(
        TrainConfig(),
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
