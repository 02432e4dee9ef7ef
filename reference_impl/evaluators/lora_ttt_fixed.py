"""LoRA TTT in fixed shapes: `lora_ttt` in steps that a GPU can record once and replay.

One set of `rows` adapters and moments serves all batches of documents, set anew for each. A step takes `rows` windows
of one of the window / chunk lengths, scores their last chunk, goes back and takes an Adam step; rows of finished
documents stand at the end, score nothing and get no gradient. The last chunks are scored as in `lora_ttt`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reference_impl.dist import Ranks
from reference_impl.lora import (
    DocumentAdapters,
    LoraConfig,
    adapter_optimizer,
    deal_batches,
    document_batches,
)
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, WindowBatch, empty_scores, gather_windows
from reference_impl.windows import chunk_count, chunk_window

# (model, adapters, optimiser, batch, configuration, rows) to scores, after one step
Learn = Callable[[GPT, DocumentAdapters, torch.optim.Optimizer, WindowBatch, LoraConfig, int], Tensor]


def evaluate_lora_ttt_fixed(model: GPT, val: Validation, config: LoraConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the adapters learn from it."""
    scores = empty_scores(val)
    adapters = DocumentAdapters(model, [], config.rank, config.seed, config.rows)
    optimizer = adapter_optimizer(adapters, config)
    model.freeze()
    take_steps(score_and_learn, model, adapters, optimizer, val, config, scores, ranks)
    model.freeze(False)
    return scores.gather(ranks)


def take_steps(
    learn: Learn,
    model: GPT,
    adapters: DocumentAdapters,
    optimizer: torch.optim.Optimizer,
    val: Validation,
    config: LoraConfig,
    scores: TokenScores,
    ranks: Ranks,
) -> None:
    """Score all documents, batch by batch and chunk by chunk."""
    groups = document_batches(val.documents, config.rows)
    for group in deal_batches(groups, config, ranks.rank, ranks.world):
        adapters.start(group)
        for state in optimizer.state.values():
            for moment in state.values():
                moment.zero_()
        chunks = [chunk_count(document, config.chunk) for document in group]
        for chunk in range(chunks[0]):
            active = sum(count > chunk for count in chunks)
            training = sum(count > chunk + 1 for count in chunks)
            # Documents at their last chunk: score it.
            if active > training:
                last = [chunk_window(d, chunk, config.chunk, config.window) for d in group[training:active]]
                batch = gather_windows(val, last, len(last))
                with torch.no_grad():
                    deltas = adapters.split(training, active)
                    nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, deltas)
                scores.record(batch, nll_BS)
            # The others: score the chunk and learn from it, in this order.
            if training > 0:
                windows = [chunk_window(d, chunk, config.chunk, config.window) for d in group[:training]]
                batch = gather_windows(val, windows, config.rows, config.chunk)
                scores.record(batch, learn(model, adapters, optimizer, batch, config, config.rows))


def score_and_learn(
    model: GPT,
    adapters: DocumentAdapters,
    optimizer: torch.optim.Optimizer,
    batch: WindowBatch,
    config: LoraConfig,
    rows: int,
) -> Tensor:
    """Score a batch, take one step on each document's mean loss over its chunk, and return the scores."""
    nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, adapters.split(0, rows))
    loss = ((nll_BS * batch.scored_BS).sum(dim=1) / config.chunk).sum()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    scored_BS: Tensor = nll_BS.detach()
    return scored_BS
