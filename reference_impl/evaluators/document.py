"""Document-isolated: as the flat stream, but no window crosses a document boundary."""

from __future__ import annotations

from reference_impl.config import WindowConfig
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, score_windows
from reference_impl.windows import Window, disjoint_windows


def evaluate_document(model: GPT, val: Validation, config: WindowConfig, ranks: Ranks) -> TokenScores:
    """Score each document in disjoint windows that start at its first token."""
    scores = empty_scores(val)
    windows: list[Window] = []
    for document in val.documents:
        windows.extend(disjoint_windows(document.start, document.start + document.targets, config.window))
    score_windows(model, val, windows, config.rows, scores, ranks)
    return scores.gather(ranks)
