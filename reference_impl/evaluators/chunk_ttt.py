"""Chunked score-first TTT: all weights adapt to each stretch of the stream once it is scored.

The stream is cut into chunks of 32,768 positions. All windows of a chunk are scored with the weights as
they are; then the weights take a few epochs of SGD or AdamW on that chunk; then comes the next one. The
last chunk is scored and never trained on. All weights learn, or those of the last blocks. (Pull requests
549, 1413, 1812.)

A training step is one fixed global batch: its rows are split over the ranks, each rank divides by the
global count of tokens, and one flat buffer of gradients is added up before clipping. So any number of ranks
takes the same steps.
"""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass, field

import torch
from torch import nn

from reference_impl.config import WindowConfig, broken, integer, real, text, training_window
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows, score_windows
from reference_impl.windows import Window, disjoint_windows, sliding_windows


@dataclass(frozen=True, kw_only=True)
class ChunkConfig:
    """Chunks and how the weights learn; defaults are the values of pull request 549."""

    windows: WindowConfig = field(default_factory=WindowConfig)
    chunk: int = field(
        default_factory=lambda: int(os.environ.get("TTT_CHUNK_TOKENS", 32 * training_window()))
    )
    epochs: int = field(default_factory=integer("TTT_EPOCHS", 3))
    lr: float = field(default_factory=real("TTT_LR", 0.002))
    momentum: float = field(default_factory=real("TTT_MOMENTUM", 0.9))
    optimizer: str = field(default_factory=text("TTT_OPTIMIZER", "sgd"))
    step_rows: int = field(default_factory=integer("TTT_BATCH_SEQS", 32))  # of one step, over all ranks
    clip_norm: float = field(default_factory=real("TTT_GRAD_CLIP", 1.0))
    freeze_blocks: int = field(default_factory=integer("TTT_FREEZE_BLOCKS", 0))

    @property
    def window(self) -> int:
        """The longest window."""
        return self.windows.window

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        return self.windows.problems() + broken(
            (
                self.chunk > 0 and self.chunk % self.window == 0,
                f"TTT_CHUNK_TOKENS={self.chunk} is not a multiple of EVAL_SEQ_LEN={self.window}",
            ),
            (self.optimizer in ("sgd", "adamw"), f"TTT_OPTIMIZER={self.optimizer!r} is none of sgd, adamw"),
        )


def evaluate_chunk_ttt(model: GPT, val: Validation, config: ChunkConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the weights learn from it; `model` itself is left alone."""
    scores = empty_scores(val)
    learner = copy.deepcopy(model)
    params = trainable_parameters(learner, config.freeze_blocks)
    optimizer = chunk_optimizer(params, config)
    chunks = math.ceil(val.targets / config.chunk)
    for chunk in range(chunks):
        begin = chunk * config.chunk
        end = min(begin + config.chunk, val.targets)

        windows = sliding_windows(0, begin, end, config.window, config.windows.stride)
        score_windows(learner, val, windows, config.windows.rows, scores, ranks)

        if chunk == chunks - 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = config.lr * 0.5 * (1.0 + math.cos(math.pi * chunk / max(chunks - 1, 1)))
        rows = disjoint_windows(begin, end, config.window)
        for _epoch in range(config.epochs):
            for row in range(0, len(rows), config.step_rows):
                learn_windows(
                    learner, optimizer, params, val, rows[row : row + config.step_rows], config, ranks
                )
    return scores.gather(ranks)


def learn_windows(
    learner: GPT,
    optimizer: torch.optim.Optimizer,
    params: list[nn.Parameter],
    val: Validation,
    rows: list[Window],
    config: ChunkConfig,
    ranks: Ranks,
) -> None:
    """Take one step on windows of tokens that are scored: the mean loss of a full batch, split over the ranks."""
    optimizer.zero_grad(set_to_none=False)
    mine = rows[ranks.rank :: ranks.world]
    if mine:
        batch = gather_windows(val, mine, len(mine))
        nll_BS = learner(batch.ids_BT, batch.targets_BS, batch.first)
        loss = (nll_BS * batch.scored_BS).sum() / (len(rows) * config.window)
        loss.backward()
    ranks.sum_gradients(params)
    nn.utils.clip_grad_norm_(params, config.clip_norm)
    optimizer.step()


def trainable_parameters(model: GPT, freeze_blocks: int) -> list[nn.Parameter]:
    """Freeze the first blocks and the embedding that feeds them; return what learns, gradients zeroed."""
    model.requires_grad_(True)
    for block in model.blocks[:freeze_blocks]:
        block.requires_grad_(False)
    if freeze_blocks > 0:
        model.tok_emb.requires_grad_(False)
    params = [param for param in model.parameters() if param.requires_grad]
    for param in params:
        param.grad = torch.zeros_like(param)
    return params


def chunk_optimizer(params: list[nn.Parameter], config: ChunkConfig) -> torch.optim.Optimizer:
    """Return SGD with momentum, or AdamW without decay."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(params, lr=config.lr, momentum=config.momentum)
    return torch.optim.AdamW(params, lr=config.lr, betas=(0.9, 0.95), weight_decay=0.0)
