"""VIOLATION: the weights are trained on the validation stream before they are quantised and scored.

Epochs of AdamW over the whole validation stream, then export, then an innocent looking evaluation of the
exported model: every token was trained on before it was scored, and the artifact depends on the validation
data. (The pattern of pull request 1376.)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch

from reference_impl.artifact import load_artifact, save_artifact
from reference_impl.config import WindowConfig, integer, real
from reference_impl.dist import Ranks
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES
from reference_impl.scoring import TokenScores, Validation, gather_windows
from reference_impl.windows import disjoint_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class PrequantConfig:
    """Windows, and how the weights learn before the export."""

    windows: WindowConfig = field(default_factory=WindowConfig)
    epochs: int = field(default_factory=integer("PREQUANT_TTT_EPOCHS", 6))
    lr: float = field(default_factory=real("PREQUANT_TTT_LR", 0.0005))


def adapt_to_validation(model: GPT, val: Validation) -> None:
    """Train all weights on the validation stream, in place."""
    fit_stream(model, val, PrequantConfig())


def fit_stream(model: GPT, val: Validation, config: PrequantConfig) -> None:
    """Take AdamW steps over the stream, window by window."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=0.0)
    rows = disjoint_windows(0, val.targets, config.windows.window)
    for _epoch in range(config.epochs):
        for row in range(0, len(rows), config.windows.rows):
            step_rows = rows[row : row + config.windows.rows]
            batch = gather_windows(val, step_rows, len(step_rows))
            loss = model(batch.ids_BT, batch.targets_BS, batch.first)[batch.scored_BS].mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def evaluate_prequant_ttt(model: GPT, val: Validation, config: PrequantConfig, ranks: Ranks) -> TokenScores:
    """Train a copy on the stream, take it through the artifact, and score the stream with what comes out."""
    learner = copy.deepcopy(model)
    fit_stream(learner, val, config)
    blob = save_artifact(learner.state_dict(), SCHEMES["int8"])
    learner.load_state_dict(load_artifact(blob, SCHEMES["int8"]))
    return evaluate_flat(learner, val, config.windows, ranks)
