"""Plans of windows, checked in integers: every position once, no context from outside."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.data import Document
from reference_impl.windows import (
    Window,
    batches,
    chunk_count,
    chunk_window,
    disjoint_windows,
    sliding_windows,
)


def scored(windows: list[Window]) -> Counter[int]:
    """Count how often each position is scored, by enumeration."""
    return Counter(
        window.start + offset
        for window in windows
        for offset in range(window.length)
        if offset >= window.first
    )


def once(begin: int, end: int) -> Counter[int]:
    """Return the count in which each of begin .. end-1 stands once."""
    return Counter(range(begin, end))


spans = st.tuples(st.integers(0, 50), st.integers(0, 200))
shapes = st.integers(1, 40).flatmap(lambda window: st.tuples(st.just(window), st.integers(1, window)))


@settings(deadline=None)
@given(span=spans, window=st.integers(1, 40))
def test_disjoint_windows_score_every_position_once(span: tuple[int, int], window: int) -> None:
    begin, size = span
    plan = list(disjoint_windows(begin, begin + size, window))
    assert scored(plan) == once(begin, begin + size)
    assert all(w.first == 0 and w.length <= window for w in plan)


@settings(deadline=None)
@given(span=spans, shape=shapes, skipped=st.integers(0, 100))
def test_sliding_windows_score_once_within_bounds(
    span: tuple[int, int], shape: tuple[int, int], skipped: int
) -> None:
    origin, size = span
    window, stride = shape
    begin, end = origin + min(skipped, size), origin + size
    plan = list(sliding_windows(origin, begin, end, window, stride))
    assert scored(plan) == once(begin, end)
    assert all(origin <= w.start and w.start + w.length <= end and w.length <= window for w in plan)


@settings(deadline=None)
@given(span=spans, shape=shapes)
def test_sliding_windows_give_as_much_context_as_the_stride_allows(
    span: tuple[int, int], shape: tuple[int, int]
) -> None:
    origin, size = span
    window, stride = shape
    for w in sliding_windows(origin, origin, origin + size, window, stride):
        reaches_origin = w.start == origin
        assert reaches_origin or (w.length == window and w.length - w.first <= stride)


@settings(deadline=None)
@given(targets=st.integers(1, 300), chunk=st.integers(1, 20), factor=st.integers(1, 6))
def test_document_chunks_see_what_sliding_windows_see(targets: int, chunk: int, factor: int) -> None:
    document, window = Document(0, 7, targets), chunk * factor
    chunks = [chunk_window(document, c, chunk, window) for c in range(chunk_count(document, chunk))]
    assert scored(chunks) == once(7, 7 + targets)
    # Beyond the first full window both plans are the same; within it, all reach back to the document's start.
    beyond = [w for w in chunks if w.start + w.length > 7 + window]
    assert beyond == [
        w for w in sliding_windows(7, 7, 7 + targets, window, chunk) if w.start + w.length > 7 + window
    ]
    assert all(w.start == 7 for w in chunks if w not in beyond)


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 30), max_size=30), rows=st.integers(1, 7))
def test_batches_hold_every_window_once_and_respect_the_row_limit(lengths: list[int], rows: int) -> None:
    windows = [Window(10 * i, length, i % min(length, 3)) for i, length in enumerate(lengths)]
    groups = batches(windows, rows)
    assert Counter(w for group in groups for w in group) == Counter(windows)
    assert all(len(group) <= rows for group in groups)
    assert all(len({w.first == 0 for w in group}) == 1 for group in groups)


def test_batches_ignore_the_order_of_their_input() -> None:
    windows = [Window(i, 1 + i % 5, 0) for i in range(20)]
    assert batches(windows, 4) == batches(reversed(windows), 4)
