"""Sliding window: a token is scored with up to `window` tokens of context, the window moving by `stride`.

`evaluate_sliding` slides over the stream; `evaluate_stride` over each document apart, which is the scoring
of the LoRA evaluator without its adapters. Unlike the sliding evaluations in circulation neither scores the
stream's last `stride` tokens several times over.
"""

from __future__ import annotations

from reference_impl.config import EvalConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, score_windows
from reference_impl.windows import Window, sliding_windows


def evaluate_sliding(model: GPT, val: Validation, config: EvalConfig, ranks: Ranks) -> TokenScores:
    """Slide over the whole stream, across document boundaries."""
    scores = empty_scores(val)
    windows = sliding_windows(0, 0, val.targets, config.window, config.stride)
    score_windows(model, val, windows, config.batch_rows, scores, ranks)
    return scores.gather(ranks)


def evaluate_stride(model: GPT, val: Validation, config: EvalConfig, ranks: Ranks) -> TokenScores:
    """Slide within each document by the LoRA evaluator's chunk and window."""
    scores = empty_scores(val)
    windows: list[Window] = []
    for document in val.documents:
        end = document.start + document.targets
        windows.extend(
            sliding_windows(document.start, document.start, end, config.lora_window, config.lora_chunk)
        )
    score_windows(model, val, windows, config.batch_rows, scores, ranks)
    return scores.gather(ranks)
