"""What the record of one run says of each token: when a step first learnt from it, how often it was scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.runs.run_record import Frames, RankRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An optimiser step after gradients from validation tokens: its event, place, and the tokens."""

    event: int
    optimizer: str
    frames: Frames
    positions: frozenset[int]


@dataclass(slots=True, kw_only=True)
class History:
    """Steps on validation tokens in one process, and the event of the first gradient through each token's loss.

    A gradient that no optimiser's step follows can still be put into the weights by hand.
    """

    steps: list[Step]
    first_gradient: Mapping[int, int]


def history_of(record: RankRecord) -> History:
    """Gather the steps of one record."""
    steps: list[Step] = []
    gradients: dict[int, int] = {}
    pending: set[int] = set()
    for event in record.events:
        if event["kind"] == "gradient":
            used = record.used[int(event["i"])]
            found = record.losses[int(event["call"])].position[used]
            known = [int(p) for p in found[found >= 0]]
            pending.update(known)
            for position in known:
                gradients.setdefault(position, int(event["i"]))
        elif event["kind"] == "step" and pending:
            step = _step(record, event, pending)
            steps.append(step)
            pending = set()
    return History(steps=steps, first_gradient=gradients)


def _step(record: RankRecord, event: Mapping[str, Any], pending: set[int]) -> Step:
    return Step(
        event=int(event["i"]),
        optimizer=str(event["optimizer"]),
        frames=record.at(event),
        positions=frozenset(pending),
    )


def trained_before_scored(record: RankRecord, history: History, scores: Scores) -> float:
    """Share of the scores through whose token's loss a gradient had flowed before the reported loss was made (P4).

    A fresh adapter forgets it, so this alone proves nothing.
    """
    if not len(scores):
        return 0.0
    made_at = [losses.number for losses in record.losses]
    count = 0
    for position, call in zip(scores.position.tolist(), scores.call.tolist(), strict=True):
        first = history.first_gradient.get(position)
        if first is not None and call >= 0 and first < made_at[call]:
            count += 1
    return count / len(scores)


def times_scored(scores: Scores) -> NDArray[np.int64]:
    """How often each scored position was added to the number."""
    import numpy as np

    _, counts = np.unique(scores.position[scores.position >= 0], return_counts=True)
    return counts
