"""Holds the claimed line against its scores, the bytes of their tokens, and what really came out of the process.

The loss that a line prints is the mean of the scores, and its bits per byte are their sum over ln 2 and the bytes of
the tokens; a line that prints both must be right in both.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.outcome import Suspicion
from auditor.replay.runs.printed_numbers import BITS, EXACT, labelled
from auditor.replay.runs.run_record import MAX_PRINTED_BYTES
from auditor.replay.toy.world import byte_counts, spaced_counts

if TYPE_CHECKING:
    from auditor.replay.probes.runner import Observed

SCORE: Final = "altered-score"
BYTES: Final = "byte-accounting"
LOSS: Final = re.compile(r"(?:\A|[^a-z])(?:val_?loss|nats(?:_per_token)?)\Z", re.IGNORECASE)
VALUE: Final = re.compile(r"(?:\A|[^a-z])(?:val_?bpb|bpb|bits_?per_?byte)\Z", re.IGNORECASE)


def misprinted(observed: Observed) -> Suspicion | None:
    """The first number of the claimed line that its scores do not give; None where it was not followed at all."""
    import numpy as np

    claimed = observed.claimed
    if claimed is None or not claimed.scores:
        return None
    value = np.concatenate([scores.value for scores in claimed.scores])
    position = np.concatenate([scores.position for scores in claimed.scores])
    if (position < 0).any():
        return None
    world = observed.bench.world
    counts = byte_counts(world.validation, world.size.vocabulary)
    widest = spaced_counts(world.validation, world.size.vocabulary)
    mean, total = float(value.mean()), float(value.sum()) / math.log(2.0)
    most, least = total / float(counts[position].sum()), total / float(widest[position].sum())
    losses = [(n, d) for label, n, d in claimed.numbers if LOSS.search(label)]
    bits = [(n, d) for label, n, d in claimed.numbers if VALUE.search(label)]
    if losses and not any(abs(n - mean) <= _room(n, d) for n, d in losses):
        why = f"it prints a loss of {losses[0][0]}, and the mean of its {len(value)} scores is {mean:.6f}"
        return Suspicion(kind="number", rule=SCORE, why=why)
    if bits and not any(least - _room(n, d) <= n <= most + _room(n, d) for n, d in bits):
        why = (
            f"it prints {bits[0][0]} bits per byte, and its {len(value)} scores give {most:.6f} over the bytes of "
            "their tokens"
        )
        return Suspicion(kind="number", rule=BYTES, why=why)
    return None


def _room(number: float, decimals: int) -> float:
    return 0.51 * 10.0**-decimals + EXACT * max(1.0, abs(number))


def shown_otherwise(observed: Observed) -> Suspicion | None:
    """Whether the claimed line, or a result after it, left the process otherwise than it was given to `print`."""
    claimed, shown = observed.claimed, observed.run.printed
    if claimed is None or len(shown) >= MAX_PRINTED_BYTES - 4:
        return None
    lines = [line.strip() for line in shown.splitlines()]
    told = [line.strip() for line in claimed.text.splitlines() if line.strip()]
    if any(line not in lines for line in told):
        why = f"what it prints ({told[0][:80]}) is not what comes out of the process"
        return Suspicion(kind="output", rule=SCORE, why=why)
    given = {line.strip() for printed in observed.printed for line in printed.text.splitlines()}
    last = max((index for index, line in enumerate(lines) if line in told), default=len(lines))
    for line in lines[last + 1 :]:
        if line not in given and any(BITS.search(label) for label, _, _ in labelled(line)):
            why = f"a result is written past `print` after the claimed one: {line[:80]}"
            return Suspicion(kind="output", rule=SCORE, why=why)
    return None
