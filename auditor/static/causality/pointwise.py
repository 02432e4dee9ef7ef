"""Operations element by element: the join of the operands, less what a factor of zero takes out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.static.causality.limits import MAX_VALUE
from auditor.static.causality.tensor import (
    DIRECT,
    MINUS_INFINITY,
    NONE,
    ZERO,
    Array,
    Tensor,
    aligned,
    blurred,
    broadcast_shape,
    constant,
    joined_flags,
    known,
)

Operand = Tensor | int | float | bool
Exact = Callable[..., Array]


def as_tensor(value: Operand) -> Tensor:
    """A number as a tensor without axes."""
    return value if isinstance(value, Tensor) else constant(value)


def joined(tensors: list[Tensor], rank: int) -> Array:
    """The join of the positions of tensors that broadcast to `rank` axes."""
    out = aligned(tensors[0].pos, rank)
    for tensor in tensors[1:]:
        out = np.maximum(out, aligned(tensor.pos, rank))
    return out


def pointwise(*operands: Operand, kind: str, rule: str = "", exact: Exact | None = None) -> Tensor:
    """The result of an operation on each element.

    Args:
        kind: of the result.
        rule: "product", "sum" or "quotient" where zeros and infinities say more than the join.
        exact: the operation on arrays, for operands that are all known.
    """
    tensors = [as_tensor(operand) for operand in operands]
    shape = broadcast_shape(*(tensor.shape for tensor in tensors))
    flags = joined_flags(tensors)
    size = int(np.prod(shape, dtype=np.int64))
    if exact is not None and size <= MAX_VALUE and known(*tensors):
        with np.errstate(all="ignore"):
            value = np.asarray(exact(*(tensor.value for tensor in tensors)))
        if value.dtype.kind in "biuf":
            return Tensor(shape, value=np.broadcast_to(value, shape), kind=kind)
    pos = joined(tensors, len(shape))
    if known(*tensors) and not flags["learned"] and exact is not None:
        flags["lost"] = True
    if flags["lost"] and rule == "product" and pos.max(initial=NONE) >= 0:
        pos = blurred(pos)  # the factor that is not known may be a mask
    pos, code = _RULES[rule](tensors, pos, len(shape)) if rule else (pos, None)
    return Tensor(shape, pos, code=code, kind=kind, **flags)


def _product(tensors: list[Tensor], pos: Array, rank: int) -> tuple[Array, Array | None]:
    zero: Array | None = None
    for tensor in tensors:
        code = tensor.code
        if code is not None and (code == ZERO).any():
            here = aligned(code == ZERO, rank, 0)
            zero = here if zero is None else zero | here
    if zero is None:
        return pos, None
    return np.where(zero[None], np.int32(NONE), pos), zero.astype(np.int8)


def _sum(tensors: list[Tensor], pos: Array, rank: int) -> tuple[Array, Array | None]:
    codes = [None if t.code is None else aligned(t.code, rank, 0) for t in tensors]
    infinite: Array | None = None
    zero: Array | None = None
    for code in codes:
        if code is not None and (code == MINUS_INFINITY).any():
            here = code == MINUS_INFINITY
            infinite = here if infinite is None else infinite | here
    present = [code for code in codes if code is not None]
    if len(present) == len(codes):
        zero = present[0] == ZERO
        for code in present[1:]:
            zero = zero & (code == ZERO)
    if infinite is not None:
        pos = np.where(infinite[None], np.int32(NONE), pos)
        out = (infinite * MINUS_INFINITY).astype(np.int8)
        return pos, out if zero is None else np.where(zero & ~infinite, np.int8(ZERO), out)
    return pos, None if zero is None or not zero.any() else zero.astype(np.int8)


def _quotient(tensors: list[Tensor], pos: Array, rank: int) -> tuple[Array, Array | None]:
    code = tensors[0].code
    if code is None:
        return pos, None
    zero = aligned(code == ZERO, rank, 0)
    return np.where(zero[None], np.int32(NONE), pos), zero.astype(np.int8)


_RULES: dict[str, Callable[[list[Tensor], Array, int], tuple[Array, Array | None]]] = {
    "product": _product,
    "sum": _sum,
    "quotient": _quotient,
}


def keeping_zero(tensor: Tensor, *, kind: str | None = None, exact: Exact | None = None) -> Tensor:
    """A function of one tensor that maps zero to zero: `relu`, `tanh`, a change of sign."""
    out = pointwise(tensor, kind=kind or tensor.kind, exact=exact)
    if out.value is None and tensor.code is not None:
        out._code = (tensor.code == ZERO).astype(np.int8)
    return out


def where(condition: Operand, chosen: Operand, other: Operand) -> Tensor:
    """Elements of one or the other; which one is known where the condition's value is."""
    test, yes, no = as_tensor(condition), as_tensor(chosen), as_tensor(other)
    shape = broadcast_shape(test.shape, yes.shape, no.shape)
    rank = len(shape)
    kind = "f" if "f" in (yes.kind, no.kind) else yes.kind
    flags = joined_flags((yes, no))
    mine, theirs = aligned(yes.pos, rank), aligned(no.pos, rank)
    if test.value is not None:
        mask = aligned(np.asarray(test.value).astype(bool), rank, 0)
        codes = [None if t.code is None else aligned(t.code, rank, 0) for t in (yes, no)]
        code: Array | None = None
        if any(part is not None for part in codes):
            blank = np.zeros((1,) * rank, np.int8)
            code = np.where(mask, *(blank if part is None else part for part in codes))
        value = (
            np.where(test.value, yes.value, no.value)
            if yes.value is not None and no.value is not None
            else None
        )
        if value is not None and value.size > MAX_VALUE:
            value = None
        if value is not None:
            return Tensor(shape, value=np.broadcast_to(value, shape), kind=kind)
        return Tensor(shape, np.where(mask[None], mine, theirs), code=code, kind=kind, **flags)
    either = np.maximum(mine, theirs)
    flags["lost"] |= test.lost
    if not test.depends:  # a mask of constants whose value is not known here
        sure = np.minimum(mine, theirs)
        either = blurred(either)
        either[DIRECT] = np.broadcast_to(sure[DIRECT], either.shape[1:])
    pos = np.maximum(either, aligned(test.pos, rank))
    code = None
    if test.code is not None and (test.code == ZERO).any():  # where the condition is certainly false
        false = aligned(test.code == ZERO, rank, 0)
        pos = np.where(false[None], theirs, pos)
        if no.code is not None:
            code = np.where(false, aligned(no.code, rank, 0), np.int8(0))
    return Tensor(shape, pos, code=code, kind=kind, **flags)
