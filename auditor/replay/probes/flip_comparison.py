"""Compares two runs that differ in one validation token, on the scores behind the claimed number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.runs.run_record import RankRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

TOLERANCE: Final = 1e-6
"""Nats. On a CPU in float32 with one thread two runs are equal to the last bit, so any move is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One score that should not have moved: its position, call and both values in nats."""

    position: int
    call: int
    before: float
    after: float

    @property
    def by(self) -> float:
        return abs(self.after - self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """What exchanging one token did to the scores of one process.

    Attributes:
        place: which kind of place it is ("middle", "document edge", …).
        position: of the exchanged token.
        call: number of the call that made its reported score.
        earlier: scores that were made before or together with it and lie before it or in an earlier call.
        moved: those of them that moved, largest move first.
        beyond: later scores out of reach of the model's window that moved: the evaluation learns from tokens.
        own: both scores of the token itself.
        distribution: change of the distribution at the token's place; NaN if unknown.
        aligned: whether the two runs scored the same tokens in the same order.
        exchanged: how many tokens were exchanged at once; `position` is the first of them to be scored.
    """

    place: str
    position: int
    call: int
    old: int
    new: int
    earlier: int
    moved: tuple[Moved, ...]
    beyond: int
    own: tuple[float, float]
    distribution: float
    aligned: bool
    exchanged: int = 1


def compare(
    base: Scores,
    other: Scores,
    records: tuple[RankRecord, RankRecord],
    *,
    place: str,
    position: int,
    tokens: tuple[int, int],
    window: int,
) -> Flip | None:
    """Compare the scores of two runs; None if this process did not score the token.

    Args:
        base, other: scores behind the claimed number, with the token as it was and exchanged.
        position: of the exchanged token.
        window: tokens that a score may depend on through the model's input alone.
    """
    import numpy as np

    at = np.nonzero(base.position == position)[0]
    if not len(at):
        return None
    own = int(at[0])
    call = int(base.call[own])
    partner = partners(base, other)
    change = _change(base, other, partner)
    before = (base.call < call) | ((base.call == call) & (base.position < position))
    tested = ~np.isnan(change) & before & (base.position >= 0) & (base.position != position)
    far = (base.call > call) & ((base.position > position + window) | (base.position < position))
    own_after = float(other.value[partner[own]]) if partner[own] >= 0 else math.nan
    return Flip(
        place=place,
        position=position,
        call=call,
        old=tokens[0],
        new=tokens[1],
        earlier=int(tested.sum()),
        moved=_moved(base, other, partner, tested & (change > TOLERANCE)),
        beyond=int((far & (change > TOLERANCE)).sum()),
        own=(float(base.value[own]), own_after),
        distribution=_distribution_change(base, other, records, own, int(partner[own])),
        aligned=bool((partner >= 0).all()) and len(base) == len(other),
    )


def compare_rest(
    base: Scores, other: Scores, positions: NDArray[np.int64], first_call: int, *, window: int
) -> Flip | None:
    """Compare runs in which a later part of the tokens are others; None if nothing else was scored before a call.

    Args:
        positions: of the exchanged tokens.
        window: tokens before its own that a score may depend on through the model's input: where one of the
            exchanged is among them, the score may move.
    """
    import numpy as np

    partner = partners(base, other)
    change = _change(base, other, partner)
    exchanged = np.zeros(int(base.position.max()) + 2, dtype=np.int64)
    exchanged[positions[positions < len(exchanged)]] = 1
    count = np.concatenate([[0], np.cumsum(exchanged)])
    at = np.maximum(base.position, 0)
    near = count[at + 1] - count[np.maximum(at - window, 0)]
    tested = ~np.isnan(change) & (base.position >= 0) & (base.call < first_call) & (near == 0)
    own = np.nonzero(exchanged[at] & (base.position >= 0))[0]
    if not tested.any() or not len(own):
        return None
    first = int(own[0])
    after = float(other.value[partner[first]]) if partner[first] >= 0 else math.nan
    return Flip(
        place="all the rest",
        position=int(base.position[first]),
        call=int(base.call[first]),
        old=-1,
        new=-1,
        earlier=int(tested.sum()),
        moved=_moved(base, other, partner, tested & (change > TOLERANCE)),
        beyond=0,
        own=(float(base.value[first]), after),
        distribution=math.nan,
        aligned=bool((partner >= 0).all()) and len(base) == len(other),
        exchanged=len(positions),
    )


def _change(base: Scores, other: Scores, partner: NDArray[np.int64]) -> Floats:
    """How far each score moved, in nats; NaN where it has no partner."""
    import numpy as np

    known = partner >= 0
    change = np.full(len(base), np.nan)
    change[known] = np.abs(other.value[partner[known]] - base.value[known])
    return change


def _moved(base: Scores, other: Scores, partner: NDArray[np.int64], where: Mask) -> tuple[Moved, ...]:
    """The scores that moved, the largest move first."""
    import numpy as np

    moved = [
        Moved(
            position=int(base.position[i]),
            call=int(base.call[i]),
            before=float(base.value[i]),
            after=float(other.value[partner[i]]),
        )
        for i in np.nonzero(where)[0].tolist()
    ]
    return tuple(sorted(moved, key=lambda m: -m.by))


def partners(base: Scores, other: Scores) -> NDArray[np.int64]:
    """For each score of one run the index of the same token's score in the other: by position and occurrence."""
    import numpy as np

    if len(base) == len(other) and bool((base.position == other.position).all()):
        return np.arange(len(base))
    seen: dict[tuple[int, int], int] = {}
    for index, key in enumerate(_occurrences(other)):
        seen[key] = index
    found = [seen.get(key, -1) if key[0] >= 0 else -1 for key in _occurrences(base)]
    return np.array(found, dtype=np.int64)


def _occurrences(scores: Scores) -> list[tuple[int, int]]:
    count: dict[int, int] = {}
    keys = []
    for position in scores.position.tolist():
        keys.append((position, count.get(position, 0)))
        count[position] = count.get(position, 0) + 1
    return keys


def _distribution_change(
    base: Scores, other: Scores, records: tuple[RankRecord, RankRecord], own: int, partner: int
) -> float:
    if partner < 0 or base.call[own] < 0 or other.call[partner] < 0:
        return math.nan
    made = records[0].losses[int(base.call[own])]
    if made.picked and bool(base.mixed[own]):
        return math.nan
    first = made.distribution[int(base.leaf[own])]
    second = records[1].losses[int(other.call[partner])].distribution[int(other.leaf[partner])]
    return abs(float(first) - float(second))
