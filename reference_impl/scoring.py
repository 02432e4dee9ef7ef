"""Scores: one number per token, and the metric made of them. What every evaluator fills in.

`TokenScores.nll_N[t]` is -log p(token t | what came before) in nats. Ranks fill disjoint entries; `gather`
adds them up, which is exact, and `summarize` reduces once in a fixed order: the metric does not depend on
the rank count.

Tensor suffixes: N tokens of the stream, B rows, T positions of a window, S scored positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_impl.bpb import ByteTable, bits_per_byte
from reference_impl.config import training_window
from reference_impl.data import Document, find_documents
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.windows import Window, batches


@dataclass(frozen=True)
class Validation:
    """The validation stream, its documents, and the bytes each token stands for as a target.

    The stream stays in main memory; `device` is where windows of it are scored. Windows start scoring, and end,
    at multiples of `pad`, if it is not 0: few shapes, few compiled graphs.
    """

    tokens_N: Tensor
    bytes_N: Tensor
    documents: list[Document]
    device: torch.device
    pad: int = 0

    @property
    def targets(self) -> int:
        """How many tokens are scored: all but the first."""
        return self.tokens_N.numel() - 1


def make_validation(tokens_N: Tensor, table: ByteTable, device: torch.device) -> Validation:
    """Count bytes and find documents once; on a GPU shapes are a quarter of the training window apart."""
    bytes_N = torch.zeros_like(tokens_N)
    bytes_N[1:] = table.count(tokens_N[:-1], tokens_N[1:])
    pad = max(training_window() // 4, 1) if device.type == "cuda" else 0
    return Validation(tokens_N, bytes_N, find_documents(tokens_N), device, pad)


def make_practice(window: int, pad: int, device: torch.device) -> Validation:
    """Return random tokens in documents of every length up to two windows, in steps of `pad`, to compile on."""
    step = pad or window
    lengths = range(step, max(2 * window, step) + 1, step)
    documents = [torch.cat((torch.ones(1), torch.randint(4, 260, (length - 1,)))) for length in lengths]
    tokens_N = torch.cat(documents).long()
    return Validation(tokens_N, torch.ones_like(tokens_N), find_documents(tokens_N), device, pad)


@dataclass(frozen=True)
class WindowBatch:
    """A few windows side by side, padded at the right, where causal attention never lets it reach a score.

    `targets_BS` holds the tokens that are scored, `index_BS` where they stand in the stream; both are 0 where
    a row scores nothing. The stream's first token has no score, so index 0 stands for none.
    """

    ids_BT: Tensor
    targets_BS: Tensor
    index_BS: Tensor
    first: int

    @property
    def scored_BS(self) -> Tensor:
        """Where a row scores something."""
        return self.index_BS > 0


@dataclass(frozen=True)
class TokenScores:
    """Nats per token, float32, and how often each was scored."""

    nll_N: Tensor
    times_N: Tensor

    def record(self, batch: WindowBatch, nll_BS: Tensor) -> None:
        """Note the scores of a batch, without waiting for the device; what scores nothing lands on index 0."""
        self.nll_N[batch.index_BS] = nll_BS.float()
        self.times_N[batch.index_BS] += 1

    def gather(self, ranks: Ranks) -> TokenScores:
        """Put all ranks' entries together; every entry was filled by one rank and is zero on the others."""
        self.nll_N[0] = 0.0
        self.times_N[0] = 0
        ranks.sum_(self.nll_N)
        ranks.sum_(self.times_N)
        return self


def empty_scores(val: Validation) -> TokenScores:
    """Return scores in which no token has been scored yet."""
    nll_N = torch.zeros(val.tokens_N.numel(), dtype=torch.float32, device=val.device)
    return TokenScores(nll_N, torch.zeros_like(nll_N, dtype=torch.int32))


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is reported: nats per token and bits per byte."""

    val_loss: float
    val_bpb: float


class CoverageError(ValueError):
    """An evaluator left a token out or scored one twice."""


def summarize(scores: TokenScores, val: Validation) -> Metric:
    """Reduce scores to the metric, in float64 on the CPU.

    Raises CoverageError unless every token but the first was scored exactly once.
    """
    times_N = scores.times_N.cpu()
    wrong = torch.nonzero(times_N[1:] != 1).flatten()
    if wrong.numel() or int(times_N[0]) != 0:
        place = int(wrong[0]) + 1 if wrong.numel() else 0
        raise CoverageError(
            f"token {place} was scored {int(times_N[place])} times; {wrong.numel()} tokens are wrong"
        )
    nats = float(scores.nll_N.cpu().double().sum())
    return Metric(val_loss=nats / val.targets, val_bpb=bits_per_byte(nats, int(val.bytes_N.sum())))


def gather_windows(val: Validation, windows: list[Window], rows: int, pad: int | None = None) -> WindowBatch:
    """Lay windows out as one batch, row by row, and send it to the device.

    With `pad` (the stream's own if not given) the batch is filled up to `rows` rows and rounded out to multiples
    of it; what is added is never marked as scored.
    """
    length, first = max(w.length for w in windows), min(w.first for w in windows)
    if pad is None:
        pad = val.pad
    if pad > 0:
        length, first = -(-length // pad) * pad, first // pad * pad
    else:
        rows = len(windows)
    ids_BT = torch.zeros(rows, length, dtype=torch.int64)
    targets_BS = torch.zeros(rows, length - first, dtype=torch.int64)
    index_BS = torch.zeros(rows, length - first, dtype=torch.int64)
    for row, w in enumerate(windows):
        begin, end = w.start + w.first + 1, w.start + w.length + 1
        ids_BT[row, : w.length] = val.tokens_N[w.start : w.start + w.length]
        targets_BS[row, w.first - first : w.length - first] = val.tokens_N[begin:end]
        index_BS[row, w.first - first : w.length - first] = torch.arange(begin, end)
    device = val.device
    return WindowBatch(send(ids_BT, device), send(targets_BS, device), send(index_BS, device), first)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy to the device; to a GPU from pinned memory, so that the host goes on meanwhile."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor


def score_windows(
    model: GPT, val: Validation, windows: Iterable[Window], rows: int, scores: TokenScores, ranks: Ranks
) -> None:
    """Score windows with a model that stands still; batch i is rank i mod world's."""
    for group in batches(windows, rows)[ranks.rank :: ranks.world]:
        batch = gather_windows(val, group, len(group))
        with torch.no_grad():
            nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first)
        scores.record(batch, nll_BS)
