"""Chunked score-first test-time training: the model adapts to each stretch of the stream it has scored.

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

import torch
from torch import Tensor, nn

from reference_impl.config import EvalConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows, score_windows
from reference_impl.windows import disjoint_windows, sliding_windows


def evaluate_chunk_ttt(model: GPT, val: Validation, config: EvalConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the weights learn from it; `model` itself is left alone."""
    scores = empty_scores(val)
    learner = copy.deepcopy(model)
    params = trainable_parameters(learner, config.chunk_freeze_blocks)
    optimizer = chunk_optimizer(params, config)
    chunks = math.ceil(val.targets / config.chunk_tokens)
    for chunk in range(chunks):
        begin = chunk * config.chunk_tokens
        end = min(begin + config.chunk_tokens, val.targets)

        windows = sliding_windows(0, begin, end, config.window, config.stride)
        score_windows(learner, val, windows, config.batch_rows, scores, ranks)

        if chunk == chunks - 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = config.chunk_lr * 0.5 * (1.0 + math.cos(math.pi * chunk / max(chunks - 1, 1)))
        rows = disjoint_windows(begin, end, config.window)
        for _epoch in range(config.chunk_epochs):
            for row in range(0, len(rows), config.chunk_rows):
                step_rows = rows[row : row + config.chunk_rows]
                optimizer.zero_grad(set_to_none=False)
                mine = step_rows[ranks.rank :: ranks.world]
                if mine:
                    batch = gather_windows(val, mine, len(mine))
                    nll_BS = learner(batch.ids_BT, batch.targets_BS, batch.first)
                    loss = (nll_BS * batch.scored_BS).sum() / (len(step_rows) * config.window)
                    loss.backward()
                sum_gradients(params, ranks)
                nn.utils.clip_grad_norm_(params, config.chunk_clip_norm)
                optimizer.step()
    return scores.gather(ranks)


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


def chunk_optimizer(params: list[nn.Parameter], config: EvalConfig) -> torch.optim.Optimizer:
    """Return SGD with momentum, or AdamW without decay."""
    if config.chunk_optimizer == "sgd":
        return torch.optim.SGD(params, lr=config.chunk_lr, momentum=config.chunk_momentum)
    return torch.optim.AdamW(params, lr=config.chunk_lr, betas=(0.9, 0.95), weight_decay=0.0)


def sum_gradients(params: list[nn.Parameter], ranks: Ranks) -> None:
    """Add gradients up over the ranks as one flat buffer; a rank without rows contributes zeros."""
    if ranks.world == 1:
        return
    grads = [param.grad for param in params if param.grad is not None]
    flat: Tensor = torch.cat([grad.flatten() for grad in grads])
    ranks.sum_(flat)
    offset = 0
    for grad in grads:
        grad.copy_(flat[offset : offset + grad.numel()].view_as(grad))
        offset += grad.numel()
