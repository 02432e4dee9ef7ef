"""Follows per-token losses from where they are made to the numbers that are printed.

Every element of a tensor that came from the loss of a validation token carries a node number. A leaf is one
token of one call; a sum holds the elements that were added up, with their values at that moment; a union
holds nodes that were combined (a running total, a mixture of two scorers). Numbers are handed out in order of
time. Tensors carry their nodes as an attribute, so nothing outlives its tensor.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import torch
from torch import Tensor

NONE: Final = -1
_ATTRIBUTE: Final = "_replay_nodes"

SHAPING: Final = frozenset(
    [
        "reshape",
        "view",
        "view_as",
        "reshape_as",
        "flatten",
        "ravel",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "transpose",
        "permute",
        "t",
        "swapaxes",
        "movedim",
        "narrow",
        "select",
        "expand",
        "expand_as",
        "broadcast_to",
        "repeat",
        "repeat_interleave",
        "tile",
        "flip",
        "roll",
        "index_select",
        "gather",
        "take",
        "masked_select",
        "__getitem__",
        "split",
        "chunk",
        "unbind",
        "tensor_split",
        "cat",
        "concat",
        "concatenate",
        "stack",
        "hstack",
        "vstack",
        "where",
        "take_along_dim",
        "diagonal",
        "as_strided",
        "squeeze_",
        "unsqueeze_",
    ]
)
"""Functions that only move elements: they are applied to the node numbers as they are."""

TOTALS: Final = frozenset(("sum", "mean", "nansum", "nanmean"))
ROWWISE: Final = TOTALS | frozenset(("logsumexp", "amax", "amin", "max", "min"))
"""Functions that make one value of each row along a dimension: of several scorers' values of one token, or of
several tokens' values, which only sums and means may do."""

SILENT: Final = frozenset(
    [
        "backward",
        "requires_grad_",
        "register_hook",
        "size",
        "dim",
        "numel",
        "stride",
        "shape",
        "dtype",
        "device",
        "__len__",
        "__bool__",
        "data_ptr",
        "isnan",
        "isfinite",
        "isinf",
        "is_floating_point",
        "__hash__",
        "__repr__",
        "__format__",
        "zeros_like",
        "ones_like",
        "empty_like",
        "argmax",
        "argmin",
        "argsort",
        "new_zeros",
        "new_empty",
        "new_full",
    ]
)
"""Functions whose result is not made of the losses."""


def nodes_of(value: Any) -> Tensor | None:
    """The node numbers of a tensor, or None if nothing in it came from a loss."""
    found = getattr(value, _ATTRIBUTE, None) if isinstance(value, Tensor) else None
    return found if isinstance(found, Tensor) else None


def is_changed_score(value: Any) -> bool:
    """Whether what is put in the place of a score is a number made outside of torch, such as a mixture: it stands
    for the same token. Zero masks the token.
    """
    return isinstance(value, (int, float)) and value != 0


def mark(tensor: Tensor, nodes: Tensor) -> None:
    """Give a tensor its node numbers, int64 in the same shape."""
    setattr(tensor, _ATTRIBUTE, nodes)


