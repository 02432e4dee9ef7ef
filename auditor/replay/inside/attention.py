"""Stand-ins for flash-attention: the same function by plain matrix products, in the layouts of its packages.

Shapes: B batch, T queries, S keys, H query heads, K key heads (H is a multiple of K), D head size.
"""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import torch
from torch import Tensor


def _attend(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool, window: tuple[int, int], scale: float | None, cap: float
) -> Tensor:
    """Softmax attention of q [B,T,H,D] over k, v [B,S,K,D]; queries are the last T of S positions."""
    times = q.shape[2] // k.shape[2]
    queries, keys, values = (
        q.transpose(1, 2).float(),
        k.repeat_interleave(times, 2).transpose(1, 2).float(),
        v.repeat_interleave(times, 2).transpose(1, 2).float(),
    )
    weights = queries @ keys.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    if cap:
        weights = cap * torch.tanh(weights / cap)
    count, length = weights.shape[-2:]
    at = torch.arange(count)[:, None] + (length - count)
    other = torch.arange(length)[None]
    hidden = torch.zeros(count, length, dtype=torch.bool)
    left, right = window
    if causal:
        right = 0
    if left is not None and left >= 0:
        hidden |= other < at - left
    if right is not None and right >= 0:
        hidden |= other > at + right
    out = weights.masked_fill(hidden, float("-inf")).softmax(-1) @ values
    return out.transpose(1, 2).to(q.dtype)


def flash_attn_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    **_: Any,
) -> Tensor:
    """As `flash_attn.flash_attn_func`: q [B,T,H,D], k and v [B,S,K,D] → [B,T,H,D]."""
    return _attend(q, k, v, causal=causal, window=window_size, scale=softmax_scale, cap=softcap)


def flash_attn_varlen_func(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor | None = None,
    max_seqlen_q: int | None = None,
    max_seqlen_k: int | None = None,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
    softcap: float = 0.0,
    **_: Any,
) -> Tensor:
    """As `flash_attn.flash_attn_varlen_func`: rows of all sequences one behind the other; a tail gets zeros."""
    ends_q = [int(x) for x in cu_seqlens_q]
    ends_k = ends_q if cu_seqlens_k is None else [int(x) for x in cu_seqlens_k]
    out, reached = [], 0
    bounds = zip(ends_q[:-1], ends_q[1:], ends_k[:-1], ends_k[1:], strict=True)
    for first, last, first_k, last_k in bounds:
        if last > first:
            part = _attend(
                q[None, first:last],
                k[None, first_k:last_k],
                v[None, first_k:last_k],
                causal=causal,
                window=window_size,
                scale=softmax_scale,
                cap=softcap,
            )
            out.append(part[0])
            reached = last
    if reached < q.shape[0]:
        out.append(torch.zeros_like(q[reached:]))
    return torch.cat(out)


def _qkvpacked(qkv: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    q, k, v = qkv.unbind(2)
    return flash_attn_func(q, k, v, *args, **kwargs)


MODULES = (
    "flash_attn_interface",
    "flash_attn",
    "flash_attn.flash_attn_interface",
    "flash_attn.cute",
    "flash_attn_3",
    "flash_attn_3.flash_attn_interface",
)
"""Names under which the packages of the field offer these functions."""


def install_attention() -> None:
    """Put the stand-ins under every name that scripts import, `kernels.get_kernel` included."""
    for name in MODULES:
        module = types.ModuleType(name)
        module.__dict__.update(
            flash_attn_func=flash_attn_func,
            flash_attn_varlen_func=flash_attn_varlen_func,
            flash_attn_qkvpacked_func=_qkvpacked,
            __version__="3.0.0",
            __path__=[],
        )
        module.__spec__ = types.SimpleNamespace(  # type: ignore[assignment]
            name=name, loader=None, origin=None, submodule_search_locations=[]
        )
        sys.modules[name] = module
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    kernels = types.ModuleType("kernels")
    kernels.__dict__["get_kernel"] = lambda *_, **__: sys.modules["flash_attn_interface"]
    sys.modules["kernels"] = kernels
