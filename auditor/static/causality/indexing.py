"""Reading and writing by index: slices are exact, unknown indices join the axis that they index."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.limits import MAX_VALUE
from auditor.static.causality.pointwise import where
from auditor.static.causality.shaping import reshape, taken, unsqueeze
from auditor.static.causality.tensor import (
    BLURRED,
    NONE,
    Array,
    Flags,
    Tensor,
    aligned,
    axis_of,
    blurred,
    collapsed,
    constant,
    expanded,
    joined_flags,
)

Index = int | slice | Tensor | None


def get(tensor: Tensor, index: object) -> Tensor:
    """`tensor[index]`."""
    parts = normalised(tensor, index)
    if any(isinstance(part, Tensor) for part in parts):
        return _gathered(tensor, parts)
    out = tensor
    axis = 0
    for part in parts:
        if part is None:
            out = unsqueeze(out, axis)
            axis += 1
        elif isinstance(part, slice):
            if part != slice(None):
                out = taken(out, axis, part)
            axis += 1
        else:
            out = _picked(out, axis, cast(int, part))
    return out if out is not tensor else tensor.same_content()


def normalised(tensor: Tensor, index: object) -> list[Index]:
    """An index as one part for each axis, with None for a new one.

    Raises:
        NotFollowed: a part of it is not known, or there are too many.
    """
    given = list(index) if isinstance(index, tuple) else [index]
    parts: list[Index | type(Ellipsis)] = []  # type: ignore[valid-type]
    used = 0
    for part in given:
        if isinstance(part, list | np.ndarray):
            part = constant(np.asarray(part))
        if isinstance(part, Tensor) and part.kind != "b" and part.rank == 0 and part.value is not None:
            part = int(part.value)
        if isinstance(part, bool):
            raise NotFollowed("an index that is a truth value")
        if isinstance(part, np.integer):
            part = int(part)
        if isinstance(part, slice):
            part = _known_slice(part)
        elif not (part is None or part is Ellipsis or isinstance(part, int | Tensor)):
            raise NotFollowed(f"an index that is not known ({type(part).__name__})")
        if part is not None and part is not Ellipsis:
            used += part.rank if isinstance(part, Tensor) and part.kind == "b" else 1
        parts.append(part)
    if used > tensor.rank:
        raise NotFollowed(f"{used} indices of a tensor of shape {tensor.shape}")
    out: list[Index] = []
    found = False
    for part in parts:
        if part is Ellipsis:
            if not found:
                out += [slice(None)] * (tensor.rank - used)
            found = True
        else:
            out.append(cast(Index, part))
    return out if found else out + [slice(None)] * (tensor.rank - used)


def _known_slice(part: slice) -> slice:
    bounds = []
    for bound in (part.start, part.stop, part.step):
        if isinstance(bound, Tensor) and bound.value is not None and bound.size == 1:
            bound = int(bound.value.reshape(()))
        if not (bound is None or isinstance(bound, int | np.integer)):
            raise NotFollowed("a slice whose bounds are not known")
        bounds.append(None if bound is None else int(bound))
    return slice(*bounds)


def _picked(tensor: Tensor, axis: int, place: int) -> Tensor:
    size = tensor.shape[axis]
    if not -size <= place < size:
        raise NotFollowed(f"element {place} of an axis of {size}")
    one = taken(tensor, axis, slice(place % size, place % size + 1))
    return reshape(one, (*tensor.shape[:axis], *tensor.shape[axis + 1 :]))


def _gathered(tensor: Tensor, parts: list[Index]) -> Tensor:
    masks = [part for part in parts if isinstance(part, Tensor) and part.kind == "b"]
    if masks:
        return _by_mask(tensor, parts, masks)
    if any(part is None for part in parts):
        for axis, part in enumerate(parts):
            if part is None:
                tensor = unsqueeze(tensor, axis)
        parts = [slice(None) if part is None else part for part in parts]
    for axis, part in enumerate(parts):
        if isinstance(part, slice) and part != slice(None):
            tensor = taken(tensor, axis, part)
    axes = [axis for axis, part in enumerate(parts) if not isinstance(part, slice)]
    indices = [
        part if isinstance(part, Tensor) else constant(np.asarray(part))
        for part in parts
        if not isinstance(part, slice)
    ]
    try:
        common = np.broadcast_shapes(*(index.shape for index in indices))
    except ValueError:
        raise NotFollowed("indices whose shapes do not fit") from None
    adjacent = axes == list(range(axes[0], axes[-1] + 1))
    before = [axis for axis in range(tensor.rank) if axis < axes[0]] if adjacent else []
    after = [axis for axis in range(tensor.rank) if axis not in axes and axis not in before]
    shape = [*(tensor.shape[a] for a in before), *common, *(tensor.shape[a] for a in after)]
    order = [*before, *axes, *after]
    moved = tensor.pos.transpose([0, *(a + 1 for a in order)])
    lead, count = len(before), len(axes)
    exact = all(index.value is not None for index in indices)
    places: tuple[Array, ...] = ()
    if exact:
        places = tuple(np.broadcast_to(cast(Array, i.value).astype(np.int64), common) for i in indices)
        for at, place in zip(axes, places, strict=True):
            if place.size and not (-tensor.shape[at] <= place.min() and place.max() < tensor.shape[at]):
                raise NotFollowed(f"indices outside an axis of {tensor.shape[at]}")
    value = None
    if exact and tensor.value is not None and int(np.prod(shape, dtype=np.int64)) <= MAX_VALUE:
        value = tensor.value.transpose(order)[(slice(None),) * lead + places]
    indexed = moved.shape[1 + lead : 1 + lead + count]
    if all(size == 1 for size in indexed):
        pos = moved.reshape(moved.shape[: 1 + lead] + (1,) * len(common) + moved.shape[1 + lead + count :])
    elif exact:
        chosen = tuple(p if size > 1 else np.zeros_like(p) for p, size in zip(places, indexed, strict=True))
        pos = collapsed(moved[(slice(None),) * (1 + lead) + chosen])
    else:
        whole = moved.max(axis=tuple(range(1 + lead, 1 + lead + count)))
        pos = blurred(whole)
        pos = pos.reshape(pos.shape[: 1 + lead] + (1,) * len(common) + pos.shape[1 + lead :])
    for index in indices:
        own = aligned(index.pos, len(common))
        own = own.reshape(own.shape[:1] + (1,) * lead + own.shape[1:] + (1,) * len(after))
        pos = np.maximum(pos, own)
    flags = joined_flags([tensor, *(i for i in indices)])
    return Tensor(shape, pos, value=value, kind=tensor.kind, **flags)


def _by_mask(tensor: Tensor, parts: list[Index], masks: list[Tensor]) -> Tensor:
    mask = masks[0]
    if len(masks) > 1 or parts[0] is not mask or mask.shape != tensor.shape[: mask.rank]:
        raise NotFollowed("a selection by mask whose length depends on data")
    if mask.value is None:
        raise NotFollowed("a selection by a mask that is not known: its length depends on data")
    chosen = mask.value.astype(bool)
    pos = expanded(tensor.pos, tensor.shape)[:, chosen]
    value = None if tensor.value is None else tensor.value[chosen]
    out = Tensor(pos.shape[1:], collapsed(pos), value=value, kind=tensor.kind, **joined_flags((tensor,)))
    rest = parts[1:]
    return out if all(p == slice(None) for p in rest) else get(out, (slice(None), *rest))


def put(tensor: Tensor, index: object, source: Tensor) -> Tensor:
    """The tensor with `tensor[index] = source` done to it.

    Where the index is not known every element may have been written.
    """
    parts = normalised(tensor, index)
    unknown = [part for part in parts if isinstance(part, Tensor) and part.value is None]
    flags = joined_flags((tensor, source, *unknown))
    if unknown:
        if (
            len(unknown) == 1
            and unknown[0].kind == "b"
            and all(p == slice(None) for p in parts[1:])
            and parts[0] is unknown[0]
        ):
            mask = reshape(unknown[0], (*unknown[0].shape, *(1,) * (tensor.rank - unknown[0].rank)))
            if source.rank == 0 or source.size == 1:
                return where(mask, reshape(source, ()), tensor)
        return _written_somewhere(tensor, parts, source, flags)
    places: Any = tuple(_plain(part) for part in parts)
    if not (tensor.depends or source.depends):  # weights that are filled part by part
        if tensor.size > MAX_VALUE or (tensor.value is None and tensor.code is None and source.code is None):
            return Tensor(tensor.shape, kind=tensor.kind, **flags)
    pos = expanded(tensor.pos, tensor.shape).copy()
    target: Any = (slice(None), *places)
    try:
        shape = pos[target].shape
        pos[target] = np.broadcast_to(aligned(source.pos, len(shape) - 1), shape)
    except (ValueError, IndexError):
        raise NotFollowed(f"a store of shape {source.shape} into a part of {tensor.shape}") from None
    kind = tensor.kind
    if tensor.value is not None and source.value is not None:
        value = np.array(tensor.value)
        value[places] = source.value
        return Tensor(tensor.shape, value=value, kind=kind)
    code = tensor.code
    if code is not None or source.code is not None:
        code = (
            np.zeros(tensor.shape, np.int8)
            if code is None
            else np.broadcast_to(aligned(code, tensor.rank, 0), tensor.shape).copy()
        )
        written = source.code
        code[places] = 0 if written is None else np.broadcast_to(written, code[places].shape)
    return Tensor(tensor.shape, collapsed(pos), code=code, kind=kind, **flags)


def _plain(part: Index) -> object:
    if isinstance(part, Tensor):
        assert part.value is not None
        return part.value.astype(bool if part.kind == "b" else np.int64)
    return part


def _written_somewhere(tensor: Tensor, parts: list[Index], source: Tensor, flags: Flags) -> Tensor:
    """A store at places that depend on data: along the axes indexed, anything may hold anything."""
    if any(part is None for part in parts):
        raise NotFollowed("a store at unknown places with a new axis")
    indices = [part for part in parts if isinstance(part, Tensor)]
    rows = parts[0]
    if (
        isinstance(rows, Tensor)
        and rows.value is not None
        and len(indices) == 2
        and parts[1] is indices[1]
        and all(part.kind == "i" and part.rank == 1 for part in indices)
        and source.rank <= 1
    ):  # one element of each known row: `logits[arange, y]`
        own = np.maximum(indices[1].pos, aligned(source.pos, 1))
        pos = expanded(tensor.pos, (tensor.shape[0], *tensor.pos.shape[2:])).copy()
        places = rows.value.astype(np.int64)
        own = np.broadcast_to(own, (own.shape[0], len(places))).reshape(
            -1, len(places), *(1,) * (tensor.rank - 1)
        )
        pos[:, places] = np.maximum(pos[:, places], own)
        return Tensor(tensor.shape, pos, kind=tensor.kind, **flags)
    highest = np.full(tensor.pos.shape[0], NONE, np.int32)
    for pos in (source.pos, *(part.pos for part in indices)):
        highest = np.maximum(highest, pos.reshape(pos.shape[0], -1).max(axis=1))
    spread = np.full_like(highest, NONE)
    spread[BLURRED] = highest.max()
    pos = np.maximum(tensor.pos, spread.reshape(-1, *(1,) * tensor.rank))
    return Tensor(tensor.shape, pos, kind=tensor.kind, **flags)


def gather(tensor: Tensor, axis: object, index: Tensor) -> Tensor:
    """`torch.gather`: along one axis, the element that the index names."""
    at = axis_of(axis, tensor.rank)
    if index.rank != tensor.rank:
        raise NotFollowed(f"a gather of rank {index.rank} from a tensor of rank {tensor.rank}")
    sizes = [
        slice(0, n) if have != 1 else slice(None)
        for n, have in zip(index.shape, tensor.pos.shape[1:], strict=True)
    ]
    sizes[at] = slice(None)
    pos = tensor.pos[(slice(None), *sizes)]
    value = None
    if pos.shape[at + 1] > 1:
        if index.value is not None:
            shape = [
                have if i == at else (n if have != 1 else 1)
                for i, (n, have) in enumerate(zip(index.shape, pos.shape[1:], strict=True))
            ]
            places = index.value.astype(np.int64)
            wide = np.broadcast_to(
                pos,
                (
                    pos.shape[0],
                    *(
                        have if i == at else n
                        for i, (n, have) in enumerate(zip(index.shape, shape, strict=True))
                    ),
                ),
            )
            pos = np.take_along_axis(wide, places[None], axis=at + 1)
        else:
            pos = blurred(pos.max(axis=at + 1, keepdims=True))
    if index.value is not None and tensor.value is not None:
        cut = tuple(slice(None) if i == at else slice(0, n) for i, n in enumerate(index.shape))
        value = np.take_along_axis(tensor.value[cut], index.value.astype(np.int64), axis=at)
    return Tensor(
        index.shape,
        np.maximum(pos, index.pos),
        value=value,
        kind=tensor.kind,
        **joined_flags((tensor, index)),
    )


def scatter(tensor: Tensor, axis: object, index: Tensor, source: Tensor) -> Tensor:
    """`torch.scatter` and its adding forms: along one axis, an element that the index names is changed.

    Each element of the result may be one that was written, so it depends on the index and the source of its row.
    """
    at = axis_of(axis, tensor.rank)
    if index.rank != tensor.rank:
        raise NotFollowed(f"a scatter of rank {index.rank} into a tensor of rank {tensor.rank}")
    pos = tensor.pos
    for given in (index, source):
        own = aligned(given.pos, tensor.rank)
        own = own.max(axis=at + 1, keepdims=True)
        for axis_number in range(tensor.rank):
            have, size = own.shape[axis_number + 1], tensor.shape[axis_number]
            if have not in (1, size):  # fewer rows than the tensor has: the others are as they were
                rest = np.full(
                    (*own.shape[: axis_number + 1], size - have, *own.shape[axis_number + 2 :]),
                    NONE,
                    own.dtype,
                )
                own = np.concatenate([own, rest], axis=axis_number + 1)
        pos = np.maximum(pos, own)
    return Tensor(tensor.shape, pos, kind=tensor.kind, **joined_flags((tensor, index, source)))


def index_fill(tensor: Tensor, axis: object, index: Tensor, source: Tensor | None) -> Tensor:
    """`index_add`, `index_copy`: whole slices of an axis are changed at places that the index names."""
    at = axis_of(axis, tensor.rank)
    spread = index.pos.reshape(index.pos.shape[0], -1).max(axis=1)
    if source is not None:
        spread = np.maximum(spread, source.pos.reshape(source.pos.shape[0], -1).max(axis=1))
    if index.value is None and tensor.shape[at] > 1:
        mixed = np.full_like(spread, NONE)
        mixed[BLURRED] = spread.max()
        spread = mixed
    pos = np.maximum(tensor.pos, spread.reshape(-1, *(1,) * tensor.rank))
    return Tensor(tensor.shape, pos, kind=tensor.kind, **joined_flags((tensor, index)))
