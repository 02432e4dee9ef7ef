"""What one proof may spend, in steps and elements: never in seconds."""

from __future__ import annotations

MAX_STEPS = 3_000_000
"""Expressions and statements of one run; a real model of eleven blocks takes some 60,000."""

MAX_ELEMENTS = 2_000_000_000
"""Positions computed in one run; a run over 1,024 tokens without a written-out score matrix takes a tenth."""

MAX_TENSOR = 48_000_000
"""Positions of one tensor: a written-out matrix of scores over 1,024 tokens takes six million."""

MAX_VALUE = 1_100_000
"""Elements of a constant whose exact value is kept."""

MAX_DEPTH = 60
"""Calls in one another."""

MAX_RUNS = 24
"""Runs of a model with the decisions that the source leaves open taken one way and the other."""
