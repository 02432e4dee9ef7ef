"""Probe P10: a world of several processes, with a larger vocabulary and longer documents.

What the smaller worlds show may hang on their size. Here everything scored after a first part is exchanged once more,
with two processes, or with all eight where the script counts them. Processes do not stand at the same place when each
has scored its first part: what one knows of an exchanged token it may have from another that had scored it before both
met in a collective.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.flip_comparison import Flip, compare_rest
from auditor.replay.probes.flip_sites import the_rest
from auditor.replay.probes.outcome import Suspicion
from auditor.replay.probes.reconciliation import misprinted, shown_otherwise
from auditor.replay.probes.runner import Bench, Laboratory, Observed
from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.runs.run_record import Losses
from auditor.replay.toy.sizes import ToySizes, world_size
from auditor.replay.toy.world import make_world

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOCABULARIES: Final = (1032, 1040, 1056)
"""Larger than the smallest that a claimed run has had."""

CHUNK: Final = 256
"""Tokens: a window of 32 for each of eight processes, which else disagree on how often they reduce gradients."""

DOCUMENTS: Final = (60, 420)
SHARDS: Final = 8
TRAINING: Final = 3000
"""Shards of training data, one for each process, and tokens of each."""

FIRST_PART: Final = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """What the wide world showed.

    Attributes:
        ranks: processes of each run.
        base: the run on it.
        seed: of the world.
        flips: of each process that scores, with its number, with everything after a first part exchanged.
        misprints: where a run prints what its scores do not give.
        artifacts: files that differ between both runs.
        why_not: why nothing was compared, or "".
    """

    ranks: int
    seed: int
    base: Observed
    flips: tuple[tuple[int, Flip], ...] = ()
    misprints: tuple[Suspicion, ...] = ()
    artifacts: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def moved(self) -> int:
        return sum(len(flip.moved) for _, flip in self.flips)


def wide_bench(seed: int) -> Bench:
    """The wide world of a seed."""
    chance = random.Random(seed)
    sizes = replace(ToySizes.drawn(chance), vocabulary=chance.choice(VOCABULARIES), chunk=CHUNK)
    size = replace(world_size(sizes, chance), documents=DOCUMENTS, shards=SHARDS, training=TRAINING)
    return Bench(sizes=sizes, world=make_world(size, chance.randrange(1 << 30)))


def look_wide(laboratory: Laboratory, seed: int, *, thorough: bool = False) -> Wide:
    """Run there, and once more with the rest exchanged."""
    import numpy as np

    bench, ranks = wide_bench(seed), laboratory.several_ranks(all_of_them=thorough)
    base = laboratory.observe(bench, ranks=ranks)
    if not base.run.ran or not base.scores:
        why = base.run.why_not or "the claimed number could not be followed"
        return Wide(ranks=ranks, seed=seed, base=base, why_not=why)
    parts = [the_rest(scores, share=FIRST_PART) for scores in base.scores]
    known = [part for part in parts if part is not None]
    if not known:
        return Wide(ranks=ranks, seed=seed, base=base, why_not="nothing is scored after a first part")
    positions = np.unique(np.concatenate([part[0] for part in known]))
    world = bench.world.exchanged(positions, seed)
    other = laboratory.observe(replace(bench, world=world), ranks=ranks)
    if not other.run.ran or len(other.scores) != len(base.scores):
        return Wide(
            ranks=ranks,
            seed=seed,
            base=base,
            why_not=other.run.why_not or "the other number could not be followed",
        )
    made = [record.losses for record in base.run.ranks]
    begins = [_first_of(scores, positions) for scores in base.scores]
    flips = [
        (rank, compare_rest(one, two, positions, min(part[1], until), window=bench.sizes.length))
        for rank, (one, two, part) in enumerate(zip(base.scores, other.scores, parts, strict=True))
        if part is not None
        for until in [not_told(made, begins, rank)]
    ]
    if not any(flip is not None for _, flip in flips):
        why = "no process scores anything before what is exchanged is known to it"
        return Wide(ranks=ranks, seed=seed, base=base, why_not=why)
    found = [seen for run in (base, other) for seen in (misprinted(run), shown_otherwise(run))]
    return Wide(
        ranks=ranks,
        seed=seed,
        base=base,
        flips=tuple((rank, flip) for rank, flip in flips if flip is not None),
        misprints=tuple(filter(None, found)),
        artifacts=tuple(n for n, what in base.run.artifacts.items() if other.run.artifacts.get(n) != what),
    )


def _first_of(scores: Scores, positions: NDArray[np.int64]) -> int | None:
    """The first call of a process that scored one of some positions; None where it scored none of them."""
    import numpy as np

    calls = scores.call[np.isin(scores.position, positions) & (scores.call >= 0)]
    return int(calls.min()) if len(calls) else None


def not_told(made: Sequence[Sequence[Losses]], begins: Sequence[int | None], rank: int) -> int:
    """The first call of a process before which another that had scored one of some tokens could have told it of them.

    Args:
        made: the calls of each process.
        begins: the first call of each process that scored one of them.
    """
    met = [
        losses[call].collectives
        for other, (losses, call) in enumerate(zip(made, begins, strict=True))
        if other != rank and call is not None
    ]
    own = made[rank]
    return next((losses.call for losses in own if met and losses.collectives > min(met)), len(own))
