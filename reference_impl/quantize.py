"""Quantisation of weights: which tensor gets how many levels, and the way there and back.

A scheme names the levels per kind of tensor. "int8" is the baseline's, bit for bit: matrices per row,
clipped at the 99.99984 % quantile, 255 levels, the row's scale floored at 1/127 (so rows that stay below 1
use fewer levels and compress better). "int6" and "int5" follow the first mixed-precision records: attention
and MLP matrices in a few levels without that floor, the embedding in int8. Small tensors stay float16,
control tensors float32.

No compression and no files here: see `artifact`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CLIP_QUANTILE = 0.9999984
CONTROL_NAMES = ("attn_scale", "mlp_scale", "resid_mix", "q_gain", "skip_weights")


@dataclass(frozen=True)
class Scheme:
    """How a model is stored: largest integer per kind of tensor, what stays float, and the compressor."""

    label: str  # as it stands in log lines, e.g. "int8+zlib"
    attention_max: int
    mlp_max: int
    embedding_max: int
    scale_floor: float
    codec: str
    keep_numel: int = 65536  # tensors of at most this many elements stay float16

    def largest(self, name: str) -> int:
        """Return the largest integer for the tensor called `name`."""
        if "tok_emb" in name:
            return self.embedding_max
        return self.mlp_max if ".mlp." in name else self.attention_max


SCHEMES = {
    "int8": Scheme("int8+zlib", 127, 127, 127, 1 / 127, "zlib"),
    "int6": Scheme("int6+zstd", 31, 31, 127, 1e-12, "zstd"),
    "int5": Scheme("int5+zstd", 31, 15, 127, 1e-12, "zstd"),
}


@dataclass(frozen=True)
class Stored:
    """A tensor as it is stored: integers with a float16 scale per row, or plain floats without one."""

    values: Tensor
    row_scale: Tensor | None


def quantize_rows(weight_PQ: Tensor, largest: int, scale_floor: float) -> tuple[Tensor, Tensor]:
    """Return int8 values in -largest..largest and one float16 scale per row.

    The error of an unclipped weight is at most half a step of the float32 scale, plus the scale's own
    rounding to float16 (a relative 2^-11 of the weight).
    """
    weight_PQ = weight_PQ.float()
    limit_P = torch.quantile(weight_PQ.abs(), CLIP_QUANTILE, dim=1)
    clipped_PQ = torch.maximum(torch.minimum(weight_PQ, limit_P[:, None]), -limit_P[:, None])
    scale_P = (limit_P / largest).clamp_min(scale_floor)
    values_PQ = torch.clamp(torch.round(clipped_PQ / scale_P[:, None]), -largest, largest).to(torch.int8)
    return values_PQ, scale_P.to(torch.float16)


def quantize_state(state: dict[str, Tensor], scheme: Scheme) -> dict[str, Stored]:
    """Quantise a state dict tensor by tensor: matrices above the size limit in integers, others in floats."""
    stored: dict[str, Stored] = {}
    for name, tensor in state.items():
        weight = tensor.detach().cpu()
        if any(part in name for part in CONTROL_NAMES):
            stored[name] = Stored(weight.float(), None)
        elif weight.ndim != 2 or weight.numel() <= scheme.keep_numel:
            stored[name] = Stored(weight.to(torch.float16), None)
        else:
            stored[name] = Stored(*quantize_rows(weight, scheme.largest(name), scheme.scale_floor))
    return stored


def dequantize_state(stored: dict[str, Stored]) -> dict[str, Tensor]:
    """Return the float32 state dict that a stored model stands for."""
    state: dict[str, Tensor] = {}
    for name, tensor in stored.items():
        if tensor.row_scale is None:
            state[name] = tensor.values.float()
        else:
            state[name] = tensor.values.float() * tensor.row_scale.float()[:, None]
    return state
