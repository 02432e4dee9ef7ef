"""The schedule: learning rates fall linearly to zero at the end of the run; momentum warms up."""

from __future__ import annotations

from reference_impl.config import TrainConfig


def learning_rate_scale(step: int, elapsed_s: float, config: TrainConfig) -> float:
    """Return the factor on all learning rates before step number `step` (from 0).

    With a wall-clock cap the warm-down is `warmdown_iters` steps long as timed so far, and ends at the cap;
    without one it covers the last `warmdown_iters` steps.
    """
    if config.warmdown_iters <= 0:
        return 1.0
    if config.max_wallclock_s <= 0:
        return min(1.0, max(config.iterations - step, 0) / config.warmdown_iters)
    warmdown_s = config.warmdown_iters * elapsed_s / max(step, 1)
    remaining_s = max(config.max_wallclock_s - elapsed_s, 0.0)
    return remaining_s / max(warmdown_s, 1e-9) if remaining_s <= warmdown_s else 1.0


def muon_momentum(step: int, config: TrainConfig) -> float:
    """Return Muon's momentum before step number `step`: linear from its start value over the warm-up."""
    if config.muon_momentum_warmup_steps <= 0:
        return config.muon_momentum
    done = min(step / config.muon_momentum_warmup_steps, 1.0)
    return (1.0 - done) * config.muon_momentum_start + done * config.muon_momentum
