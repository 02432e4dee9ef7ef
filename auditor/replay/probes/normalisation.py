"""Probe P6: the numbers that stand for the probabilities of all tokens at one place must sum to 1.

One run a token of a small vocabulary, each with another token at the place; what comes before it is the same in all
of them, and causality has been shown before, so the reported scores are those of one distribution. Caches are
shrunk with the stream: a table keeps its load, and collisions happen as they do at full size.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.runner import Bench, Laboratory, Observed
from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.toy.sizes import ToySizes
from auditor.replay.toy.world import BOS, FIRST_ORDINARY, WorldSize, make_world

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOCABULARY: Final = 16
TOLERANCE: Final = 1e-4
"""How far from 1 a sum may lie: a float32 softmax stays within 1e-6, mixtures clipped at 1e-12 too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mass:
    """The sum of exp(-score) over tokens put at one place.

    Attributes:
        token: the place, or -1 if there was none.
        total: of the tokens counted so far.
        counted: tokens whose run gave a score at the place.
        complete: whether these are all.
        mixed: whether the score at the place is no plain cross-entropy.
        why: why it is not complete, or "".
    """

    token: int
    total: float
    counted: int
    complete: bool
    mixed: bool
    seed: int
    why: str = ""

    @property
    def is_off(self) -> bool:
        """Whether the numbers are proved to be no distribution."""
        return self.total > 1 + TOLERANCE or (self.complete and self.total < 1 - TOLERANCE)


def measure_mass(laboratory: Laboratory, seed: int, *, places: int = 1) -> Mass:
    """Measure the sum at one place.

    Args:
        places: how many places to try until the sum is off at one of them; the last one measured is returned.
    """
    bench = small_bench(seed)
    base = laboratory.observe(bench)
    why = base.run.why_not or "the claimed number could not be followed in so small a world"
    mass = Mass(token=-1, total=0.0, counted=0, complete=False, mixed=False, seed=seed, why=why)
    if not base.run.ran or not base.scores:
        return mass
    for position, mixed in _places(base)[:places]:
        mass = _mass_at(laboratory, base, position, mixed=mixed, seed=seed)
        if mass.is_off:
            break
    return mass


def _mass_at(laboratory: Laboratory, base: Observed, position: int, *, mixed: bool, seed: int) -> Mass:
    bench = base.bench
    total, counted, why = 0.0, 0, ""
    old = int(bench.world.validation[position])
    for token in _order(bench.sizes.vocabulary):
        observed = base if token == old else laboratory.observe(bench.flipped(position, token))
        score = _score_at(observed, position)
        if score is None:
            why = why or f"token {token} at the place gave no score"
            continue
        total += math.exp(-score)
        counted += 1
        if total > 1 + TOLERANCE:
            break
    complete = counted == bench.sizes.vocabulary
    return Mass(
        token=position, total=total, counted=counted, complete=complete, mixed=mixed, seed=seed, why=why
    )


def small_bench(seed: int) -> Bench:
    """A world with few tokens in its vocabulary, and sizes to go with it."""
    chance = random.Random(seed)
    sizes = ToySizes(vocabulary=VOCABULARY, chunk=96, iterations=2, batch=4, buckets=64)
    size = WorldSize(
        vocabulary=VOCABULARY,
        validation=580 + chance.randrange(20),
        documents=(60, 140),
    )
    return Bench(sizes=sizes, world=make_world(size, chance.randrange(1 << 30)))


def _order(vocabulary: int) -> list[int]:
    """Ordinary tokens first: they carry the mass. BOS last: it makes another document."""
    rest = [token for token in range(FIRST_ORDINARY) if token != BOS]
    return [*range(FIRST_ORDINARY, vocabulary), *rest, BOS]


def _places(base: Observed) -> list[tuple[int, bool]]:
    """Scored places in the second half, those first whose score was mixed most; without any one in the middle."""
    import numpy as np

    scores = base.scores[0]
    tokens = base.bench.world.validation
    usable = (scores.position > len(tokens) // 2) & (tokens[np.maximum(scores.position, 0)] >= FIRST_ORDINARY)
    usable &= tokens[np.maximum(scores.position - 1, 0)] >= FIRST_ORDINARY
    candidates = np.nonzero(usable & scores.mixed)[0]
    if len(candidates):
        shift = np.nan_to_num(np.abs(scores.value - _made(base, scores))[candidates])
        most = candidates[np.argsort(-shift, kind="stable")]
        return [(int(scores.position[i]), True) for i in most.tolist()]
    middle = np.nonzero(usable)[0]
    return [(int(scores.position[middle[len(middle) // 2]]), False)] if len(middle) else []


def _made(base: Observed, scores: Scores) -> NDArray[np.float64]:
    """The loss as it was made, before anything was mixed in."""
    import numpy as np

    losses = base.run.ranks[0].losses
    return np.array(
        [
            losses[call].value[leaf] if call >= 0 else np.nan
            for call, leaf in zip(scores.call.tolist(), scores.leaf.tolist(), strict=True)
        ]
    )


def _score_at(observed: Observed, position: int) -> float | None:
    """The reported score of a position, if it was scored and the number could be followed."""
    import numpy as np

    if not observed.run.ran or not observed.scores:
        return None
    scores = observed.scores[0]
    at = np.nonzero(scores.position == position)[0]
    return float(scores.value[at[0]]) if len(at) else None
