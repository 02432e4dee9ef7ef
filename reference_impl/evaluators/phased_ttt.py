"""Phased score-first TTT: adapters for each document, and weights that learn between phases.

A phase is a stretch of the stream. Its documents are scored as in `lora_ttt`; when all of it is scored, the weights
take a few epochs of steps on it as in `chunk_ttt`; then comes the next phase, with the new weights beneath fresh
adapters. The last phase is scored and never trained on. A document that a phase's end cuts is two. (The pattern of
pull request 1610, which pauses once, after 2,000 documents: about as many tokens as a phase has here.)
"""

from __future__ import annotations

import copy
import math
import os
from dataclasses import dataclass, field

from reference_impl.config import broken, training_window
from reference_impl.data import Document, find_documents
from reference_impl.dist import Ranks
from reference_impl.evaluators.chunk_ttt import (
    ChunkConfig,
    chunk_optimizer,
    learn_windows,
    trainable_parameters,
)
from reference_impl.evaluators.lora_ttt import adapt_documents
from reference_impl.lora import LoraConfig
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores
from reference_impl.windows import disjoint_windows


@dataclass(frozen=True, kw_only=True)
class PhasedConfig:
    """Adapters, how the weights learn, and how many positions a phase has."""

    lora: LoraConfig = field(default_factory=LoraConfig)
    weights: ChunkConfig = field(default_factory=ChunkConfig)
    phase: int = field(
        default_factory=lambda: int(os.environ.get("TTT_PHASE_CHUNK_TOKENS", 2048 * training_window()))
    )

    @property
    def window(self) -> int:
        """The longest window."""
        return max(self.lora.window, self.weights.window)

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        window = self.weights.window
        whole = (
            self.phase > 0 and self.phase % window == 0,
            f"TTT_PHASE_CHUNK_TOKENS={self.phase} is not a multiple of EVAL_SEQ_LEN={window}",
        )
        return self.lora.problems() + self.weights.problems() + broken(whole)


def evaluate_phased_ttt(model: GPT, val: Validation, config: PhasedConfig, ranks: Ranks) -> TokenScores:
    """Score every phase before the weights learn from it; `model` itself is left alone."""
    scores = empty_scores(val)
    learner = copy.deepcopy(model)
    weights = config.weights
    params = trainable_parameters(learner, weights.freeze_blocks)
    optimizer = chunk_optimizer(params, weights)
    phases = math.ceil(val.targets / config.phase)
    for phase in range(phases):
        begin = phase * config.phase
        end = min(begin + config.phase, val.targets)

        inner = find_documents(val.tokens_N[begin : end + 1])
        documents = [Document(begin + d.start, begin + d.start, d.targets) for d in inner]
        adapt_documents(learner, val, documents, config.lora, scores, ranks)

        if phase == phases - 1:
            break
        rows = disjoint_windows(begin, end, weights.window)
        for _epoch in range(weights.epochs):
            for row in range(0, len(rows), weights.step_rows):
                step_rows = rows[row : row + weights.step_rows]
                learn_windows(learner, optimizer, params, val, step_rows, weights, ranks)
    return scores.gather(ranks)
