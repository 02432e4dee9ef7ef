"""What a plain cross-entropy is: asked for without weights or smoothing, or looked up in rows of logits."""

from __future__ import annotations

from typing import Any, Final

import torch.nn.functional as F
from torch import Tensor

NORMAL: Final = 1e-3
"""How far the logarithm of a sum of probabilities may lie from 0."""

_ORDERS: Final = {"gather": ("input", "dim", "index"), "take_along_dim": ("input", "indices", "dim")}


def is_plain(named: dict[str, Any], loss: Any) -> bool:
    """Whether a loss was asked for without weights, smoothing, or a token that is passed over.

    Args:
        named: arguments of the call.
        loss: `F.cross_entropy`, or `F.nll_loss`, whose rows must be log-probabilities as they are.
    """
    ignored = named.get("ignore_index", -100)
    plain = named.get("weight") is None and not named.get("label_smoothing")
    if plain and ignored >= 0:
        plain = not bool((named["target"] == ignored).any())
    if plain and loss is F.nll_loss:
        rows = named["input"].detach()
        rows = rows.movedim(1, -1) if rows.dim() > 2 else rows
        plain = bool((rows.double().logsumexp(-1).abs() < NORMAL).all())
    return plain


def rows_looked_up(name: str, args: Any, kwargs: Any) -> tuple[Tensor, Tensor] | None:
    """Rows [..., V] and the index [..., 1] that one value of each is looked up by; None for any other lookup."""
    named = dict(zip(_ORDERS[name], args, strict=False)) | dict(kwargs)
    rows, index, dim = named.get("input"), named.get("index", named.get("indices")), named.get("dim")
    if not isinstance(rows, Tensor) or not isinstance(index, Tensor) or not rows.is_floating_point():
        return None
    along_rows = dim in (-1, rows.dim() - 1) and index.dim() == rows.dim() and index.shape[-1] == 1
    return (rows, index) if along_rows and rows.shape[:-1] == index.shape[:-1] else None


def entropies(rows: Tensor, index: Tensor) -> tuple[Tensor, bool]:
    """The cross-entropy of each row at its index, in nats [...], and whether the rows hold probabilities.

    Args:
        rows: logits, log-probabilities or probabilities, [..., V].
        index: [..., 1].
    """
    logits = rows.detach().double()
    shares = bool((logits >= 0).all()) and bool(((logits.sum(-1) - 1).abs() < NORMAL).all())
    logits = logits.log() if shares else logits
    return logits.logsumexp(-1) - logits.gather(-1, index).squeeze(-1), shares
