"""Chooses the tokens to exchange: where chunks, documents and updates end, and late in the order of scoring."""

from __future__ import annotations

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
    wanted = [
        ("chunk edge", _call_edge(calls, usable, 0.7)),
        ("document edge", _document_edge(tokens, positions, usable, 0.45)),
        ("late", _nearest(usable, int(0.93 * len(positions)))),
        ("middle", _nearest(usable, len(positions) // 2)),
        ("chunk start", _call_start(calls, usable, 0.6)),
        ("early", _nearest(usable, int(0.2 * len(positions)))),
    ]
    found: dict[int, FlipPlace] = {}
    for kind, index in wanted:
        if index is not None:
            position = int(positions[index])
            found.setdefault(position, FlipPlace(kind, position))
    return list(found.values())[:count]


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
