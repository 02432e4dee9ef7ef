"""Checkpoints: all a run needs to go on, written so that a kill at any moment leaves a whole file behind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reference_impl.model import GPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far training has come."""

    step: int
    train_s: float  # training time so far, without validation
    tokens_read: int


def save_checkpoint(
    path: Path, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress
) -> None:
    """Write beside `path`, flush to disk, then rename over it: readers see the old file or the new one."""
    state = {
        "model": model.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "progress": {"step": progress.step, "train_s": progress.train_s, "tokens_read": progress.tokens_read},
    }
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_checkpoint(path: Path, model: GPT, optimizers: list[torch.optim.Optimizer]) -> Progress | None:
    """Restore model and optimisers in place and return the progress; None if there is no checkpoint."""
    if not path.exists():
        return None
    device = model.tok_emb.weight.device
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    weights: dict[str, Tensor] = state["model"]
    model.load_state_dict(weights)
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return Progress(**state["progress"])
