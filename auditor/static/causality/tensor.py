"""A tensor as the latest token that each of its elements may depend on.

`pos` has one more axis than the tensor, in front: the ways of depending (`DIRECT`, `STATISTIC`, `BLURRED`). Its other
axes are those of the tensor, whole or collapsed to length 1 where all is alike along them; axes of features nearly
always are. Numbers are places in the stream of tokens, -1 for none. The lattice is pointwise, the join is the
maximum, and the largest over all ways bounds what an element can depend on. What is known to be computed from
constants alone keeps its exact value, for masks and indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from auditor.static.causality.failures import NotFollowed, ScriptError, TooLarge
from auditor.static.causality.limits import MAX_ELEMENTS, MAX_TENSOR, MAX_VALUE

Array = NDArray[Any]

DIRECT, STATISTIC, BLURRED = 0, 1, 2
"""By a known operation; by a statistic over all rows and batches; by one of several, it is not known which."""
WAYS = 3
NONE = -1

ZERO, MINUS_INFINITY = 1, 2
"""Codes of elements that are exactly zero, or minus infinity, whatever the tokens are."""


class Work:
    """Elements computed so far in a run."""

    __slots__ = ("elements",)

    def __init__(self) -> None:
        self.elements = 0

    def spend(self, count: int) -> None:
        """Count `count` elements.

        Raises:
            TooLarge: one tensor, or all together, exceed the bounds.
        """
        self.elements += count
        if count > MAX_TENSOR:
            raise TooLarge(f"a tensor of {count:,} different positions")
        if self.elements > MAX_ELEMENTS:
            raise TooLarge(f"more than {MAX_ELEMENTS:,} positions in one pass")


WORK = Work()


class View:
    """How a tensor shows a part of another: to read it again after a change, and to write through it."""

    __slots__ = ("base", "derive", "store", "version")

    def __init__(
        self,
        base: Tensor,
        derive: Callable[[Tensor], Tensor],
        store: Callable[[Tensor, Tensor], Tensor] | None,
    ) -> None:
        self.base = base
        self.derive = derive
        self.store = store
        self.version = base.version


class Tensor:
    """One tensor.

    Attributes:
        shape: concrete.
        kind: "f", "i" or "b": floating point, integers, booleans.
        pos: (WAYS, ...), int32.
        value: exact, where it comes from constants alone; else None.
        learned: comes from parameters or buffers that a checkpoint may overwrite.
        lost: comes from constants alone, but its value is not known here.
        view: what it is a part of, or None.
        version: grows with each change in place.
        role: "targets" while it holds the tokens to be predicted as they were handed over, "losses" for losses of
            tokens and what was made of them, else "".
    """

    __slots__ = ("_code", "kind", "learned", "lost", "pos", "role", "shape", "value", "version", "view")

    def __init__(
        self,
        shape: Iterable[int],
        pos: Array | None = None,
        *,
        value: Array | None = None,
        code: Array | None = None,
        kind: str = "f",
        learned: bool = False,
        lost: bool = False,
    ) -> None:
        self.shape: tuple[int, ...] = tuple(int(size) for size in shape)
        if pos is None:
            pos = np.full((WAYS, *(1,) * len(self.shape)), NONE, np.int32)
        if pos.ndim != len(self.shape) + 1:
            raise NotFollowed(f"positions of rank {pos.ndim - 1} for a tensor of shape {self.shape}")
        for have, size in zip(pos.shape[1:], self.shape, strict=True):
            if have not in (1, size):
                raise NotFollowed(f"positions of shape {pos.shape[1:]} for a tensor of shape {self.shape}")
        WORK.spend(pos.size)
        self.pos = pos
        self.value = value
        self._code = code
        self.kind = kind
        self.learned = learned
        self.lost = lost
        self.view: View | None = None
        self.version = 0
        self.role = ""

    def __repr__(self) -> str:
        return f"Tensor{self.shape}"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def depends(self) -> bool:
        """Whether any element may depend on a token."""
        return bool((self.pos >= 0).any())

    @property
    def code(self) -> Array | None:
        """Per element `ZERO`, `MINUS_INFINITY` or 0, broadcast against the shape; None where nothing is known."""
        if self._code is None and self.value is not None:
            code = np.zeros(self.value.shape, np.int8)
            code[self.value == 0] = ZERO
            if self.value.dtype.kind == "f":
                code[self.value < -1e4] = MINUS_INFINITY
            self._code = code
        return self._code if self._code is not None and self._code.any() else None

    def same_content(self, *, kind: str | None = None) -> Tensor:
        """A tensor of its own with the same content."""
        value = self.value
        if value is not None and kind is not None and kind != self.kind:
            value = value.astype(DTYPES[kind])
        return Tensor(
            self.shape,
            self.pos,
            value=value,
            code=self._code,
            kind=kind or self.kind,
            learned=self.learned,
            lost=self.lost,
        )

    def refresh(self) -> None:
        """Read a view again whose base has changed since it was taken."""
        view = self.view
        if view is None:
            return
        view.base.refresh()
        if view.version != view.base.version:
            self._take(view.derive(view.base))
            view.version = view.base.version

    def assign(self, new: Tensor) -> None:
        """Change it in place, and what it is a view of.

        Raises:
            NotFollowed: it is a view through which nothing can be written here.
        """
        if new.shape != self.shape:
            raise NotFollowed(
                f"a tensor of shape {new.shape} written in place over one of shape {self.shape}"
            )
        self._take(new)
        self.version += 1
        if self.view is not None:
            base, store = self.view.base, self.view.store
            if store is None:
                raise NotFollowed("a write through a view whose base is not known")
            base.assign(store(base, self))
            self.view.version = base.version

    def _take(self, new: Tensor) -> None:
        self.pos, self.value, self._code = new.pos, new.value, new._code
        self.learned, self.lost = new.learned, new.lost


DTYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}


def constant(value: object, kind: str | None = None) -> Tensor:
    """A tensor of known values."""
    array = np.asarray(value)
    if kind is None:
        kind = {"b": "b", "i": "i", "u": "i"}.get(array.dtype.kind, "f")
    if array.dtype.kind not in "biuf":
        raise NotFollowed(f"a tensor of {array.dtype}")
    if array.dtype != DTYPES[kind]:
        array = array.astype(DTYPES[kind])
    return Tensor(array.shape, value=array, kind=kind)


def filled(shape: Sequence[int], value: float | bool, kind: str) -> Tensor:
    """A tensor of one value; large ones cost nothing."""
    array: Array = np.broadcast_to(np.asarray(value, dtype=DTYPES[kind]), tuple(shape))
    code = np.full((1,) * len(shape), ZERO if value == 0 else MINUS_INFINITY if value < -1e4 else 0, np.int8)
    return Tensor(shape, value=array if array.size <= MAX_VALUE else None, code=code, kind=kind)


def known(*tensors: Tensor) -> bool:
    """Whether the values of all are known."""
    return all(tensor.value is not None for tensor in tensors)


class Flags(TypedDict):
    """`learned` and `lost` of a tensor."""

    learned: bool
    lost: bool


def joined_flags(tensors: Iterable[Tensor]) -> Flags:
    """`learned` and `lost` of what is made from these tensors."""
    learned = lost = False
    for tensor in tensors:
        learned |= tensor.learned
        lost |= tensor.lost
    return Flags(learned=learned, lost=lost)


def aligned(array: Array, rank: int, lead: int = 1) -> Array:
    """An array whose axes after the first `lead` are made `rank` by ones in front, as broadcasting does."""
    missing = rank - (array.ndim - lead)
    if missing <= 0:
        return array
    return array.reshape(array.shape[:lead] + (1,) * missing + array.shape[lead:])


def expanded(array: Array, shape: Sequence[int], lead: int = 1) -> Array:
    """An array with its collapsed axes at full length (a view that must not be written)."""
    return np.broadcast_to(array, array.shape[:lead] + tuple(shape))


def collapsed(pos: Array) -> Array:
    """Positions with each axis collapsed along which all is alike."""
    for axis in range(1, pos.ndim):
        if pos.shape[axis] > 1:
            first = pos.take([0], axis=axis)
            if (pos == first).all():
                pos = first
    return pos


def blurred(pos: Array) -> Array:
    """The positions, all by the way `BLURRED`: one of them may be depended on, it is not known which."""
    out = np.full_like(pos, NONE)
    out[BLURRED] = pos.max(axis=0)
    return out


def as_statistic(pos: Array) -> Array:
    """The positions with what was direct made a statistic."""
    out = pos.copy()
    out[STATISTIC] = np.maximum(pos[STATISTIC], pos[DIRECT])
    out[DIRECT] = NONE
    return out


def axis_of(axis: object, rank: int) -> int:
    """An axis as a number from 0.

    Raises:
        NotFollowed: it is unknown or out of range.
    """
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise NotFollowed("an axis that is not known")
    if not -max(rank, 1) <= axis < max(rank, 1):
        raise NotFollowed(f"axis {axis} of a tensor of rank {rank}")
    return int(axis) % max(rank, 1)


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that these broadcast to.

    Raises:
        ScriptError: they do not.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ScriptError("RuntimeError", f"shapes {', '.join(map(str, shapes))} do not fit") from None
