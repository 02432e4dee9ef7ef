"""Flat stream: windows laid end to end over the whole stream, across document boundaries.

The baseline's evaluation, except that the short window at the end is scored too.
"""

from __future__ import annotations

from reference_impl.config import WindowConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, score_windows
from reference_impl.windows import disjoint_windows


def evaluate_flat(model: GPT, val: Validation, config: WindowConfig, ranks: Ranks) -> TokenScores:
    """Score the stream in disjoint windows; the first token of a window has no context."""
    scores = empty_scores(val)
    windows = disjoint_windows(0, val.targets, config.window)
    score_windows(model, val, windows, config.rows, scores, ranks)
    return scores.gather(ranks)
