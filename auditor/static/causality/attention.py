"""Attention: each query is joined with the keys and values that it may look at."""

from __future__ import annotations

import numpy as np

from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.reductions import range_maximum
from auditor.static.causality.tensor import (
    BLURRED,
    MINUS_INFINITY,
    NONE,
    ZERO,
    Array,
    Tensor,
    aligned,
    blurred,
    joined_flags,
)


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    low: Array | None = None,
    high: Array | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Softmax attention over (..., heads, time, features).

    Args:
        low, high: the first key each query may look at, and the one after its last; None for all.
        mask: booleans (True: looked at) or numbers that are added to the scores.
    """
    if min(query.rank, key.rank, value.rank) < 2:
        raise NotFollowed("attention of tensors without time and features")
    queries, keys = query.shape[-2], key.shape[-2]
    if value.shape[-2] != keys:
        raise NotFollowed(f"attention over {keys} keys and {value.shape[-2]} values")
    if mask is not None and not isinstance(mask, Tensor):
        raise NotFollowed("attention with a mask that is not known")
    mine = query.pos.max(axis=-1, keepdims=True)
    theirs = np.maximum(key.pos.max(axis=-1, keepdims=True), value.pos.max(axis=-1, keepdims=True))
    if theirs.ndim > 3 and theirs.shape[-3] not in (1, query.shape[-3]):
        theirs = theirs.max(axis=-3, keepdims=True)
    theirs = np.broadcast_to(theirs, (*theirs.shape[:-2], keys, 1))[..., 0]
    low = np.zeros(queries, int) if low is None else low
    high = np.full(queries, keys) if high is None else high
    if mask is None:
        seen = range_maximum(theirs, np.clip(low, 0, keys), np.clip(high, 0, keys))[..., None]
    else:
        seen = _through_mask(theirs, mask, low, high)
    rank = max(mine.ndim, seen.ndim) - 1
    pos = np.maximum(aligned(mine, rank), aligned(seen, rank))
    if pos.shape[-2] not in (1, queries):
        raise NotFollowed("attention whose mask does not fit its queries")
    shape = (*query.shape[:-1], value.shape[-1])
    return Tensor(shape, aligned(pos, len(shape)), **joined_flags((query, key, value)))


def _through_mask(theirs: Array, mask: Tensor, low: Array, high: Array) -> Array:
    """The join over the keys that a mask lets through, (..., queries, 1); an unknown mask blurs."""
    keys = theirs.shape[-1]
    index = np.arange(keys)
    allowed: Array = (index[None] >= low[:, None]) & (index[None] < high[:, None])
    code = mask.code
    if mask.value is not None:
        allowed = allowed & (mask.value.astype(bool) if mask.kind == "b" else mask.value > -1e4)
    elif code is not None:
        allowed = allowed & (code != (ZERO if mask.kind == "b" else MINUS_INFINITY))
    rank = max(allowed.ndim, theirs.ndim)
    spread = aligned(theirs[..., None, :], rank)
    seen: Array = np.where(aligned(allowed, rank, 0)[None], spread, np.int32(NONE)).max(
        axis=-1, keepdims=True
    )
    if mask.value is None and (mask.lost or not (mask.depends or mask.learned or code is not None)):
        seen = blurred(seen)
    if mask.depends:
        seen = np.maximum(seen, aligned(mask.pos.max(axis=-1, keepdims=True), rank))
        seen = seen if not mask.depends else _uncertain(seen)
    return seen


def _uncertain(seen: Array) -> Array:
    """A mask of data may let through less than it could: nothing of it is certain."""
    out = np.full_like(seen, NONE)
    out[BLURRED] = seen.max(axis=0)
    return out


def causal_bounds(queries: int, keys: int, *, bottom_right: bool) -> Array:
    """One after the last key of each query: the triangle from the top left, or that ending at the bottom right."""
    return np.arange(queries) + 1 + (keys - queries if bottom_right else 0)


def window_bounds(queries: int, keys: int, left: int, right: int) -> tuple[Array, Array]:
    """Bounds of a sliding window; negative sizes mean none."""
    centre = np.arange(queries) + keys - queries
    low = centre - left if left >= 0 else np.zeros(queries, int)
    high = centre + right + 1 if right >= 0 else np.full(queries, keys)
    return low, high


def segment_bounds(borders: Array, length: int) -> tuple[Array, Array]:
    """Bounds of documents packed one after the other, by their cumulative lengths."""
    borders = np.unique(np.clip(np.concatenate(([0], borders.reshape(-1), [length])), 0, length))
    place = np.searchsorted(borders, np.arange(length), side="right")
    return borders[place - 1], borders[np.minimum(place, len(borders) - 1)]
