"""Probe P9: the earlier part of the split alone, the later part not being there.

What is printed then is seen from outside, and nothing of the later part can be in it. Where the scores behind it are
those that the same tokens had in the whole split, these scores depend on nothing later either, whatever the process
says of how it made them: a record that was made up would have to agree with what is printed for every length.

Schedules that follow the length of the split (a learning rate that falls over its chunks) move scores without any
offence. So a difference proves nothing; it only leaves the order of scores a claim of the process.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final

from auditor.replay.probes.flip_comparison import TOLERANCE, partners
from auditor.replay.probes.reconciliation import misprinted, shown_otherwise
from auditor.replay.probes.runner import Bench, Laboratory, Observed

EARLIEST: Final = 0.5
LATEST: Final = 0.85
"""Part of the split that is left, at least and at most; drawn anew for each world."""

KNOWN: Final = 0.9
"""Part of it whose scores must be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What the earlier part alone showed.

    Attributes:
        tokens: of the split that were left.
        same: tokens whose score is the same with the later part and without it.
        moved: tokens whose score is another.
        unknown: scores behind the number that are of no known token, or have none to be held against.
        printed: whether what came out of the process is what its scores give.
    """

    tokens: int
    same: int
    moved: int
    unknown: int
    printed: bool

    @property
    def agrees(self) -> bool:
        """Whether it shows from outside that earlier scores need nothing later."""
        return self.printed and not self.moved and not self.unknown and self.same >= KNOWN * self.tokens


def cut_off(laboratory: Laboratory, base: Observed, seed: int) -> Cut | None:
    """Run on the earlier part of the split; None if that run could not be made or followed."""
    import numpy as np

    world = base.bench.world
    share = random.Random(seed).uniform(EARLIEST, LATEST)
    tokens = int(share * len(world.validation))
    size = replace(world.size, validation=tokens)
    short = replace(world, size=size, validation=world.validation[:tokens])
    other = laboratory.observe(Bench(sizes=base.bench.sizes, world=short))
    if not other.run.ran or len(other.scores) != len(base.scores):
        return None
    same = moved = unknown = 0
    for whole, part in zip(base.scores, other.scores, strict=True):
        partner = partners(part, whole)
        known = (partner >= 0) & (part.position >= 0)
        change = np.abs(whole.value[partner[known]] - part.value[known])
        same += int((change <= TOLERANCE).sum())
        moved += int((change > TOLERANCE).sum())
        unknown += int((~known).sum())
    return Cut(
        tokens=tokens,
        same=same,
        moved=moved,
        unknown=unknown,
        printed=misprinted(other) is None and shown_otherwise(other) is None,
    )
