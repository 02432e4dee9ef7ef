"""Stride: a sliding window within each document, as the LoRA evaluator scores without its adapters."""

from __future__ import annotations

from reference_impl.dist import Ranks
from reference_impl.lora import LoraConfig
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, score_windows
from reference_impl.windows import Window, sliding_windows


def evaluate_stride(model: GPT, val: Validation, config: LoraConfig, ranks: Ranks) -> TokenScores:
    """Slide within each document by the LoRA evaluator's chunk and window."""
    scores = empty_scores(val)
    windows: list[Window] = []
    for document in val.documents:
        end = document.start + document.targets
        windows.extend(sliding_windows(document.start, document.start, end, config.window, config.chunk))
    score_windows(model, val, windows, config.rows, scores, ranks)
    return scores.gather(ranks)
