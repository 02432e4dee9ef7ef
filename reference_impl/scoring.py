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
from reference_impl.data import Document, find_documents
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.windows import Window, batches

PAD_STEP = (
    256  # on a GPU windows start scoring, and end, at multiples of this: few shapes, few compiled graphs
)


@dataclass(frozen=True, slots=True)
class Validation:
    """The validation stream on the device, its documents, and the bytes each token stands for as a target."""

    tokens_N: Tensor
    bytes_N: Tensor
    documents: list[Document]

    @property
    def targets(self) -> int:
        """How many tokens are scored: all but the first."""
        return self.tokens_N.numel() - 1


def make_validation(tokens_N: Tensor, table: ByteTable, device: torch.device) -> Validation:
    """Count bytes and find documents once, then move the stream to the device."""
    bytes_N = torch.zeros_like(tokens_N)
    bytes_N[1:] = table.count(tokens_N[:-1], tokens_N[1:])
    return Validation(tokens_N.to(device), bytes_N, find_documents(tokens_N))


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Nats per token, float32, and how often each was scored."""

    nll_N: Tensor
    times_N: Tensor

    def record(self, targets: Tensor, nll: Tensor) -> None:
        """Note the scores of the tokens at stream indices `targets`."""
        self.nll_N[targets] = nll.float()
        self.times_N[targets] += 1

    def gather(self, ranks: Ranks) -> TokenScores:
        """Put all ranks' entries together; every entry was filled by one rank and is zero on the others."""
        ranks.sum_(self.nll_N)
        ranks.sum_(self.times_N)
        return self


def empty_scores(val: Validation) -> TokenScores:
    """Return scores in which no token has been scored yet."""
    nll_N = torch.zeros(val.tokens_N.numel(), dtype=torch.float32, device=val.tokens_N.device)
    return TokenScores(nll_N, torch.zeros_like(nll_N, dtype=torch.int32))


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """A few windows side by side, padded at the right, where causal attention never lets it reach a score."""

    ids_BT: Tensor
    targets_BS: Tensor
    first: int
    target_index_BS: Tensor
    scored_BS: Tensor


def gather_windows(
    tokens_N: Tensor, windows: list[Window], rows: int, pad: bool | None = None
) -> WindowBatch:
    """Fetch windows by index on the device.

    With `pad` (by default on a GPU) the batch is filled up to `rows` rows and rounded out to multiples of
    PAD_STEP; what is added is never marked as scored.
    """
    device = tokens_N.device
    length, first = max(w.length for w in windows), min(w.first for w in windows)
    if device.type == "cuda" if pad is None else pad:
        length, first = -(-length // PAD_STEP) * PAD_STEP, first // PAD_STEP * PAD_STEP
        windows = [*windows, *[Window(windows[0].start, 0, 0)] * (rows - len(windows))]
    plan_B3 = torch.tensor(windows, device=device)
    offset_T = torch.arange(length, device=device)
    position_BT = (plan_B3[:, :1] + offset_T).clamp_(max=tokens_N.numel() - 2)
    scored_BT = (offset_T >= plan_B3[:, 2:]) & (offset_T < plan_B3[:, 1:2])
    target_index_BS = position_BT[:, first:] + 1
    return WindowBatch(
        tokens_N[position_BT], tokens_N[target_index_BS], first, target_index_BS, scored_BT[:, first:]
    )


def score_windows(
    model: GPT, val: Validation, windows: Iterable[Window], rows: int, scores: TokenScores, ranks: Ranks
) -> None:
    """Score windows with a model that stands still; batch i is rank i mod world's."""
    for group in batches(windows, rows)[ranks.rank :: ranks.world]:
        batch = gather_windows(val.tokens_N, group, rows)
        with torch.no_grad():
            nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first)
        scores.record(batch.target_index_BS[batch.scored_BS], nll_BS[batch.scored_BS])
