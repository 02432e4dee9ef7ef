"""Score-first LoRA TTT: a document adapts low-rank weights of its own to what it has scored.

A document is cut into chunks. A chunk is scored with the adapters as they are; then one Adam step is taken
on that chunk's mean loss; then comes the next chunk. The last chunk is scored and never trained on.
Adapters start afresh for every document and are thrown away after it. (Pull request 77: rank 8 on head, c_q
and c_v, chunks of 256 in windows of 1024, 64 documents at a time, Adam 0.01.)

Speed, without changing a score: documents are sorted by length, so at chunk c those that still train are a
prefix of the batch and no row computes for a document that is finished; their windows are all full, so
nothing is padded; the last block and the head run at the chunk's own positions alone; one forward pass
serves the score and the gradient.
"""

from __future__ import annotations

import torch

from reference_impl.data import Document
from reference_impl.dist import Ranks
from reference_impl.lora import (
    DocumentAdapters,
    LoraConfig,
    adapter_optimizer,
    deal_batches,
    document_batches,
    keep_rows,
)
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows
from reference_impl.windows import chunk_count, chunk_window


def evaluate_lora_ttt(model: GPT, val: Validation, config: LoraConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the adapters learn from it."""
    scores = empty_scores(val)
    adapt_documents(model, val, val.documents, config, scores, ranks)
    return scores.gather(ranks)


def adapt_documents(
    model: GPT,
    val: Validation,
    documents: list[Document],
    config: LoraConfig,
    scores: TokenScores,
    ranks: Ranks,
) -> None:
    """Score documents, each with adapters of its own that learn from what is scored."""
    model.freeze()
    groups = document_batches(documents, config.rows)
    for group in deal_batches(groups, config, ranks.rank, ranks.world):
        adapters = DocumentAdapters(model, group, config.rank, config.seed)
        optimizer = adapter_optimizer(adapters, config)
        chunks = [chunk_count(document, config.chunk) for document in group]
        for chunk in range(chunks[0]):
            active = sum(count > chunk for count in chunks)
            training = sum(count > chunk + 1 for count in chunks)

            # Documents at their last chunk: score it, then let them go.
            if active > training:
                last = [chunk_window(d, chunk, config.chunk, config.window) for d in group[training:active]]
                batch = gather_windows(val, last, len(last))
                fresh = chunk == 0  # a zero up-projection: the plain model gives the same numbers
                with torch.no_grad():
                    deltas = None if fresh else adapters.split(training, active)
                    nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, deltas)
                scores.record(batch, nll_BS)
            if training == 0:
                break
            if training < adapters.weights_BP.size(0):
                keep_rows(adapters, optimizer, training)

            # The others: score the chunk ...
            windows = [chunk_window(d, chunk, config.chunk, config.window) for d in group[:training]]
            batch = gather_windows(val, windows, training)
            nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, adapters.split(0, training))
            scores.record(batch, nll_BS.detach())

            # ... and only then learn from it: one step on each document's mean loss over this chunk.
            loss = ((nll_BS * batch.scored_BS).sum(dim=1) / config.chunk).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    model.freeze(False)
