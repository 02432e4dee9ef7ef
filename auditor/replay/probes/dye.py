"""Probe P8: nothing but the reported sum may depend on the value of a loss.

A run in which the losses of the later half of the scores are given other values while their gradients stay as they
are. The printed number must be made of the new values as it was of the old ones (a loss that is cut off, left out or
weighed by its size is not); no token scored until then may be scored from another distribution (a choice was made by
losses not yet final); and each token must count from the same one of its scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.flip_comparison import TOLERANCE, partners

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditor.replay.probes.runner import Laboratory, Observed
    from auditor.replay.runs.printed_numbers import Scores
    from auditor.replay.runs.run_record import RankRecord

SHARE: Final = 0.5
"""Part of the scores, in the order of scoring, that keep their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dyed:
    """What other values of the later losses did.

    Attributes:
        observed: the run.
        tokens: how many losses were given another value.
        tested: scores made before or together with the first of them, whose distribution is known.
        moved: those of them whose distribution moved; the position of one of them, or -1.
        chosen: tokens that count from another one of their scores than before.
        altered: tokens that count with another value than their loss, and did not before.
        lost: tokens that no longer have a score behind the number.
    """

    observed: Observed
    tokens: int
    tested: int
    moved: int
    example: int
    chosen: int
    altered: int
    lost: int

    @property
    def followed(self) -> bool:
        """Whether the number of the dyed run was found to be made of its scores."""
        return bool(self.observed.scores)

    @property
    def differs(self) -> bool:
        """Whether anything but the reported sum shows the other values."""
        return not self.followed or bool(self.moved or self.chosen or self.altered or self.lost)


def dye(laboratory: Laboratory, base: Observed) -> Dyed | None:
    """Run with other values of the later losses; None where there is nothing to compare."""
    import numpy as np

    firsts = [_first_call(scores) for scores in base.scores]
    if not firsts or any(first is None for first in firsts):
        return None
    later = [
        scores.position[(scores.call >= first) & (scores.position >= 0)]
        for scores, first in zip(base.scores, firsts, strict=True)
        if first is not None
    ]
    positions = np.unique(np.concatenate(later))
    if not len(positions):
        return None
    dyed = tuple(int(p) for p in positions)
    found = _compared(base, firsts, dyed, laboratory.observe(base.bench, dyed=dyed))
    if found is None or found.differs or not _scored_before(base, positions):
        return found
    other = laboratory.observe(base.bench, dyed=dyed, falling=True)
    return _compared(base, firsts, dyed, other) or found


def _scored_before(base: Observed, positions: NDArray[np.int64]) -> bool:
    """Whether any of the tokens has a loss made before the one that counts."""
    import numpy as np

    for record in base.run.ranks:
        made = np.concatenate([np.unique(losses.position) for losses in record.losses])
        if (np.bincount(made[np.isin(made, positions)], minlength=1) > 1).any():
            return True
    return False


def _compared(
    base: Observed, firsts: Sequence[int | None], positions: tuple[int, ...], other: Observed
) -> Dyed | None:
    if not other.run.ran:
        return None
    found = Counter[str]()
    example = -1
    for rank, (scores, first) in enumerate(zip(base.scores, firsts, strict=True)):
        if not other.scores or first is None:
            continue
        records = base.run.ranks[rank], other.run.ranks[rank]
        partner = partners(scores, other.scores[rank])
        moved, tested = _moved(scores, other.scores[rank], partner, records, first)
        found["tested"] += tested
        found["moved"] += len(moved)
        example = int(moved[0]) if len(moved) and example < 0 else example
        found["chosen"] += _chosen_otherwise(scores, other.scores[rank], partner, records)
        kept = partner >= 0
        found["altered"] += int((other.scores[rank].mixed[partner[kept]] & ~scores.mixed[kept]).sum())
        found["lost"] += int((partner < 0).sum())
    return Dyed(
        observed=other,
        tokens=len(positions),
        tested=found["tested"],
        moved=found["moved"],
        example=example,
        chosen=found["chosen"],
        altered=found["altered"],
        lost=found["lost"],
    )


def _first_call(scores: Scores) -> int | None:
    """The call from which on losses are dyed."""
    import numpy as np

    known = scores.call[(scores.call >= 0) & (scores.position >= 0)]
    return int(np.sort(known)[int(SHARE * len(known))]) if len(known) else None


def _moved(
    scores: Scores,
    other: Scores,
    partner: NDArray[np.int64],
    records: tuple[RankRecord, RankRecord],
    first: int,
) -> tuple[NDArray[np.int64], int]:
    """Positions of early scores whose distribution moved, and how many were compared."""
    import numpy as np

    early = np.nonzero((partner >= 0) & (scores.call >= 0) & (scores.call <= first) & ~scores.mixed)[0]
    early = early[other.call[partner[early]] >= 0]
    before = _distributions(records[0], scores.call[early], scores.leaf[early])
    after = _distributions(records[1], other.call[partner[early]], other.leaf[partner[early]])
    known = ~(np.isnan(before) | np.isnan(after))
    shifted = known & (np.abs(after - before) > TOLERANCE)
    return scores.position[early[shifted]], int(known.sum())


def _distributions(
    record: RankRecord, calls: NDArray[np.int64], leaves: NDArray[np.int64]
) -> NDArray[np.float64]:
    import numpy as np

    return np.array(
        [
            record.losses[call].distribution[leaf]
            for call, leaf in zip(calls.tolist(), leaves.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def _chosen_otherwise(
    scores: Scores, other: Scores, partner: NDArray[np.int64], records: tuple[RankRecord, RankRecord]
) -> int:
    """Tokens that count from another one of the calls that made their losses."""
    first, second = _turns(records[0]), _turns(records[1])
    count = 0
    for index, at in enumerate(partner.tolist()):
        if at < 0 or scores.call[index] < 0 or other.call[at] < 0:
            continue
        position = int(scores.position[index])
        here = first.get((position, int(scores.call[index])))
        there = second.get((position, int(other.call[at])))
        count += here != there
    return count


def _turns(record: RankRecord) -> dict[tuple[int, int], int]:
    """For each position and call the how-many-th call on that position it is."""
    seen = Counter[int]()
    turns: dict[tuple[int, int], int] = {}
    for losses in record.losses:
        for position in losses.position.tolist():
            if position >= 0 and (position, losses.call) not in turns:
                turns[position, losses.call] = seen[position]
                seen[position] += 1
    return turns
