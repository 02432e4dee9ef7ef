"""Sliding window: a window moves over the stream by `stride` and scores what is new in it.

A token is scored with up to `window` tokens of context. Unlike the sliding evaluations in circulation it does
not score the last `stride` tokens of the stream several times over.
"""

from __future__ import annotations

from reference_impl.config import WindowConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, score_windows
from reference_impl.windows import sliding_windows


def evaluate_sliding(model: GPT, val: Validation, config: WindowConfig, ranks: Ranks) -> TokenScores:
    """Slide over the whole stream, across document boundaries."""
    scores = empty_scores(val)
    windows = sliding_windows(0, 0, val.targets, config.window, config.stride)
    score_windows(model, val, windows, config.rows, scores, ranks)
    return scores.gather(ranks)
