"""Checkpoints: all a run needs to go on, written so that a kill at any moment leaves a whole file behind.

A checkpoint is bound to the settings and shards it was made with and refuses others.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from reference_impl.config import Settings
from reference_impl.data import TokenStream, shard_paths
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.settings import variables_of
from reference_impl.train import Observer, Progress

# What may differ between a run and its continuation: it changes no weight.
FREE = ("VAL_LOSS_EVERY", "TRAIN_LOG_EVERY", "WARMUP_STEPS")


class CheckpointError(ValueError):
    """A checkpoint belongs to another run."""


def binding(settings: Settings) -> dict[str, Any]:
    """Return what a training run depends on: each setting under its variable, and the shards with their sizes."""
    bound = {**variables_of(settings.model), **variables_of(settings.train)}
    shards = [f"{path.name}:{path.stat().st_size}" for path in shard_paths(settings.data_path, "train")]
    return {**{name: value for name, value in bound.items() if name not in FREE}, "shards": shards}


class Checkpoints(Observer):
    """Writes a checkpoint every few steps and after the last, and starts from the one that is there."""

    def __init__(
        self,
        path: Path,
        every: int,
        settings: Settings,
        ranks: Ranks,
        log: Callable[[str], None],
        inner: Observer,
    ) -> None:
        self.path, self.every, self.ranks, self.log, self.inner = path, every, ranks, log, inner
        self.binding = binding(settings)

    def start(self, model: GPT, optimizers: list[torch.optim.Optimizer], stream: TokenStream) -> Progress:
        """Restore model, optimisers and stream; nothing happens if there is no checkpoint.

        Raises CheckpointError, naming what differs, if the checkpoint was made with other settings or shards.
        """
        if not self.path.exists():
            return Progress()
        state: dict[str, Any] = torch.load(
            self.path, map_location=model.tok_emb.weight.device, weights_only=True
        )
        theirs = state["binding"]
        differing = [
            f"{name} was {theirs.get(name)} and is {self.binding.get(name)}"
            for name in sorted({*theirs, *self.binding})
            if theirs.get(name) != self.binding.get(name)
        ]
        if differing:
            raise CheckpointError(
                f"{self.path} belongs to another run: {'; '.join(differing)}. Remove it, or set RUN_ID"
            )
        model.load_state_dict(state["model"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        progress = Progress(**state["progress"])
        stream.skip(progress.tokens_read)
        self.log(f"resumed: step:{progress.step} train_time:{1000 * progress.train_s:.0f}ms")
        return progress

    def after_step(
        self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress, stop_at: int
    ) -> None:
        """Write a checkpoint if one is due, and tell the inner observer."""
        self.inner.after_step(model, optimizers, progress, stop_at)
        if self.ranks.first and (progress.step % self.every == 0 or progress.step >= stop_at):
            self.save(model, optimizers, progress)

    def save(self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress) -> None:
        """Write beside the path, flush to disk, then rename over it: readers see the old file or the new one."""
        state = {
            "binding": self.binding,
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
            "progress": {
                "step": progress.step,
                "train_s": progress.train_s,
                "tokens_read": progress.tokens_read,
            },
        }
        partial = self.path.with_name(self.path.name + ".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.path)
