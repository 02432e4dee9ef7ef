"""The compliant evaluators, one a file, all with one signature:

    evaluate_x(model: GPT, val: Validation, config: EvalConfig, ranks: Ranks) -> TokenScores

Each scores every token but the first exactly once, on a distribution fixed before that token is seen, and
leaves the model as it found it.
"""

from __future__ import annotations
