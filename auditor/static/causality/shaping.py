"""Operations that move elements: reshape, permute, join, repeat, shift. All are exact."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.limits import MAX_VALUE
from auditor.static.causality.pointwise import pointwise
from auditor.static.causality.tensor import (
    Array,
    Tensor,
    aligned,
    axis_of,
    broadcast_shape,
    collapsed,
    constant,
    filled,
    joined_flags,
    known,
)


def resolved_shape(total: int, shape: Sequence[int]) -> list[int]:
    """A shape with its -1 filled in.

    Raises:
        ScriptError: it does not hold `total` elements.
    """
    sizes = [int(size) for size in shape]
    if -1 in sizes:
        rest = -int(np.prod(sizes, dtype=np.int64))
        if rest <= 0 or total % rest:
            raise ScriptError("RuntimeError", f"{total} elements do not fit shape {tuple(sizes)}")
        sizes[sizes.index(-1)] = total // rest
    if int(np.prod(sizes, dtype=np.int64)) != total:
        raise ScriptError("RuntimeError", f"{total} elements do not fit shape {tuple(sizes)}")
    return sizes


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Runs of old and of new axes that hold the same elements."""
    groups: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        mine, theirs = [], []
        held = wanted = 1
        if i < len(old):
            mine.append(i)
            held *= old[i]
            i += 1
        if j < len(new):
            theirs.append(j)
            wanted *= new[j]
            j += 1
        while held != wanted:
            if held < wanted and i < len(old):
                held *= old[i]
                mine.append(i)
                i += 1
            elif held > wanted and j < len(new):
                wanted *= new[j]
                theirs.append(j)
                j += 1
            else:
                raise NotFollowed(f"a reshape of {tuple(old)} to {tuple(new)}")
        groups.append((mine, theirs))
    return groups


def _reshaped(array: Array, old: Sequence[int], new: Sequence[int], lead: int) -> Array:
    """An array with collapsed axes in another shape; groups that are collapsed as a whole stay so."""
    between: list[int] = list(array.shape[:lead])
    final: list[int] = list(array.shape[:lead])
    for mine, theirs in _groups(old, new):
        if all(array.shape[lead + axis] == 1 for axis in mine):
            between += [1] * len(mine)
            final += [1] * len(theirs)
        else:
            between += [old[axis] for axis in mine]
            final += [new[axis] for axis in theirs]
    return np.broadcast_to(array, between).reshape(final)


