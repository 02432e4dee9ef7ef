"""Chooses the tokens to exchange: where chunks and documents begin and end, in every part of the order of scoring.

The places are drawn anew for each world, so that no submission can know them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.replay.runs.printed_numbers import Scores
from auditor.replay.toy.world import BOS, FIRST_ORDINARY, World

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FlipPlace:
    """A token to exchange and which kind of place it stands at."""

    kind: str
    position: int


def choose_places(world: World, scores: Scores, *, count: int) -> list[FlipPlace]:
    """Up to `count` different places among the scored tokens, the most telling first.

    A place is telling if much was scored before it (a leak shows there) and something after it (that the
    evaluation learns at all shows there).
    """
    import numpy as np

    order = np.lexsort((scores.position, scores.call))
    order = order[scores.position[order] >= 0]
    positions, calls = scores.position[order], scores.call[order]
    tokens = world.validation
    usable = (tokens[positions] >= FIRST_ORDINARY) & (positions > 1)
    if not usable.any():
        return []
    share = random.Random(world.seed).uniform
    wanted = [
        ("chunk edge", _call_edge(calls, usable, share(0.55, 0.95))),
        ("document edge", _document_edge(tokens, positions, usable, share(0.3, 0.6))),
        ("first third", _nearest(usable, int(share(0.02, 0.33) * len(positions)))),
        ("middle", _nearest(usable, int(share(0.4, 0.6) * len(positions)))),
        ("chunk start", _call_start(calls, usable, share(0.5, 0.8))),
        ("late", _nearest(usable, int(share(0.85, 0.97) * len(positions)))),
    ]
    found: dict[int, FlipPlace] = {}
    for kind, index in wanted:
        if index is not None:
            position = int(positions[index])
            found.setdefault(position, FlipPlace(kind, position))
    return list(found.values())[:count]


def the_rest(scores: Scores, *, share: float) -> tuple[NDArray[np.int64], int] | None:
    """Positions of all tokens scored from some call on, and that call; None where nothing is known.

    Where one call scores everything it is the later part of its positions, and the call after it.

    Args:
        share: about how much of the scores comes before it.
    """
    import numpy as np

    known = (scores.position >= 0) & (scores.call >= 0)
    calls = np.sort(scores.call[known])
    if not len(calls):
        return None
    first = int(calls[int(share * len(calls))])
    if first == calls[0]:
        later = calls[calls > first]
        if not len(later):
            positions = np.unique(scores.position[known])
            return positions[int(share * len(positions)) :], first + 1
        first = int(later[0])
    return np.unique(scores.position[known & (scores.call >= first)]), first


def learnt_first(scores: Scores, made_at: Sequence[int], gradients: Mapping[int, int]) -> FlipPlace | None:
    """One of the tokens through whose loss a gradient had flowed before its reported loss was made.

    It is the middle one in the order of scoring: something was scored before it, and something after.
    """
    found = [
        position
        for position, call in zip(scores.position.tolist(), scores.call.tolist(), strict=True)
        if call >= 0 and gradients.get(position, 1 << 60) < made_at[call]
    ]
    return FlipPlace("learnt before its score", found[len(found) // 2]) if found else None


def early_in_the_longest_document(world: World, scores: Scores) -> FlipPlace | None:
    """The first ordinary token scored of the document with the most scored tokens.

    An evaluation that starts anew with each document can show that it learns only in documents that go on long
    after what it learnt from.
    """
    import numpy as np

    tokens = world.validation
    positions = np.unique(scores.position[scores.position > 1])
    if not len(positions):
        return None
    document = np.cumsum(tokens == BOS)[positions]
    longest = positions[document == np.bincount(document).argmax()]
    ordinary = longest[tokens[longest] >= FIRST_ORDINARY]
    return FlipPlace("early in the longest document", int(ordinary[0])) if len(ordinary) else None


def _nearest(usable: NDArray[np.bool_], index: int) -> int | None:
    import numpy as np

    places = np.nonzero(usable)[0]
    return int(places[np.argmin(np.abs(places - index))]) if len(places) else None


def _call_edge(calls: NDArray[np.int64], usable: NDArray[np.bool_], share: float) -> int | None:
    """The last token of a call some way into the order."""
    import numpy as np

    ends = np.nonzero(np.append(calls[1:] != calls[:-1], True))[0]
    ends = ends[usable[ends]]
    return _at_share(ends, share, len(calls))


def _call_start(calls: NDArray[np.int64], usable: NDArray[np.bool_], share: float) -> int | None:
    import numpy as np

    starts = np.nonzero(np.append(True, calls[1:] != calls[:-1]))[0]
    starts = starts[usable[starts]]
    return _at_share(starts, share, len(calls))


def _document_edge(
    tokens: NDArray[np.int64], positions: NDArray[np.int64], usable: NDArray[np.bool_], share: float
) -> int | None:
    """The first token after a document's BOS."""
    import numpy as np

    edges = np.nonzero(usable & (tokens[np.maximum(positions - 1, 0)] == BOS))[0]
    return _at_share(edges, share, len(positions))


def _at_share(indices: NDArray[np.int64], share: float, length: int) -> int | None:
    import numpy as np

    if not len(indices):
        return None
    return int(indices[np.argmin(np.abs(indices - share * length))])
