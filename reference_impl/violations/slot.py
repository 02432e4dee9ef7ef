"""VIOLATION: a delta on the logits, fitted by L-BFGS to the very tokens that are then scored.

For every window a vector over the vocabulary is added to all logits and optimised on the targets of that
window; their scores are taken with it. Each scored token helped to choose the distribution it is
scored with. (SLOT, arXiv:2505.12392, as in pull request 1318.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from reference_impl.config import WindowConfig, integer
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, WindowBatch, empty_scores, gather_windows
from reference_impl.windows import sliding_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotConfig:
    """Windows, and how long a delta is fitted."""

    windows: WindowConfig = field(default_factory=WindowConfig)
    iterations: int = field(default_factory=integer("SLOT_LBFGS_MAX_ITER", 25))

    @property
    def window(self) -> int:
        """The longest window."""
        return self.windows.window


def evaluate_slot(model: GPT, val: Validation, config: SlotConfig, ranks: Ranks) -> TokenScores:
    """Fit a logit delta to each window, then score the same positions with it."""
    scores = empty_scores(val)
    windows = sliding_windows(0, 0, val.targets, config.window, config.windows.stride)
    for window in windows[ranks.rank :: ranks.world]:
        batch = gather_windows(val, [window], 1)
        with torch.no_grad():
            logits_BSV = model.logits(model.hidden(batch.ids_BT, batch.first))
        delta_V = torch.zeros(logits_BSV.size(-1), device=val.device, requires_grad=True)
        optimizer = torch.optim.LBFGS([delta_V], max_iter=config.iterations, line_search_fn="strong_wolfe")

        def fit(
            optimizer: torch.optim.LBFGS = optimizer,
            batch: WindowBatch = batch,
            logits_BSV: Tensor = logits_BSV,
            delta_V: Tensor = delta_V,
        ) -> Tensor:
            optimizer.zero_grad()
            nll_BS = token_nll(logits_BSV + delta_V, batch.targets_BS)
            loss = (nll_BS * batch.scored_BS).sum() / batch.scored_BS.sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(fit)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            scores.record(batch, token_nll(logits_BSV + delta_V, batch.targets_BS))
    return scores.gather(ranks)


def token_nll(logits_BSV: Tensor, targets_BS: Tensor) -> Tensor:
    """Return -log p(target) in nats."""
    nll = F.cross_entropy(logits_BSV.flatten(0, 1), targets_BS.flatten(), reduction="none")
    return nll.view(targets_BS.shape)
