"""Low-rank adapters (arXiv:2106.09685), one set per document, many documents side by side.

All adapters of a batch lie in one matrix `weights_BP`, a row per document, so one fused Adam updates them and
rows of finished documents are cut off without copying. Up-projections start at zero: a fresh adapter changes
nothing. Down-projections are drawn uniformly within 1/sqrt(width), from a generator seeded by (seed,
document): what a document gets does not depend on the batch it is in, on the order or on the rank.

Tensor suffixes: B documents, P adapter parameters of one document, R rank, D width, V vocabulary, E = K * N
key/value width.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field

import torch
from torch import nn

from reference_impl.config import broken, integer, real, training_window
from reference_impl.data import Document
from reference_impl.model import GPT, BlockAdapter, HeadAdapter, ModelAdapters
from reference_impl.windows import chunk_count

# A prime: (seed, document) pairs of one run do not collide below a million documents.
DOCUMENT_SEED_STRIDE = 1_000_003
# A step takes about as long for fewer positions than this: its kernels wait for each other (16 rows of 512).
STEP_FLOOR = 8192


@dataclass(frozen=True, kw_only=True)
class LoraConfig:
    """Adapters and how they learn; defaults are the values of pull request 77."""

    rank: int = field(default_factory=integer("TTT_LORA_RANK", 8))
    lr: float = field(default_factory=real("TTT_LORA_LR", 0.01))
    beta1: float = field(default_factory=real("TTT_LORA_BETA1", 0.9))
    beta2: float = field(default_factory=real("TTT_LORA_BETA2", 0.95))
    chunk: int = field(default_factory=lambda: int(os.environ.get("TTT_CHUNK_SIZE", training_window() // 4)))
    window: int = field(default_factory=lambda: int(os.environ.get("TTT_EVAL_SEQ_LEN", training_window())))
    rows: int = field(default_factory=integer("TTT_BATCH_SIZE", 64))  # documents adapted side by side
    seed: int = field(default_factory=integer("TTT_LORA_SEED", 0))

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        return broken(
            (
                0 < self.chunk <= self.window,
                f"TTT_CHUNK_SIZE={self.chunk} is not in 1 .. TTT_EVAL_SEQ_LEN={self.window}",
            ),
            (self.rank > 0, f"TTT_LORA_RANK={self.rank} must be positive"),
            (self.rows > 0, f"TTT_BATCH_SIZE={self.rows} must be positive"),
        )


class DocumentAdapters(nn.Module):
    """The adapters of one batch of documents: on c_q and c_v of every block, and on the head."""

    def __init__(
        self, model: GPT, documents: list[Document], rank: int, seed: int, rows: int | None = None
    ) -> None:
        super().__init__()
        rows = len(documents) if rows is None else rows
        dim, layers = model.config.dim, model.config.layers
        kv_dim = model.config.kv_heads * (dim // model.config.heads)
        self.rank, self.dim, self.layers, self.kv_dim = rank, dim, layers, kv_dim
        self.vocab = model.config.vocab_size
        self.down_size = (2 * layers + 1) * rank * dim
        up_size = layers * (dim + kv_dim) * rank + self.vocab * rank
        device = model.tok_emb.weight.device
        self.seed = seed
        self.weights_BP = nn.Parameter(torch.zeros(rows, self.down_size + up_size, device=device))
        self.start(documents)

    @torch.no_grad()
    def start(self, documents: list[Document]) -> None:
        """Set the first rows to fresh adapters of these documents, the others to nothing."""
        generator = torch.Generator(self.weights_BP.device)
        bound = 1.0 / math.sqrt(self.dim)
        self.weights_BP.zero_()
        for row, document in enumerate(documents):
            generator.manual_seed(self.seed * DOCUMENT_SEED_STRIDE + document.index)
            self.weights_BP[row, : self.down_size].uniform_(-bound, bound, generator=generator)

    def split(self, begin: int, end: int) -> ModelAdapters:
        """Return rows begin .. end-1 as deltas for the model; gradients flow back into `weights_BP`."""
        rows, rank, dim = end - begin, self.rank, self.dim
        head = rank * dim
        sizes = [2 * head] * self.layers + [head]
        sizes += [dim * rank, self.kv_dim * rank] * self.layers + [self.vocab * rank]
        parts = torch.split(self.weights_BP[begin:end], sizes, dim=1)
        blocks: list[BlockAdapter] = []
        for layer in range(self.layers):
            down_B2RD = parts[layer].view(rows, 2 * rank, dim)
            q_up_BDR = parts[self.layers + 1 + 2 * layer].view(rows, dim, rank)
            v_up_BER = parts[self.layers + 2 + 2 * layer].view(rows, self.kv_dim, rank)
            blocks.append(BlockAdapter(down_B2RD, q_up_BDR, v_up_BER))
        head_adapter = HeadAdapter(
            parts[self.layers].view(rows, rank, dim), parts[-1].view(rows, self.vocab, rank)
        )
        return ModelAdapters(blocks, head_adapter)


def adapter_optimizer(
    adapters: DocumentAdapters, config: LoraConfig, capturable: bool = False
) -> torch.optim.Adam:
    """Return Adam over all rows; every row has its own moments, so documents stay independent."""
    betas = (config.beta1, config.beta2)
    return torch.optim.Adam(
        [adapters.weights_BP], lr=config.lr, betas=betas, eps=1e-10, fused=True, capturable=capturable
    )


def keep_rows(adapters: DocumentAdapters, optimizer: torch.optim.Adam, rows: int) -> None:
    """Drop the adapters and moments of all but the first `rows` documents, which are finished."""
    state = optimizer.state.pop(adapters.weights_BP, {})
    for moment in ("exp_avg", "exp_avg_sq"):
        if moment in state:
            state[moment] = state[moment][:rows]
    # A new Parameter on the same memory: autograd remembers the shape of the old one.
    adapters.weights_BP = nn.Parameter(adapters.weights_BP.detach()[:rows])
    optimizer.param_groups[0]["params"] = [adapters.weights_BP]
    if state:
        optimizer.state[adapters.weights_BP] = state


def document_batches(documents: list[Document], size: int) -> list[list[Document]]:
    """Put documents of like length together, longest first, so rows of a batch finish from its end."""
    order = sorted(documents, key=lambda document: (-document.targets, document.index))
    return [order[i : i + size] for i in range(0, len(order), size)]


def batch_cost(group: list[Document], config: LoraConfig) -> int:
    """Return the cost of a batch: positions that go through the model, a step of few as STEP_FLOOR of them."""
    cost = 0
    for chunk in range(chunk_count(group[0], config.chunk)):
        rows = sum(chunk_count(document, config.chunk) > chunk for document in group)
        cost += max(STEP_FLOOR, rows * min((chunk + 1) * config.chunk, config.window))
    return cost


def deal_batches(
    groups: list[list[Document]], config: LoraConfig, rank: int, world: int
) -> list[list[Document]]:
    """Give each batch to the rank with least to do; return one rank's share.

    The batches themselves do not depend on the rank count, so neither do the scores, to the last bit.
    """
    load = [0] * world
    mine: list[list[Document]] = []
    for group in groups:
        lightest = load.index(min(load))
        load[lightest] += batch_cost(group, config)
        if lightest == rank:
            mine.append(group)
    return mine
