"""Kernels and layers of libraries whose behaviour is declared: which positions each may look at.

The table of names is of libraries' own alone. What a submission writes itself in Triton or CUDA is not taken at its
word: few kernels are known by the digest of their text, all others are not followed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.static.causality import shaping
from auditor.static.causality.attention import attend, causal_bounds, segment_bounds, window_bounds
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.table import operand
from auditor.static.causality.scores import softcapped
from auditor.static.causality.tensor import Tensor, constant, joined_flags
from auditor.static.causality.values import Class, Instance, Native, Unknown
from auditor.static.causality.walker import Walker

Kernel = Callable[[Walker, str, list[Any], dict[str, Any]], Any]


def find(name: str) -> Kernel | None:
    """The declared behaviour of a library's function or class."""
    last = name.rsplit(".", 1)[-1]
    root = name.split(".")[0]
    if last == "scaled_dot_product_attention" and root == "torch":
        return scaled_dot_product
    if last == "create_block_mask" and root == "torch":
        return block_mask
    if last == "flex_attention" and root == "torch":
        return flex
    if "flash_attn" in root or root in ("hopper", "kernels"):
        if "varlen" in last:
            return flash_varlen
        if last in ("flash_attn_func", "flash_attn_interface", "flash_attn"):
            return flash
    if root in ("fla", "mamba_ssm", "causal_conv1d", "xlstm"):
        return recurrent_layer if last[:1].isupper() else recurrent_function
    return None


def _named(args: list[Any], keywords: dict[str, Any], names: str) -> dict[str, Any]:
    order = names.split()
    return {**dict(zip(order, args, strict=False)), **keywords}


