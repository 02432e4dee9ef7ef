"""Where tokens are scored: a loss pairs each row of the logits with the token that it predicts.

A row may depend on what comes before its target, never on the target or on anything after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.static.causality import indexing, reductions
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.scored import Scored
from auditor.static.causality.tensor import WAYS, Array, Tensor, aligned, axis_of, expanded, joined_flags
from auditor.static.causality.walker import Walker


def record(it: Walker, by: str, logits: Array, targets: Array, shape: tuple[int, ...]) -> None:
    """Compare rows of logits with their targets, both (WAYS, rows…)."""
    rank = len(shape)
    own = expanded(aligned(targets, rank), shape).max(axis=0)
    rows = own >= 0
    excess = np.full(WAYS, np.iinfo(np.int32).min // 2, np.int64)
    at = np.zeros(WAYS, np.int64)
    whole = expanded(aligned(logits, rank), shape)
    for way in range(WAYS):
        reach = np.where(rows & (whole[way] >= 0), whole[way] - own, np.iinfo(np.int32).min // 2)
        if reach.size:
            place = np.unravel_index(int(reach.argmax()), reach.shape)
            excess[way], at[way] = reach[place], own[place]
    it.scored.append(Scored(by=by, where=it.where, excess=excess, row=at, rows=int(rows.sum())))


def cross_entropy(it: Walker, input: Tensor, target: Tensor, *args: Any, **more: Any) -> Tensor:
    """`F.cross_entropy` and `F.nll_loss`."""
    if not isinstance(target, Tensor) or not isinstance(input, Tensor):
        raise NotFollowed("a cross entropy of what is no tensor")
    classes = 1 if input.rank > 1 else 0
    rows = input.pos.max(axis=classes + 1)
    shape = tuple(size for axis, size in enumerate(input.shape) if axis != classes)
    if target.rank == input.rank:
        raise NotFollowed("a cross entropy with probabilities as targets")
    if target.shape != shape:
        raise ScriptError("ValueError", f"a cross entropy of logits {input.shape} and targets {target.shape}")
    record(it, "cross_entropy", rows, target.pos, shape)
    out = Tensor(shape, np.maximum(rows, target.pos), learned=True)
    out.role = "losses"
    if more.get("reduction", "mean") == "none":
        return out
    total = reductions.reduce(out)
    total.role = "losses"
    return total


def along(it: Walker, input: Tensor, indices: Tensor, dim: Any = None, **more: Any) -> Tensor:
    """`take_along_dim`."""
    if dim is None:
        raise NotFollowed("elements taken of a flattened tensor")
    return pick(it, input, dim, indices, **more)


def pick(it: Walker, input: Tensor, dim: Any, index: Any, **more: Any) -> Tensor:
    """`gather`: where the index is made of the tokens' own classes, it picks the score of a target."""
    if isinstance(dim, Tensor):
        dim, index = index, dim
    at = axis_of(dim, input.rank)
    out = indexing.gather(input, at, index)
    if index.role == "targets" and index.shape[at] == 1 and at == input.rank - 1:
        rows = input.pos.max(axis=at + 1)
        own = index.pos.max(axis=at + 1)
        record(it, "gather", rows, own, index.shape[:at])
        out.role = "losses"
    return out


def picked_by_index(it: Walker, logits: Tensor, index: object) -> bool:
    """Record `logits[…, targets]`, one element of each row; False if the index is of another form."""
    parts = index if isinstance(index, tuple) else (index,)
    last = parts[-1]
    if not (
        isinstance(last, Tensor) and last.role == "targets" and logits.rank == len(parts) and logits.rank > 1
    ):
        return False
    picked = indexing.get(logits, (*parts[:-1], slice(None)))
    if picked.shape[:-1] != last.shape:
        return False
    record(it, "an index", picked.pos.max(axis=-1), last.pos, last.shape)
    return True


def softcapped(it: Walker, logits: Tensor, targets: Tensor, *_args: Any, **_more: Any) -> Any:
    """A fused cross entropy of soft-capped logits: losses and logarithms of the sums."""
    flat = logits if logits.rank == 2 else None
    if flat is None:
        raise NotFollowed("a fused cross entropy of logits that are not flat")
    rows = flat.pos.max(axis=2)
    record(it, "fused cross entropy", rows, targets.pos, targets.shape)
    losses = Tensor(targets.shape, np.maximum(rows, targets.pos), learned=True)
    losses.role = "losses"
    return losses, Tensor(targets.shape, rows, **joined_flags((logits,)))


SCORES: dict[str, Callable[..., Any]] = {
    "cross_entropy": cross_entropy,
    "nll_loss": cross_entropy,
    "gather": pick,
    "take_along_dim": along,
}