class Provenance:
    """Hands out nodes and carries them through torch functions.

    Attributes:
        leaves: (first node, call number, count) of each call that made losses.
        sums: (node, member nodes, values at that moment), one each.
        unions: (node, child nodes).
    """

    def __init__(self) -> None:
        self._next = 0
        self._starts: list[int] = []
        self._positions: list[Tensor] = []
        self._children: dict[int, tuple[int, ...]] = {}
        self.leaves: list[tuple[int, int, int]] = []
        self.sums: list[tuple[int, Tensor, Tensor]] = []
        self.unions: list[tuple[int, tuple[int, ...]]] = []

    def leaf(self, call: int, positions: Tensor) -> Tensor:
        """Nodes for the losses of a call at `positions` [n], [n]."""
        first, count = self._next, len(positions)
        self._next += count
        self.leaves.append((first, call, count))
        self._starts.append(first)
        self._positions.append(positions)
        return torch.arange(first, first + count)

    def _position(self, node: int) -> int:
        """The position of a single loss or of a mixture of losses of one token, -1 for anything else."""
        children = self._children.get(node)
        if children is not None:
            found = {self._position(child) for child in children}
            return found.pop() if len(found) == 1 else NONE
        block = bisect.bisect_right(self._starts, node) - 1
        if block < 0 or node - self._starts[block] >= len(self._positions[block]):
            return NONE
        return int(self._positions[block][node - self._starts[block]])

    def total(self, nodes: Tensor, values: Tensor) -> int:
        """The node of a sum or mean over elements; an element with the same node twice counts twice."""
        members = nodes.flatten()
        kept = members >= 0
        number = self._new()
        self.sums.append((number, members[kept].clone(), values.detach().flatten()[kept].double().clone()))
        return number

    def union(self, children: Iterable[int]) -> int:
        """The node of a value made of several; a single child stands for itself."""
        distinct = tuple(dict.fromkeys(child for child in children if child >= 0))
        if len(distinct) < 2:
            return distinct[0] if distinct else NONE
        number = self._new()
        self.unions.append((number, distinct))
        self._children[number] = distinct
        return number

    def _new(self) -> int:
        self._next += 1
        return self._next - 1

    # -- through torch functions

    def carry(
        self, function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        """Mark the result of a torch function whose arguments carry nodes."""
        if name in SILENT:
            return
        if name == "__setitem__":
            self._assigned(args)
        elif name in ("copy_", "fill_", "zero_") and isinstance(out, Tensor):
            source = nodes_of(args[1]) if len(args) > 1 else None
            mark(out, torch.full(out.shape, NONE) if source is None else source.expand(out.shape).clone())
        elif name in ROWWISE:
            self._totalled(name, args, kwargs, out if isinstance(out, Tensor) else out[0])
        elif not isinstance(out, (Tensor, tuple, list)):
            return
        elif name in SHAPING:
            if name == "where":
                args = (
                    args[0],
                    *(torch.tensor(NONE) if isinstance(a, (int, float)) else a for a in args[1:]),
                )
            self._shaped(function, args, kwargs, out)
        elif isinstance(out, Tensor):
            self._elementwise(args, kwargs, out)

    def _assigned(self, args: tuple[Any, ...]) -> None:
        target, index, value = args
        held, given = nodes_of(target), nodes_of(value)
        if held is None:
            if given is None:
                return
            held = torch.full(target.shape, NONE)
        if given is None and is_changed_score(value):
            return
        held[index] = NONE if given is None else given
        mark(target, held)

    def _shaped(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: Any
    ) -> None:
        try:
            moved = function(*(_as_nodes(a) for a in args), **{k: _as_nodes(v) for k, v in kwargs.items()})
        except (RuntimeError, TypeError, IndexError, ValueError):
            return
        pairs = [(out, moved)] if isinstance(out, Tensor) else list(zip(out, moved, strict=False))
        for tensor, nodes in pairs:
            if isinstance(tensor, Tensor) and isinstance(nodes, Tensor) and nodes.shape == tensor.shape:
                mark(tensor, nodes)

    def _totalled(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> None:
        nodes = nodes_of(args[0]) if args else None
        if nodes is None:
            if len(args) > 1 and name in ("max", "min"):
                self._elementwise(args, kwargs, out)
            return
        values = args[0]
        if out.dim() == 0:
            if name in TOTALS:
                mark(out, torch.tensor(self.total(nodes, values)))
            return
        dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
        if isinstance(dim, (tuple, list)) and len(dim) == 1:
            dim = dim[0]
        if not isinstance(dim, int) or nodes.dim() < 1:
            if name in ("max", "min"):
                self._elementwise(args, kwargs, out)
            return
        rows, amounts = nodes.movedim(dim, -1), values.detach().movedim(dim, -1)
        rows, amounts = rows.reshape(-1, rows.shape[-1]), amounts.reshape(-1, amounts.shape[-1])
        if len(rows) == out.numel():
            mark(out, self._rowwise(name, rows, amounts).reshape(out.shape))

    def _rowwise(self, name: str, rows: Tensor, amounts: Tensor) -> Tensor:
        """A node for each row: a mixture where its values are of one token, else a total."""
        out = rows.amax(-1)
        for row in ((rows >= 0).sum(-1) > 1).nonzero().flatten().tolist():
            members = [int(node) for node in rows[row].tolist() if node >= 0]
            if len({self._position(node) for node in members}) == 1:
                out[row] = self.union(members)
            else:
                out[row] = self.total(rows[row], amounts[row]) if name in TOTALS else NONE
        if name in TOTALS:
            for row in ((rows >= 0).sum(-1) == 1).nonzero().flatten().tolist():
                out[row] = self.total(rows[row], amounts[row]) if rows.shape[-1] == 1 else out[row]
        return out

    def _elementwise(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Tensor) -> None:
        if not out.is_floating_point():
            return
        found = [
            nodes
            for value in (*args, *kwargs.values())
            if (nodes := nodes_of(value)) is not None
            and (nodes.shape == out.shape or nodes.dim() == 0 == out.dim())
        ]
        if not found:
            return
        joint = found[0]
        for other in found[1:]:
            joint = self._joined(joint, other)
        mark(out, joint.clone() if any(out is a for a in args) else joint)

    def _joined(self, a: Tensor, b: Tensor) -> Tensor:
        if torch.equal(a, b):
            return a
        out = torch.where(a >= 0, a, b)
        both = ((a >= 0) & (b >= 0) & (a != b)).flatten().nonzero().flatten().tolist()
        flat, left, right = out.clone().flatten(), a.flatten(), b.flatten()
        for place in both:
            flat[place] = self.union((int(left[place]), int(right[place])))
        return flat.reshape(out.shape)


def _as_nodes(value: Any) -> Any:
    """An argument with tensors that carry nodes exchanged for them; index tensors and masks stay."""
    if isinstance(value, (list, tuple)) and any(nodes_of(item) is not None for item in value):
        return type(value)(_filled(item) for item in value)
    if not isinstance(value, Tensor):
        return value
    nodes = nodes_of(value)
    if nodes is not None:
        return nodes
    return torch.full(value.shape, NONE) if value.is_floating_point() else value


def _filled(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    nodes = nodes_of(value)
    return torch.full(value.shape, NONE) if nodes is None else nodes


def carriers(args: Iterable[Any]) -> Iterator[Any]:
    """Arguments, and members of list arguments, that carry nodes."""
    for value in args:
        if isinstance(value, Tensor):
            if getattr(value, _ATTRIBUTE, None) is not None:
                yield value
        elif isinstance(value, (list, tuple)):
            for item in value:
                if isinstance(item, Tensor) and getattr(item, _ATTRIBUTE, None) is not None:
                    yield item
