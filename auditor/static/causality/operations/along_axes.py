"""Sums, extremes, norms, running sums and sorting along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from auditor.static.causality import pointwise, reductions, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.elementwise import binary
from auditor.static.causality.operations.table import (
    OPERATIONS,
    cast_to,
    integer,
    integers,
    operation,
)
from auditor.static.causality.tensor import Tensor, axis_of
from auditor.static.causality.values import Named

SUMS: dict[str, tuple[Callable[..., Any] | None, str | None]] = {
    "sum": (np.sum, None),
    "nansum": (np.nansum, None),
    "mean": (np.mean, "f"),
    "nanmean": (None, "f"),
    "count_nonzero": (None, "i"),
    "norm": (None, "f"),
    "vector_norm": (None, "f"),
}
EXTREMES: dict[str, tuple[Callable[..., Any] | None, str | None]] = {
    "amax": (np.max, None),
    "amin": (np.min, None),
    "prod": (np.prod, None),
    "any": (np.any, "b"),
    "all": (np.all, "b"),
    "logsumexp": (None, "f"),
    "std": (None, "f"),
    "var": (None, "f"),
    "argmax": (None, "i"),
    "argmin": (None, "i"),
    "quantile": (None, "f"),
    "nanquantile": (None, "f"),
}


def _enter_reductions() -> None:
    for name, (exact, kind) in {**SUMS, **EXTREMES}.items():
        OPERATIONS[name] = lambda input, *args, _name=name, _exact=exact, _kind=kind, **more: _reduction(
            _name, _exact, _kind, input, args, more
        )


def _reduction(
    name: str, exact: Any, kind: str | None, input: Tensor, args: tuple[Any, ...], more: dict[str, Any]
) -> Tensor:
    rest = list(args)
    if name in ("norm", "vector_norm", "quantile", "nanquantile") and rest:
        rest.pop(0)  # which norm, or the share
    if name in ("std", "var") and rest and isinstance(rest[0], bool):
        rest.pop(0)
    axes = rest[0] if rest else more.get("dim")
    keep = bool(rest[1] if len(rest) > 1 and isinstance(rest[1], bool) else more.get("keepdim", False))
    out_kind = kind or ("i" if input.kind == "b" and name == "sum" else input.kind)
    if out_kind == "i" and input.kind == "b" and input.value is not None:
        input = cast_to(input, "i")
    return reductions.reduce(input, axes, keep=keep, kind=out_kind, exact=exact, additive=name in SUMS)


_enter_reductions()


@operation("max")
def maximum(
    input: Tensor, *args: object, dim: object = None, keepdim: bool = False, other: object = None
) -> Any:
    return _extreme("maximum", np.max, input, args, dim, keepdim, other)


@operation("min")
def minimum(
    input: Tensor, *args: object, dim: object = None, keepdim: bool = False, other: object = None
) -> Any:
    return _extreme("minimum", np.min, input, args, dim, keepdim, other)


def _extreme(
    name: str, exact: Any, input: Tensor, args: tuple[Any, ...], dim: object, keepdim: bool, other: object
) -> Any:
    if args and isinstance(args[0], Tensor) and args[0].rank and args[0].kind != "b":
        other = args[0]
    if other is not None:
        return binary(name, input, other)
    if args:
        dim = args[0]
        keepdim = bool(args[1]) if len(args) > 1 else keepdim
    if dim is None:
        return reductions.reduce(input, exact=exact)
    values = reductions.reduce(input, dim, keep=keepdim, exact=exact)
    return Named((values, reductions.reduce(input, dim, keep=keepdim, kind="i")))


@operation("median", "nanmedian", "mode")
def median(input: Tensor, dim: object = None, keepdim: bool = False) -> Any:
    if dim is None:
        return reductions.reduce(input)
    values = reductions.reduce(input, dim, keep=keepdim)
    return Named((values, reductions.reduce(input, dim, keep=keepdim, kind="i")))


@operation("softmax", "log_softmax", "softmin", "gumbel_softmax")
def softmax(input: Tensor, dim: object = -1, dtype: object = None, **_rest: object) -> Tensor:
    return reductions.mix(input, (integer(-1 if dim is None else dim),), softmax=True)


OPERATIONS["gumbel_softmax"] = lambda input, tau=1, hard=False, eps=1e-10, dim=-1: softmax(input, dim)


@operation("rms_norm", "layer_norm")
def norm_last(
    input: Tensor, normalized_shape: object, weight: object = None, bias: object = None, eps: object = None
) -> Tensor:
    sizes = (
        integers([normalized_shape])
        if isinstance(normalized_shape, list | tuple)
        else [integer(normalized_shape)]
    )
    if not sizes or tuple(sizes) != input.shape[-len(sizes) :]:
        raise NotFollowed(f"a norm over {tuple(sizes)} of a tensor of shape {input.shape}")
    out = reductions.mix(input, tuple(range(-len(sizes), 0)))
    extra = [t for t in (weight, bias) if isinstance(t, Tensor)]
    return pointwise.pointwise(out, *extra, kind="f") if extra else out


@operation("normalize")
def normalize(
    input: Tensor, p: object = 2.0, dim: object = 1, eps: object = 1e-12, out: object = None
) -> Tensor:
    return reductions.mix(input, reductions.axes_of(dim, input.rank))


@operation("var_mean", "std_mean")
def spread_and_mean(input: Tensor, *args: Any, **more: Any) -> tuple[Tensor, ...]:
    spread = _reduction("var", None, "f", input, args, more)
    return spread, spread.same_content()


@operation("fft", "ifft")
def fourier(input: Tensor, n: object = None, dim: object = -1, norm: object = None) -> Tensor:
    """Every frequency is made of all the places along the axis."""
    if n is not None:
        raise NotFollowed("a Fourier transform of another length")
    return reductions.mix(input, (integer(dim),))


@operation("group_norm", "instance_norm")
def group_norm(input: Tensor, *_args: object, **_rest: object) -> Tensor:
    return reductions.mix(input, tuple(range(1, input.rank)))


@operation("batch_norm")
def batch_norm(input: Tensor, *_args: object, training: object = False, **_rest: object) -> Tensor:
    if training is False:
        return pointwise.pointwise(input, kind="f")
    return reductions.mix(input, tuple(axis for axis in range(input.rank) if axis != 1))


@operation("cosine_similarity")
def cosine_similarity(x1: Tensor, x2: Tensor, dim: object = 1, eps: object = 1e-8) -> Tensor:
    return reductions.reduce(binary("mul", x1, x2), dim, additive=True, kind="f")


RUNNING: dict[str, Callable[..., Any] | None] = {
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "logcumsumexp": None,
}
for _name, _exact in RUNNING.items():
    OPERATIONS[_name] = lambda input, dim, dtype=None, _exact=_exact: reductions.running(
        input, dim, exact=_exact
    )


@operation("cummax", "cummin")
def cummax(input: Tensor, dim: object) -> Named:
    values = reductions.running(input, dim)
    if input.value is not None:
        values.lost = True
    return Named((values, cast_to(values.same_content(), "i")))


@operation("sort", "msort")
def sort(input: Tensor, dim: object = -1, descending: bool = False, stable: object = None) -> Named:
    return Named(reductions.ordered(input, dim, descending=bool(descending)))


@operation("argsort")
def argsort(input: Tensor, dim: object = -1, descending: bool = False, stable: object = None) -> Tensor:
    return reductions.ordered(input, dim, descending=bool(descending))[1]


@operation("topk")
def topk(input: Tensor, k: object, dim: object = -1, largest: bool = True, sorted: bool = True) -> Named:
    values, indices = reductions.ordered(input, dim, descending=bool(largest))
    count = integer(k)
    return Named((shaping.resized(values, dim, count), shaping.resized(indices, dim, count)))


@operation("kthvalue")
def kthvalue(input: Tensor, k: object, dim: object = -1, keepdim: bool = False) -> Named:
    values = reductions.reduce(input, dim, keep=keepdim)
    return Named((values, reductions.reduce(input, dim, keep=keepdim, kind="i")))


@operation("diff")
def diff(
    input: Tensor, n: object = 1, dim: object = -1, prepend: object = None, append: object = None
) -> Tensor:
    at = axis_of(dim, input.rank)
    parts = [p for p in (prepend, input, append) if isinstance(p, Tensor)]
    whole = shaping.cat(parts, at) if len(parts) > 1 else input
    length = whole.shape[at]
    return binary("sub", shaping.narrow(whole, at, 1, length - 1), shaping.narrow(whole, at, 0, length - 1))
