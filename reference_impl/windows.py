"""Which tokens are seen and which are scored: plans in plain integers, without tensors or a model.

Input position p predicts token p + 1, so a stream of N tokens has the positions 0 .. N-2, and each of them
must be scored exactly once. A window is a run of positions fed together; it scores its positions from
`first` on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from reference_impl.data import Document


class Window(NamedTuple):
    """Positions start .. start + length - 1; those from start + first on are scored."""

    start: int
    length: int
    first: int


def disjoint_windows(begin: int, end: int, window: int) -> list[Window]:
    """Cut positions begin .. end-1 into windows that share nothing; the last may be short."""
    return [Window(start, min(window, end - start), 0) for start in range(begin, end, window)]


def sliding_windows(origin: int, begin: int, end: int, window: int, stride: int) -> list[Window]:
    """Score positions begin .. end-1 with as much context as `window` holds, never from before `origin`.

    While the window still reaches back to `origin` one forward pass serves all its positions: each sees
    everything since `origin` anyway. After that every step scores `stride` positions, the last what is left.
    """
    windows: list[Window] = []
    head = min(max(origin + window, begin), end)
    if begin < head:
        windows.append(Window(origin, head - origin, begin - origin))
    for scored in range(head, end, stride):
        stop = min(scored + stride, end)
        start = max(origin, stop - window)
        windows.append(Window(start, stop - start, scored - start))
    return windows


def chunk_window(document: Document, chunk: int, chunk_size: int, window: int) -> Window:
    """Return the window that scores one chunk of a document: it ends with it and reaches back `window`."""
    begin = chunk * chunk_size
    end = min(begin + chunk_size, document.targets)
    start = max(0, end - window)
    return Window(document.start + start, end - start, begin - start)


def chunk_count(document: Document, chunk_size: int) -> int:
    """Return how many chunks a document has; the last may be short."""
    return -(-document.targets // chunk_size)


def batches(windows: Iterable[Window], rows: int) -> list[list[Window]]:
    """Group windows that trim alike and pad little: by whether all is scored, then by length.

    The grouping depends on lengths alone, never on tokens, so it cannot carry information between documents.
    """
    order = sorted(windows, key=lambda window: (window.first == 0, window.length, window.first, window.start))
    groups: list[list[Window]] = []
    for window in order:
        if not groups or len(groups[-1]) == rows or (groups[-1][0].first == 0) != (window.first == 0):
            groups.append([])
        groups[-1].append(window)
    return groups