def scaled_dot_product(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`F.scaled_dot_product_attention`; its triangle starts at the top left."""
    given = _named(args, keywords, "query key value attn_mask dropout_p is_causal scale enable_gqa")
    query, key, value = (operand(given[n]) for n in ("query", "key", "value"))
    mask = given.get("attn_mask")
    high = None
    if it.truth(given.get("is_causal", False)):
        high = causal_bounds(query.shape[-2], key.shape[-2], bottom_right=False)
    return attend(query, key, value, high=high, mask=None if mask is None else operand(mask))


def _window(given: dict[str, Any]) -> tuple[int, int]:
    window = given.get("window_size")
    if window is None:
        return -1, -1
    if not isinstance(window, tuple | list) or len(window) != 2:
        raise NotFollowed("a window of attention that is not known")
    sizes = [size if size is not None else -1 for size in window]
    if not all(isinstance(size, int) for size in sizes):
        raise NotFollowed("a window of attention that is not known")
    return sizes[0], sizes[1]


def flash(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`flash_attn_func` over (batch, time, heads, features); its triangle ends at the bottom right."""
    given = _named(args, keywords, "q k v")
    if len(args) > 3:
        raise NotFollowed(f"{name} with more than three arguments by position")
    query, key, value = (shaping.permute(operand(given[n]), (0, 2, 1, 3)) for n in "qkv")
    queries, keys = query.shape[-2], key.shape[-2]
    low, high = window_bounds(queries, keys, *_window(given))
    if it.truth(given.get("causal", False)):
        high = np.minimum(high, causal_bounds(queries, keys, bottom_right=True))
    out = shaping.permute(attend(query, key, value, low=low, high=high), (0, 2, 1, 3))
    if given.get("return_attn_probs") or given.get("return_softmax_lse"):
        return out, it.unknown("sums of attention")
    return out


def flash_varlen(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`flash_attn_varlen_func` over (time, heads, features), documents packed by cumulative lengths."""
    given = _named(args, keywords, "q k v cu_seqlens_q cu_seqlens_k max_seqlen_q max_seqlen_k")
    query, key, value = (shaping.permute(operand(given[n]), (1, 0, 2)) for n in "qkv")
    length = query.shape[-2]
    if key.shape[-2] != length:
        raise NotFollowed("packed attention with other keys than queries")
    low, high = window_bounds(length, length, *_window(given))
    if it.truth(given.get("causal", False)):
        high = np.minimum(high, np.arange(length) + 1)
    borders = given.get("cu_seqlens_q")
    if isinstance(borders, Tensor) and borders.value is not None:
        first, last = segment_bounds(borders.value.astype(np.int64), length)
        low, high = np.maximum(low, first), np.minimum(high, last)
    return shaping.permute(attend(query, key, value, low=low, high=high), (1, 0, 2))


def block_mask(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`create_block_mask`: the script's function asked about all pairs of places."""
    given = _named(args, keywords, "mask_mod B H Q_LEN KV_LEN device")
    queries, keys = given["Q_LEN"], given["KV_LEN"]
    if not isinstance(queries, int) or not isinstance(keys, int):
        raise NotFollowed("a block mask of a length that is not known")
    zero = constant(np.zeros((1, 1), np.int64))
    rows, columns = constant(np.arange(queries)[:, None]), constant(np.arange(keys)[None])
    return {"block mask": it.call(given["mask_mod"], [zero, zero, rows, columns], {})}


def flex(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`flex_attention` with a block mask."""
    given = _named(args, keywords, "query key value score_mod block_mask scale enable_gqa")
    if given.get("score_mod") is not None:
        raise NotFollowed("flex_attention with a score_mod")
    mask = given.get("block_mask")
    if mask is not None and not (isinstance(mask, dict) and "block mask" in mask):
        raise NotFollowed("flex_attention with a mask that is not known")
    query, key, value = (operand(given[n]) for n in ("query", "key", "value"))
    return attend(query, key, value, mask=None if mask is None else operand(mask["block mask"]))


def _causal_scan(tensors: list[Tensor], out: Tensor, time: int) -> Tensor:
    """Each step of `out` depends on all of the tensors up to it; they share batch (axis 0) and time."""
    pos = None
    for tensor in tensors:
        at = time if tensor.rank > time else tensor.rank - 1
        rest = tuple(axis + 1 for axis in range(tensor.rank) if axis not in (0, at))
        own = tensor.pos.max(axis=rest) if rest else tensor.pos
        pos = own if pos is None else np.maximum(pos, own)
    assert pos is not None
    if pos.shape[2] > 1:
        pos = np.maximum.accumulate(pos, axis=2)
    shape = [pos.shape[0], pos.shape[1], *([1] * (out.rank - 1))]
    shape[time + 1] = pos.shape[2]
    return Tensor(out.shape, pos.reshape(shape), **joined_flags(tensors))


def _is_the_librarys(value: Any) -> bool:
    """Whether an attribute of a library's layer is none that the script made: its own parts, plain values, weights."""
    if isinstance(value, Tensor):
        return not value.depends
    if isinstance(value, Unknown):
        return value.pos is None
    return isinstance(value, Native | bool | int | float | str | type(None))


def recurrent_layer(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A layer of these libraries: a causal scan over (batch, time, features)."""
    last = name.rsplit(".", 1)[-1]
    part = Native(lambda attribute: it.unknown(f"{attribute} of a {last}"), f"an attribute of {last}")
    layer = Instance(Class(last, [it.base.names["Module"]], {"__getattr__": part}))
    tuples = name.startswith("fla.")

    def forward(features: Any, *_args: Any, **_more: Any) -> Any:
        own = next((key for key, value in layer.attributes.items() if not _is_the_librarys(value)), None)
        if own is not None:
            raise NotFollowed(f"a {last} whose {own} is the script's own")
        given = operand(features)
        out = _causal_scan([given], given, 1)
        return (out, None, None) if tuples else out

    layer.attributes["forward"] = Native(forward, name)
    layer.attributes["weight"] = it.unknown(f"the weights of {name}")
    return layer


def recurrent_function(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """A scan of these libraries; times are axis 1, those of the package causal_conv1d the last."""
    last = name.rsplit(".", 1)[-1]
    tensors = [v for v in (*args, *keywords.values()) if isinstance(v, Tensor) and v.rank >= 3]
    if not tensors or not last.startswith(
        ("chunk_", "fused_recurrent_", "causal_conv1d", "mamba", "selective_scan")
    ):
        raise NotFollowed(f"a call of {name}")
    if last.startswith("causal_conv1d"):
        time = 2 if name.startswith("causal_conv1d") else 1
        out = _causal_scan([tensors[0]], tensors[0], time)
        return out if time == 2 else (out, None)
    if last.startswith("selective_scan"):
        return _causal_scan(tensors, tensors[0], 2)
    if keywords.get("head_first") not in (None, False):
        raise NotFollowed(f"{name} with heads first")
    value = args[2] if len(args) > 2 else keywords.get("v", tensors[0])
    return _causal_scan(tensors, operand(value), 1), None


# -- kernels of submissions, known by their text


def _fused_cross_entropy(it: Walker, args: list[Any]) -> None:
    """Losses of soft-capped logits and the logarithms of their sums, row by row: written into the second and third."""
    logits, losses, sums, targets = (operand(argument) for argument in args[:4])
    result, lse = softcapped(it, logits, targets)
    losses.assign(result)
    losses.role = result.role
    sums.assign(lse)


WRITTEN: dict[str, Callable[[Walker, list[Any]], None]] = {
    "d2b25a5f5bbcca3d": _fused_cross_entropy,
}
"""Kernels that were read by a person, by `statements.fingerprint`; any other text is another kernel."""


def call_written(it: Walker, name: str, args: list[Any]) -> None:
    """Run a kernel of the submission, where its text is known.

    Raises:
        NotFollowed: it is not.
    """
    behaviour = WRITTEN.get(it.fingerprints.get(name, ""))
    if behaviour is None or len(args) < 4:
        raise NotFollowed(name)
    it.foreign.add(name)
    behaviour(it, args)
