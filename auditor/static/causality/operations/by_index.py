"""Embeddings, gathers, scatters, searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.static.causality import indexing, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.elementwise import binary
from auditor.static.causality.operations.table import (
    OPERATIONS,
    cast_to,
    integer,
    operand,
    operation,
)
from auditor.static.causality.tensor import WAYS, Tensor, as_statistic, axis_of, constant, joined_flags


@operation("embedding")
def embedding(input: Tensor, weight: Tensor, *_args: object, **_rest: object) -> Tensor:
    return indexing.get(weight, (cast_to(input, "i"),))


@operation("gather", "take_along_dim")
def gather(input: Tensor, dim: object, index: object, **_rest: object) -> Tensor:
    if isinstance(dim, Tensor):
        dim, index = index, dim
    return indexing.gather(input, dim, operand(index))


@operation("index_select")
def index_select(input: Tensor, dim: object, index: Tensor) -> Tensor:
    return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), index))


@operation("scatter", "scatter_add", "scatter_reduce")
def scatter(
    input: Tensor, dim: object, index: Tensor, src: object = None, *_args: object, **more: object
) -> Tensor:
    source = src if src is not None else more.get("value", 0)
    return indexing.scatter(input, dim, operand(index), operand(source))


@operation("index_add", "index_copy", "index_fill", "index_reduce")
def index_add(
    input: Tensor, dim: object, index: Tensor, source: object = None, *_args: object, **_r: object
) -> Tensor:
    return indexing.index_fill(input, dim, index, source if isinstance(source, Tensor) else None)


@operation("bincount")
def bincount(input: Tensor, weights: object = None, minlength: object = 0) -> Tensor:
    """How often each number occurs: every count hangs on every element."""
    size = integer(minlength)
    if size <= 0:
        raise NotFollowed("bincount: the length of its result depends on data")
    parts = [input] if weights is None else [input, operand(weights)]
    pos = np.max([part.pos.reshape(WAYS, -1).max(axis=1) for part in parts], axis=0).reshape(WAYS, 1)
    return Tensor((size,), pos, kind="i" if weights is None else "f", **joined_flags(parts))


@operation("histc")
def histc(input: Tensor, bins: object = 100, *_bounds: object, **_more: object) -> Tensor:
    """How many elements lie in each bin: a statistic of the whole tensor."""
    pos = as_statistic(input.pos.reshape(WAYS, -1).max(axis=1).reshape(WAYS, 1))
    return Tensor((integer(bins),), pos, **joined_flags((input,)))


@operation("index_put")
def index_put(input: Tensor, indices: Sequence[Tensor], values: object, accumulate: bool = False) -> Tensor:
    return indexing.put(input, tuple(indices), operand(values))


@operation("one_hot")
def one_hot(input: Tensor, num_classes: object = -1) -> Tensor:
    classes = integer(num_classes)
    if classes < 0:
        raise NotFollowed("one_hot without a number of classes")
    return binary("eq", shaping.unsqueeze(input, -1), constant(np.arange(classes))).same_content(kind="i")


@operation("searchsorted", "bucketize")
def searchsorted(
    first: Tensor, second: object, right: object = False, side: object = None, **_rest: object
) -> Tensor:
    return _searched(operand(first), operand(second), right is True or side == "right")


OPERATIONS["bucketize"] = lambda input, boundaries, right=False, **_: _searched(
    boundaries, input, right is True
)


def _searched(borders: Tensor, values: Tensor, right: bool) -> Tensor:
    highest = borders.pos.reshape(borders.pos.shape[0], -1).max(axis=1).reshape(-1, *(1,) * values.rank)
    value = None
    if borders.value is not None and values.value is not None and borders.rank == 1:
        value = np.searchsorted(borders.value, values.value, side="right" if right else "left")
    return Tensor(
        values.shape,
        np.maximum(values.pos, highest),
        value=value,
        kind="i",
        **joined_flags((borders, values)),
    )
