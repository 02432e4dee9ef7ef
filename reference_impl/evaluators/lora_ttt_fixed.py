"""LoRA TTT in fixed shapes: `lora_ttt` in steps that a GPU can record once and replay.

One set of `rows` adapters and moments serves all batches of documents, set anew for each. A step takes `rows`
windows of one of the window / chunk lengths, scores their last chunk, goes back and takes an Adam step; rows of
finished documents stand at the end, score nothing and get no gradient. With TTT_GRAPHS=1 each length is one CUDA
graph over all of that. The last chunks are scored as in `lora_ttt`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from reference_impl.config import broken, integer
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


@dataclass(frozen=True, kw_only=True)
class FixedConfig:
    """Adapters, and whether steps are recorded."""

    lora: LoraConfig = field(default_factory=LoraConfig)
    graphs: int = field(default_factory=integer("TTT_GRAPHS", 0))  # 1 needs a GPU

    @property
    def window(self) -> int:
        """The longest window."""
        return self.lora.window

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        chunk, window = self.lora.chunk, self.lora.window
        return self.lora.problems() + broken(
            (
                chunk > 0 and window % chunk == 0,
                f"TTT_EVAL_SEQ_LEN={window} is not a multiple of TTT_CHUNK_SIZE={chunk}",
            )
        )


def evaluate_lora_ttt_fixed(model: GPT, val: Validation, config: FixedConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the adapters learn from it."""
    scores = empty_scores(val)
    lora = config.lora
    model.freeze()
    groups = document_batches(val.documents, lora.rows)
    adapters = DocumentAdapters(model, [], lora.rank, lora.seed, lora.rows)
    optimizer = adapter_optimizer(adapters, lora, capturable=config.graphs == 1)

    recorded = Graphs(model, adapters, optimizer, lora, val.device) if config.graphs == 1 else None
    for group in deal_batches(groups, lora, ranks.rank, ranks.world):
        adapters.start(group)
        for state in optimizer.state.values():
            for moment in state.values():
                moment.zero_()
        chunks = [chunk_count(document, lora.chunk) for document in group]
        for chunk in range(chunks[0]):
            active = sum(count > chunk for count in chunks)
            training = sum(count > chunk + 1 for count in chunks)
            # Documents at their last chunk: score it.
            if active > training:
                last = [chunk_window(d, chunk, lora.chunk, lora.window) for d in group[training:active]]
                batch = gather_windows(val, last, len(last))
                with torch.no_grad():
                    deltas = adapters.split(training, active)
                    nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, deltas)
                scores.record(batch, nll_BS)
            # The others: score the chunk and learn from it, in this order.
            if training > 0:
                windows = [chunk_window(d, chunk, lora.chunk, lora.window) for d in group[:training]]
                batch = gather_windows(val, windows, lora.rows, lora.chunk)
                if recorded is None:
                    nll_BS = score_and_learn(model, adapters, optimizer, batch, lora, lora.rows)
                else:
                    nll_BS = recorded.replay(batch)
                scores.record(batch, nll_BS)
    model.freeze(False)
    return scores.gather(ranks)


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


class Graphs:
    """`score_and_learn` recorded as one CUDA graph for each window length."""

    def __init__(
        self,
        model: GPT,
        adapters: DocumentAdapters,
        optimizer: torch.optim.Optimizer,
        config: LoraConfig,
        device: torch.device,
    ) -> None:
        self.recorded: dict[int, tuple[torch.cuda.CUDAGraph, WindowBatch, Tensor]] = {}
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        for length in range(config.chunk, config.window + 1, config.chunk):
            ids_BT = torch.zeros(config.rows, length, dtype=torch.int64, device=device)
            nothing_BS = torch.zeros(config.rows, config.chunk, dtype=torch.int64, device=device)
            batch = WindowBatch(ids_BT, nothing_BS, nothing_BS.clone(), length - config.chunk)
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):  # libraries choose their kernels before they are recorded
                for _ in range(3):
                    score_and_learn(model, adapters, optimizer, batch, config, config.rows)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                nll_BS = score_and_learn(model, adapters, optimizer, batch, config, config.rows)
            self.recorded[length] = graph, batch, nll_BS

    def replay(self, batch: WindowBatch) -> Tensor:
        """Copy a batch to where its graph reads it, and return what the graph computes until the next replay."""
        graph, static, nll_BS = self.recorded[batch.ids_BT.size(1)]
        static.ids_BT.copy_(batch.ids_BT)
        static.targets_BS.copy_(batch.targets_BS)
        static.index_BS.copy_(batch.index_BS)
        graph.replay()
        return nll_BS
