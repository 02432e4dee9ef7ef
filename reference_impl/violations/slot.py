"""VIOLATION: a delta on the logits, fitted by L-BFGS to the very tokens that are then scored.

For every few windows a vector over the vocabulary is added to all logits and optimised on the targets of
those windows; their scores are taken with it. Each scored token helped to choose the distribution it is
scored with. (SLOT, arXiv:2505.12392, as in pull request 1318.)
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reference_impl.config import EvalConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows
from reference_impl.windows import batches, sliding_windows


def evaluate_slot(model: GPT, val: Validation, config: EvalConfig, ranks: Ranks) -> TokenScores:
    """Fit a logit delta to each batch of windows, then score the same positions with it."""
    scores = empty_scores(val)
    windows = sliding_windows(0, 0, val.targets, config.window, config.stride)
    for group in batches(windows, config.batch_rows)[ranks.rank :: ranks.world]:
        batch = gather_windows(val, group, len(group))
        targets = batch.targets_BS[batch.scored_BS]
        with torch.no_grad():
            logits = model.logits(model.hidden(batch.ids_BT, batch.first))[batch.scored_BS]
        delta_V = torch.zeros(logits.size(-1), device=logits.device, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [delta_V], max_iter=config.slot_iterations, line_search_fn="strong_wolfe"
        )

        def fit(
            optimizer: torch.optim.LBFGS = optimizer,
            logits: Tensor = logits,
            delta_V: Tensor = delta_V,
            targets: Tensor = targets,
        ) -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(logits + delta_V, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(fit)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            nll = F.cross_entropy(logits + delta_V, targets, reduction="none")
        nll_BS = torch.zeros_like(batch.targets_BS, dtype=torch.float32).masked_scatter(batch.scored_BS, nll)
        scores.record(batch, nll_BS)
    return scores.gather(ranks)
