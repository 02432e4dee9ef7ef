"""Operations that move elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.static.causality import indexing, pointwise, reductions, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.table import (
    integer,
    integers,
    kind_of_dtype,
    operand,
    operation,
)
from auditor.static.causality.tensor import Tensor, axis_of, constant
from auditor.static.causality.values import Library, Unknown


@operation("view", "reshape")
def reshape(input: Tensor, *shape: object, size: object = None, dtype: object = None) -> Tensor:
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], Library)):
        kind = kind_of_dtype(dtype if dtype is not None else shape[0])
        out = input.same_content()
        out.kind, out.value = kind or out.kind, None
        out.lost = not out.learned
        return out
    return shaping.reshape(input, integers(shape if size is None else [size]))


@operation("view_as", "reshape_as")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    return shaping.reshape(input, other.shape)


@operation("flatten", "ravel")
def flatten(input: Tensor, start_dim: object = 0, end_dim: object = -1) -> Tensor:
    first, last = axis_of(start_dim, input.rank), axis_of(end_dim, input.rank)
    middle = int(np.prod(input.shape[first : last + 1], dtype=np.int64))
    return shaping.reshape(input, (*input.shape[:first], middle, *input.shape[last + 1 :]))


@operation("unflatten")
def unflatten(input: Tensor, dim: object, sizes: Sequence[object]) -> Tensor:
    at = axis_of(dim, input.rank)
    parts = shaping.resolved_shape(input.shape[at], integers([sizes]))
    return shaping.reshape(input, (*input.shape[:at], *parts, *input.shape[at + 1 :]))


@operation("transpose", "swapaxes", "swapdims")
def transpose(input: Tensor, *axes: object, dim0: object = None, dim1: object = None) -> Tensor:
    """Two axes change places; of numpy and MLX all axes are named in their new order, or none to turn it round."""
    if dim0 is not None:
        axes = (*axes, dim0)
    if dim1 is not None:
        axes = (*axes, dim1)
    if len(axes) == 2:
        return shaping.swap(input, integer(axes[0]), integer(axes[1]))
    order = integers(axes) if axes else list(range(input.rank))[::-1]
    return shaping.permute(input, order)


@operation("permute")
def permute(input: Tensor, *axes: object, dims: object = None) -> Tensor:
    return shaping.permute(input, integers(axes if dims is None else [dims]))


@operation("movedim", "moveaxis")
def movedim(input: Tensor, source: object, destination: object) -> Tensor:
    at, to_place = axis_of(source, input.rank), axis_of(destination, input.rank)
    order = [axis for axis in range(input.rank) if axis != at]
    order.insert(to_place, at)
    return shaping.permute(input, order)


@operation("t", "mT", "T", "adjoint", "H")
def transposed(input: Tensor) -> Tensor:
    return shaping.swap(input, -1, -2) if input.rank >= 2 else input


@operation("unsqueeze")
def unsqueeze(input: Tensor, dim: object) -> Tensor:
    return shaping.unsqueeze(input, integer(dim))


@operation("squeeze")
def squeeze(input: Tensor, dim: object = None) -> Tensor:
    along = reductions.axes_of(dim, input.rank)
    return shaping.reshape(input, [s for axis, s in enumerate(input.shape) if not (axis in along and s == 1)])


@operation("expand", "broadcast_to")
def expand(input: Tensor, *sizes: object, size: object = None) -> Tensor:
    return shaping.expand(input, integers(sizes if size is None else [size]))


@operation("expand_as")
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    return shaping.expand(input, other.shape)


@operation("repeat", "tile")
def repeat(input: Tensor, *times: object, dims: object = None) -> Tensor:
    return shaping.repeat(input, integers(times if dims is None else [dims]))


@operation("repeat_interleave")
def repeat_interleave(
    input: Tensor, repeats: object, dim: object = None, output_size: object = None
) -> Tensor:
    if dim is None:
        input, dim = shaping.reshape(input, [-1]), 0
    if isinstance(repeats, Tensor) and repeats.value is not None and repeats.rank == 1:
        places = np.repeat(np.arange(input.shape[axis_of(dim, input.rank)]), repeats.value)
        return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), constant(places)))
    return shaping.repeat_interleave(input, integer(repeats), integer(dim))


@operation("cat", "concat", "concatenate", "hstack")
def cat(tensors: Sequence[Tensor], dim: object = 0) -> Tensor:
    return shaping.cat([operand(t) for t in tensors], integer(dim))


@operation("stack")
def stack(tensors: Sequence[Tensor], dim: object = 0) -> Tensor:
    return shaping.stack([operand(t) for t in tensors], integer(dim))


@operation("chunk")
def chunk(input: Tensor, chunks: object, dim: object = 0) -> tuple[Tensor, ...]:
    size = -(-input.shape[axis_of(dim, input.rank)] // integer(chunks))
    parts: tuple[Tensor, ...] = split(input, max(size, 1), dim)
    return parts


@operation("split", "split_with_sizes")
def split(
    input: Tensor, split_size_or_sections: object, dim: object = 0, **more: object
) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    length = input.shape[at]
    if isinstance(split_size_or_sections, list | tuple):
        sizes = integers([split_size_or_sections])
    else:
        size = integer(split_size_or_sections)
        if size <= 0:
            raise NotFollowed("a split into parts of no length")
        sizes = [min(size, length - start) for start in range(0, length, size)]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return tuple(shaping.narrow(input, at, start, size) for start, size in zip(starts, sizes, strict=True))


@operation("tensor_split")
def tensor_split(input: Tensor, indices_or_sections: object, dim: object = 0) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    parts = np.array_split(np.arange(input.shape[at]), integer(indices_or_sections))
    start, out = 0, []
    for part in parts:
        out.append(shaping.narrow(input, at, start, len(part)))
        start += len(part)
    return tuple(out)


@operation("unbind")
def unbind(input: Tensor, dim: object = 0) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    return tuple(select(input, at, number) for number in range(input.shape[at]))


@operation("narrow")
def narrow(input: Tensor, dim: object, start: object, length: object) -> Tensor:
    return shaping.narrow(input, integer(dim), integer(start), integer(length))


@operation("select")
def select(input: Tensor, dim: object, index: object) -> Tensor:
    return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), integer(index)))


@operation("flip", "fliplr")
def flip(input: Tensor, *axes: object, dims: object = None) -> Tensor:
    return shaping.flip(input, integers(axes if dims is None else [dims]))


@operation("roll")
def roll(input: Tensor, shifts: object, dims: object = None) -> Tensor:
    if dims is None:
        return shaping.reshape(shaping.roll(shaping.reshape(input, [-1]), integer(shifts), 0), input.shape)
    moves = integers([shifts]) if isinstance(shifts, list | tuple) else [integer(shifts)]
    axes = integers([dims]) if isinstance(dims, list | tuple) else [integer(dims)]
    out = input
    for shift, axis in zip(moves, axes, strict=True):
        out = shaping.roll(out, shift, axis)
    return out


@operation("pad")
def pad(input: Tensor, pad: Sequence[object], mode: object = "constant", value: object = 0) -> Tensor:
    if mode != "constant":
        raise NotFollowed(f"padding of mode {mode!r}")
    if value is None:
        value = 0
    if isinstance(value, Unknown) and value.pos is None:
        return shaping.pad(input, integers([pad]), None)
    if not isinstance(value, int | float):
        raise NotFollowed("padding with a value that is not known")
    return shaping.pad(input, integers([pad]), value)


@operation("tril")
def tril(input: Tensor, diagonal: object = 0) -> Tensor:
    return shaping.triangle(input, integer(diagonal), lower=True)


@operation("triu")
def triu(input: Tensor, diagonal: object = 0) -> Tensor:
    return shaping.triangle(input, integer(diagonal), lower=False)


@operation("unfold")
def unfold(input: Tensor, dimension: object, size: object, step: object) -> Tensor:
    return shaping.windows(input, integer(dimension), integer(size), integer(step))


@operation("diagonal", "diag")
def diagonal(input: Tensor, offset: object = 0, dim1: object = 0, dim2: object = 1) -> Tensor:
    if input.rank == 1:
        return pointwise.pointwise(
            shaping.unsqueeze(input, 1), constant(np.eye(input.shape[0])), kind=input.kind, rule="product"
        )
    a, b = axis_of(dim1, input.rank), axis_of(dim2, input.rank)
    length = max(min(input.shape[a], input.shape[b] - integer(offset)), 0)
    order = [axis for axis in range(input.rank) if axis not in (a, b)] + [a, b]
    moved = shaping.permute(input, order)
    rows = np.arange(length)
    return indexing.get(moved, (Ellipsis, constant(rows), constant(rows + integer(offset))))
