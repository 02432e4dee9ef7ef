"""Operations that mix along axes: sums and statistics, normalisations, running sums, sorting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auditor.static.causality.limits import MAX_VALUE
from auditor.static.causality.tensor import (
    MINUS_INFINITY,
    NONE,
    ZERO,
    Array,
    Tensor,
    aligned,
    as_statistic,
    axis_of,
    joined_flags,
)

Exact = Callable[..., Any]


def axes_of(axes: object, rank: int) -> tuple[int, ...]:
    """One axis, several, or None for all, as numbers from 0."""
    if axes is None or axes == () or axes == []:
        return tuple(range(rank))
    if isinstance(axes, Sequence):
        return tuple(axis_of(axis, rank) for axis in axes)
    return (axis_of(axes, rank),)


def is_statistic(tensor: Tensor, axes: Sequence[int]) -> bool:
    """Whether a reduction makes one number of all batches and rows: of all axes, or of all but that of the features."""
    if not any(tensor.pos.shape[axis + 1] > 1 for axis in axes) or tensor.rank < 2:
        return False
    return len(axes) == tensor.rank or (tensor.rank >= 3 and set(axes) >= set(range(tensor.rank - 1)))


def reduce(
    tensor: Tensor,
    axes: object = None,
    *,
    keep: bool = False,
    kind: str | None = None,
    exact: Exact | None = None,
    additive: bool = False,
) -> Tensor:
    """One number of all elements along axes.

    Args:
        additive: a sum or a mean, which is zero where all elements are.
    """
    along = axes_of(axes, tensor.rank)
    places = tuple(axis + 1 for axis in along)
    pos = tensor.pos.max(axis=places, keepdims=True) if along else tensor.pos
    if is_statistic(tensor, along):
        pos = as_statistic(pos)
    value = None
    if exact is not None and tensor.value is not None and tensor.size:
        with np.errstate(all="ignore"):
            value = np.asarray(exact(tensor.value, axis=along, keepdims=True))
    code = None
    if additive and value is None and tensor.code is not None:
        code = (aligned(tensor.code, tensor.rank, 0) == ZERO).all(axis=along, keepdims=True).astype(np.int8)
    kept = [axis for axis in range(tensor.rank) if keep or axis not in along]
    shape = [1 if axis in along else tensor.shape[axis] for axis in kept]
    return Tensor(
        shape,
        pos.reshape([pos.shape[0], *(pos.shape[axis + 1] for axis in kept)]),
        value=None if value is None else value.reshape(shape),
        code=None if code is None else code.reshape([code.shape[axis] for axis in kept]),
        kind=kind or tensor.kind,
        **joined_flags((tensor,)),
    )


def mix(tensor: Tensor, axes: Sequence[int], *, softmax: bool = False, kind: str = "f") -> Tensor:
    """Every element depends on all along the axes: norms, and softmax, which leaves out masked elements."""
    along = axes_of(axes, tensor.rank)
    places = tuple(axis + 1 for axis in along)
    flags = joined_flags((tensor,))
    code = tensor.code
    if softmax and code is not None and (code == MINUS_INFINITY).any():
        masked = aligned(code == MINUS_INFINITY, tensor.rank, 0)
        pos = np.where(masked[None], np.int32(NONE), tensor.pos).max(axis=places, keepdims=True)
        pos = np.where(masked[None], np.int32(NONE), pos)
        return Tensor(tensor.shape, pos, code=masked.astype(np.int8), kind=kind, **flags)
    pos = tensor.pos.max(axis=places, keepdims=True)
    if is_statistic(tensor, along):
        pos = as_statistic(pos)
    return Tensor(tensor.shape, pos, kind=kind, **flags)


def running(tensor: Tensor, axis: object, *, exact: Exact | None = None, reverse: bool = False) -> Tensor:
    """Each element depends on those up to it: cumulative sums, recurrences, scans."""
    at = axis_of(axis, tensor.rank)
    pos = tensor.pos
    if pos.shape[at + 1] > 1:
        if reverse:
            pos = np.flip(np.maximum.accumulate(np.flip(pos, at + 1), axis=at + 1), at + 1)
        else:
            pos = np.maximum.accumulate(pos, axis=at + 1)
    value = None
    if exact is not None and tensor.value is not None and tensor.size <= MAX_VALUE and not reverse:
        value = np.asarray(exact(tensor.value, axis=at))
    return Tensor(tensor.shape, pos, value=value, kind=tensor.kind, **joined_flags((tensor,)))


def ordered(tensor: Tensor, axis: object, *, descending: bool = False) -> tuple[Tensor, Tensor]:
    """Values and indices of the elements sorted along an axis; constants stay exact."""
    at = axis_of(axis, tensor.rank)
    if tensor.value is not None:
        key = -tensor.value.astype(np.float64) if descending else tensor.value
        indices = np.argsort(key, axis=at, kind="stable")
        values = np.take_along_axis(np.asarray(tensor.value), indices, axis=at)
        return (
            Tensor(tensor.shape, value=values, kind=tensor.kind),
            Tensor(tensor.shape, value=indices, kind="i"),
        )
    values_mixed = mix(tensor, (at,), kind=tensor.kind)
    return values_mixed, mix(tensor, (at,), kind="i")


def range_maximum(pos: Array, low: Array, high: Array) -> Array:
    """The maximum of `pos[..., low[i] : high[i]]` for each i; NONE where that is empty."""
    length = pos.shape[-1]
    if not (low > 0).any() and (np.diff(high) >= 0).all():
        running_maximum = np.maximum.accumulate(pos, axis=-1)
        out: Array = running_maximum[..., np.clip(high - 1, 0, length - 1)]
    else:
        levels = [pos]
        span = 1
        while 2 * span <= length:
            last = levels[-1]
            levels.append(np.maximum(last[..., : last.shape[-1] - span], last[..., span:]))
            span *= 2
        width = np.maximum(high - low, 1)
        level = np.floor(np.log2(width)).astype(int)
        out = np.full((*pos.shape[:-1], len(low)), NONE, pos.dtype)
        for number in np.unique(level):
            here = np.flatnonzero(level == number)
            table = levels[number]
            first = np.clip(low[here], 0, table.shape[-1] - 1)
            second = np.clip(high[here] - (1 << int(number)), 0, table.shape[-1] - 1)
            out[..., here] = np.maximum(table[..., first], table[..., second])
    out[..., high <= low] = NONE
    return out