def reshape(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """The same elements in the same order in another shape (with -1 for one size)."""
    new = resolved_shape(tensor.size, shape)
    if tuple(new) == tensor.shape:
        return tensor.same_content()
    if tensor.size == 0:
        return Tensor(new, kind=tensor.kind)
    code = tensor._code
    if code is not None:
        code = _reshaped(aligned(code, tensor.rank, 0), tensor.shape, new, 0)
    return Tensor(
        new,
        collapsed(_reshaped(tensor.pos, tensor.shape, new, 1)),
        value=None if tensor.value is None else np.asarray(tensor.value).reshape(new),
        code=code,
        kind=tensor.kind,
        **joined_flags((tensor,)),
    )


def permute(tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """The axes in another order."""
    order = [axis_of(axis, tensor.rank) for axis in axes]
    if sorted(order) != list(range(tensor.rank)):
        raise NotFollowed(f"axes {tuple(axes)} of a tensor of rank {tensor.rank}")
    code = tensor._code
    return Tensor(
        [tensor.shape[axis] for axis in order],
        tensor.pos.transpose([0, *(axis + 1 for axis in order)]),
        value=None if tensor.value is None else tensor.value.transpose(order),
        code=None if code is None else aligned(code, tensor.rank, 0).transpose(order),
        kind=tensor.kind,
        **joined_flags((tensor,)),
    )


def swap(tensor: Tensor, first: int, second: int) -> Tensor:
    """Two axes exchanged."""
    order = list(range(tensor.rank))
    a, b = axis_of(first, tensor.rank), axis_of(second, tensor.rank)
    order[a], order[b] = order[b], order[a]
    return permute(tensor, order)


def unsqueeze(tensor: Tensor, axis: int) -> Tensor:
    """A new axis of length 1."""
    at = axis_of(axis, tensor.rank + 1)
    return reshape(tensor, (*tensor.shape[:at], 1, *tensor.shape[at:]))


def expand(tensor: Tensor, sizes: Sequence[int]) -> Tensor:
    """Axes of length 1 repeated; -1 leaves one as it is."""
    old = (1,) * (len(sizes) - tensor.rank) + tensor.shape
    if len(old) != len(sizes):
        raise NotFollowed(f"a tensor of shape {tensor.shape} expanded to {tuple(sizes)}")
    shape = [have if size == -1 else int(size) for have, size in zip(old, sizes, strict=True)]
    if broadcast_shape(old, tuple(shape)) != tuple(shape):
        raise ScriptError("RuntimeError", f"a tensor of shape {tensor.shape} expanded to {tuple(shape)}")
    small = int(np.prod(shape, dtype=np.int64)) <= MAX_VALUE
    code = tensor.code
    return Tensor(
        shape,
        aligned(tensor.pos, len(shape)),
        value=np.broadcast_to(tensor.value, shape) if tensor.value is not None and small else None,
        code=None if code is None else aligned(code, len(shape), 0),
        kind=tensor.kind,
        **joined_flags((tensor,)),
    )


def cat(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors one after the other along an axis."""
    parts = [tensor for tensor in tensors if tensor.shape != (0,)]
    if not parts:
        if not tensors:
            raise NotFollowed("a concatenation of nothing")
        return tensors[0].same_content()
    rank = parts[0].rank
    at = axis_of(axis, rank)
    shape = list(parts[0].shape)
    shape[at] = sum(part.shape[at] for part in parts if part.rank == rank)
    for part in parts:
        if part.rank != rank or any(
            s != t for i, (s, t) in enumerate(zip(part.shape, shape, strict=True)) if i != at
        ):
            raise ScriptError(
                "RuntimeError", f"a concatenation of shapes {', '.join(str(p.shape) for p in parts)}"
            )
    parts = [part for part in parts if part.shape[at]] or parts[:1]
    kind = "f" if any(p.kind == "f" for p in parts) else parts[0].kind
    if all(part.pos.shape[at + 1] == 1 for part in parts) and len({p.pos.tobytes() for p in parts}) == 1:
        pos = parts[0].pos
    else:
        common = np.broadcast_shapes(*((*p.pos.shape[: at + 1], 1, *p.pos.shape[at + 2 :]) for p in parts))
        pos = np.concatenate(
            [np.broadcast_to(p.pos, (*common[: at + 1], p.shape[at], *common[at + 2 :])) for p in parts],
            axis=at + 1,
        )
        pos = collapsed(pos)
    total = int(np.prod(shape, dtype=np.int64))
    if known(*parts) and total <= MAX_VALUE:
        value = np.concatenate([p.value for p in parts if p.value is not None], axis=at)
        return Tensor(shape, value=value, kind=kind)
    return Tensor(shape, pos, code=_joined_code(parts, rank, at, total), kind=kind, **joined_flags(parts))


def _joined_code(parts: Sequence[Tensor], rank: int, at: int, total: int) -> Array | None:
    codes = [part.code for part in parts]
    if all(code is None for code in codes):
        return None
    blank = np.zeros((1,) * rank, np.int8)
    full = [aligned(blank if code is None else code, rank, 0) for code in codes]
    common = np.broadcast_shapes(*((*c.shape[:at], 1, *c.shape[at + 1 :]) for c in full))
    return np.concatenate(
        [
            np.broadcast_to(c, (*common[:at], p.shape[at], *common[at + 1 :]))
            for c, p in zip(full, parts, strict=True)
        ],
        axis=at,
    )


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Tensors side by side along a new axis."""
    if not tensors:
        raise NotFollowed("a stack of nothing")
    at = axis_of(axis, tensors[0].rank + 1)
    return cat([unsqueeze(tensor, at) for tensor in tensors], at)


def narrow(tensor: Tensor, axis: int, start: int, length: int) -> Tensor:
    """`length` elements of an axis from `start` on."""
    at = axis_of(axis, tensor.rank)
    if start < 0:
        start += tensor.shape[at]
    if not 0 <= start <= start + length <= tensor.shape[at]:
        raise NotFollowed(f"elements {start} to {start + length} of an axis of {tensor.shape[at]}")
    return taken(tensor, at, slice(start, start + length))


def taken(tensor: Tensor, at: int, part: slice) -> Tensor:
    """A slice of one axis."""
    shape = list(tensor.shape)
    shape[at] = len(range(*part.indices(shape[at])))
    before = (slice(None),) * at
    pos = tensor.pos if tensor.pos.shape[at + 1] == 1 else tensor.pos[(slice(None), *before, part)]
    if 0 in pos.shape:
        return Tensor(shape, kind=tensor.kind)
    code = tensor._code
    if code is not None:
        code = aligned(code, tensor.rank, 0)
        code = code if code.shape[at] == 1 else code[(*before, part)]
    return Tensor(
        shape,
        pos,
        value=None if tensor.value is None else tensor.value[(*before, part)],
        code=code,
        kind=tensor.kind,
        **joined_flags((tensor,)),
    )


def repeat(tensor: Tensor, times: Sequence[int]) -> Tensor:
    """The whole tensor several times along each axis."""
    out = tensor
    while out.rank < len(times):
        out = unsqueeze(out, 0)
    for axis, count in enumerate(times, out.rank - len(times)):
        if count == 1:
            continue
        if out.pos.shape[axis + 1] == 1 and out.value is None and out.code is None:
            shape = list(out.shape)
            shape[axis] *= count
            out = Tensor(shape, out.pos, kind=out.kind, **joined_flags((out,)))
        else:
            out = cat([out] * count, axis) if count else narrow(out, axis, 0, 0)
    return out


def repeat_interleave(tensor: Tensor, times: int, axis: int) -> Tensor:
    """Each element of an axis several times."""
    at = axis_of(axis, tensor.rank)
    wide = unsqueeze(tensor, at + 1)
    wide = expand(wide, [*wide.shape[: at + 1], times, *wide.shape[at + 2 :]])
    return reshape(wide, (*tensor.shape[:at], tensor.shape[at] * times, *tensor.shape[at + 1 :]))


def flip(tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Axes backwards."""
    out = tensor
    for axis in axes:
        out = taken(out, axis_of(axis, tensor.rank), slice(None, None, -1))
    return out


def roll(tensor: Tensor, shift: int, axis: int) -> Tensor:
    """Elements moved along an axis, those at the end back to the start."""
    at = axis_of(axis, tensor.rank)
    length = tensor.shape[at]
    cut = (length - shift) % length if length else 0
    return cat([taken(tensor, at, slice(cut, None)), taken(tensor, at, slice(0, cut))], at) if cut else tensor


def pad(tensor: Tensor, sizes: Sequence[int], value: float | None = 0.0) -> Tensor:
    """A constant before and after axes, from the last one on; negative sizes cut. None: one that is not known."""
    out = tensor
    for number in range(len(sizes) // 2):
        axis = out.rank - 1 - number
        before, after = sizes[2 * number], sizes[2 * number + 1]
        out = taken(out, axis, slice(max(-before, 0), out.shape[axis] - max(-after, 0)))
        parts = [out]
        if before > 0:
            parts.insert(0, _block(out, axis, before, value))
        if after > 0:
            parts.append(_block(out, axis, after, value))
        out = cat(parts, axis) if len(parts) > 1 else out
    return out


def _block(tensor: Tensor, axis: int, length: int, value: float | None) -> Tensor:
    shape = [*tensor.shape[:axis], length, *tensor.shape[axis + 1 :]]
    if value is None:
        return Tensor(shape, kind=tensor.kind, lost=True)
    return filled(shape, value, tensor.kind)


def triangle(tensor: Tensor, diagonal: int, *, lower: bool) -> Tensor:
    """The lower or upper triangle of the last two axes, zero elsewhere."""
    if tensor.rank < 2:
        raise NotFollowed("a triangle of a tensor without two axes")
    cut = np.tril if lower else np.triu
    mask = cut(np.ones(tensor.shape[-2:], bool), diagonal)
    if tensor.value is not None:
        return Tensor(tensor.shape, value=cut(tensor.value, diagonal), kind=tensor.kind)
    return pointwise(tensor, constant(mask), kind=tensor.kind, rule="product")


def windows(tensor: Tensor, axis: int, size: int, step: int) -> Tensor:
    """Overlapping windows of an axis, as a new last axis (`Tensor.unfold`)."""
    at = axis_of(axis, tensor.rank)
    count = (tensor.shape[at] - size) // step + 1
    parts = [narrow(tensor, at, start * step, size) for start in range(count)]
    stacked = stack(parts, at)
    order = [i for i in range(stacked.rank) if i != at + 1]
    return permute(stacked, [*order, at + 1])


def resized(tensor: Tensor, axis: object, length: int) -> Tensor:
    """A tensor that is alike along an axis with another length of it: the first k of a sorted axis."""
    at = axis_of(axis, tensor.rank)
    if tensor.value is not None:
        return taken(tensor, at, slice(0, length))
    shape = list(tensor.shape)
    shape[at] = length
    pos = tensor.pos if tensor.pos.shape[at + 1] == 1 else tensor.pos.max(axis=at + 1, keepdims=True)
    return Tensor(shape, pos, kind=tensor.kind, **joined_flags((tensor,)))
