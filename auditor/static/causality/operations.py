"""The operations of tensors by name: `torch.f(x, …)`, `F.f(x, …)` and `x.f(…)` are one table.

A function here takes what the library's does, under the same names. What it does not take, or takes in a form that is
not followed, makes the outcome unknown by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auditor.static.causality import contraction, indexing, pointwise, reductions, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.tensor import (
    Array,
    Tensor,
    axis_of,
    constant,
    filled,
    joined_flags,
)
from auditor.static.causality.values import Library, Named, Unknown

Operation = Callable[..., Any]

OPERATIONS: dict[str, Operation] = {}
"""By name, without `torch.` and without the underscore of those that work in place."""

VIEWS = frozenset(
    "view reshape flatten unflatten transpose swapaxes permute movedim t squeeze unsqueeze narrow select chunk split "
    "tensor_split split_with_sizes unbind expand expand_as view_as detach contiguous diagonal".split()
)
"""Operations whose result may share the memory of its operand."""


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Enter a function into the table."""

    def enter(function: Operation) -> Operation:
        for name in names:
            OPERATIONS[name] = function
        return function

    return enter


# -- what arguments say


def integer(value: object) -> int:
    """A size, an axis or a shift.

    Raises:
        NotFollowed: it is not known.
    """
    if isinstance(value, Tensor) and value.value is not None and value.size == 1:
        value = value.value.reshape(()).item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Unknown):
        raise NotFollowed(f"a size that is not known: {value.reason}")
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise NotFollowed("a size that is not known")
    return int(value)


def integers(values: Sequence[object]) -> list[int]:
    """Sizes, given one by one or as one sequence."""
    if len(values) == 1 and isinstance(values[0], list | tuple):
        values = values[0]
    return [integer(value) for value in values]


def operand(value: object) -> Tensor:
    """A tensor, a number, or a number that is not known.

    Raises:
        NotFollowed: it is none of these.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, Unknown):
        pos = None if value.pos is None else value.pos
        return Tensor((), pos, learned=True)
    if isinstance(value, bool | int | float):
        return constant(value)
    if isinstance(value, list | tuple) and all(isinstance(v, bool | int | float) for v in value):
        return constant(np.asarray(value))
    raise NotFollowed(f"an operand that is no tensor ({type(value).__name__})")


def kind_of_dtype(dtype: object) -> str | None:
    """ "f", "i" or "b" of a dtype, or None if it is none."""
    if not isinstance(dtype, Library):
        return None
    name = dtype.name.rsplit(".", 1)[-1]
    if name == "bool":
        return "b"
    if name.startswith(("int", "uint", "long", "short")):
        return "i"
    if name.startswith(("float", "bfloat", "half", "double", "complex", "cfloat")):
        return "f"
    return None


def cast_to(tensor: Tensor, kind: str | None) -> Tensor:
    """The tensor in another kind of number."""
    return tensor if kind is None or kind == tensor.kind else tensor.same_content(kind=kind)


def common_kind(*operands: Tensor) -> str:
    """The kind that arithmetic gives."""
    kinds = {t.kind for t in operands}
    return "f" if "f" in kinds else "i" if "i" in kinds else "b"


# -- element by element

BINARY: dict[str, tuple[Callable[..., Array], str]] = {
    "add": (np.add, "sum"),
    "sub": (np.subtract, ""),
    "subtract": (np.subtract, ""),
    "rsub": (lambda a, b: b - a, ""),
    "mul": (np.multiply, "product"),
    "multiply": (np.multiply, "product"),
    "div": (np.true_divide, "quotient"),
    "divide": (np.true_divide, "quotient"),
    "true_divide": (np.true_divide, "quotient"),
    "floor_divide": (np.floor_divide, ""),
    "remainder": (np.remainder, ""),
    "fmod": (np.fmod, ""),
    "pow": (np.power, ""),
    "maximum": (np.maximum, ""),
    "minimum": (np.minimum, ""),
    "fmax": (np.fmax, ""),
    "fmin": (np.fmin, ""),
    "atan2": (np.arctan2, ""),
    "logaddexp": (np.logaddexp, ""),
    "hypot": (np.hypot, ""),
    "bitwise_and": (np.bitwise_and, "product"),
    "bitwise_or": (np.bitwise_or, ""),
    "bitwise_xor": (np.bitwise_xor, ""),
    "bitwise_left_shift": (np.left_shift, ""),
    "bitwise_right_shift": (np.right_shift, ""),
    "logical_and": (np.logical_and, "product"),
    "logical_or": (np.logical_or, ""),
    "logical_xor": (np.logical_xor, ""),
    "eq": (np.equal, ""),
    "ne": (np.not_equal, ""),
    "lt": (np.less, ""),
    "le": (np.less_equal, ""),
    "gt": (np.greater, ""),
    "ge": (np.greater_equal, ""),
    "less": (np.less, ""),
    "greater": (np.greater, ""),
    "greater_equal": (np.greater_equal, ""),
    "less_equal": (np.less_equal, ""),
    "xlogy": (lambda a, b: a * np.log(b), "product"),
}
TRUTHS = frozenset(
    "logical_and logical_or logical_xor logical_not eq ne lt le gt ge less greater greater_equal less_equal isnan "
    "isinf isfinite isclose signbit".split()
)
DIVISIONS = frozenset(["div", "divide", "true_divide"])


def binary(name: str, left: object, right: object) -> Tensor:
    """An operation of two operands on each element."""
    exact, rule = BINARY[name]
    a, b = operand(left), operand(right)
    if name in ("sub", "subtract") and b.value is None and (b.code is None or not (b.code == 2).any()):
        rule = "sum"
    kind = "b" if name in TRUTHS else "f" if name in DIVISIONS else common_kind(a, b)
    if name in ("bitwise_and", "bitwise_or", "bitwise_xor", "mul", "add") and a.kind == b.kind == "b":
        kind = "b"
    if name == "pow" and a.kind == "i" and b.value is not None and (b.value < 0).any():
        kind = "f"
        a = cast_to(a, "f")
    return pointwise.pointwise(a, b, kind=kind, rule=rule, exact=exact)


UNARY: dict[str, Callable[..., Array] | None] = dict.fromkeys(
    "log1p rsqrt sigmoid gelu silu erf expm1 softplus elu selu mish hardswish hardsigmoid leaky_relu logsigmoid "
    "erfinv celu frac angle tan asin acos atan sinh cosh asinh acosh atanh digamma lgamma polygamma softsign "
    "tanhshrink relu6 hardtanh threshold rrelu prelu sin cos logit deg2rad rad2deg nan_to_num i0 special_i0".split()
) | {
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "reciprocal": np.reciprocal,
    "logical_not": np.logical_not,
    "bitwise_not": np.invert,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
}
ZERO_KEEPING: dict[str, Callable[..., Array] | None] = {
    "abs": np.abs,
    "absolute": np.abs,
    "neg": np.negative,
    "negative": np.negative,
    "positive": np.positive,
    "square": np.square,
    "sign": np.sign,
    "sgn": np.sign,
    "sqrt": np.sqrt,
    "round": np.round,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "fix": np.trunc,
    "relu": lambda a: np.maximum(a, 0),
    "tanh": None,
}
SMOOTH_SIZES = 64
"""Constants of more elements are not kept exactly by these functions: nobody makes a mask of them."""


def unary(name: str, tensor: Tensor) -> Tensor:
    """A function of each element."""
    kind = "b" if name in TRUTHS else tensor.kind
    if name == "bitwise_not" and tensor.kind == "i":
        kind = "i"
    if name in ZERO_KEEPING:
        return pointwise.keeping_zero(tensor, exact=ZERO_KEEPING[name])
    exact = UNARY[name]
    if exact is not None and name not in TRUTHS and name != "bitwise_not":
        kind = "f"
        tensor = cast_to(tensor, "f")
    return pointwise.pointwise(tensor, kind=kind if exact is not None else "f", exact=exact)


def _enter_pointwise() -> None:
    for name in BINARY:
        OPERATIONS[name] = lambda input, other, *_, _name=name, alpha=1, rounding_mode=None: _scaled(
            _name, input, other, alpha, rounding_mode
        )
    for name in (*UNARY, *ZERO_KEEPING):
        OPERATIONS[name] = lambda input, *_rest, _name=name, **_more: _unary_with_operands(
            _name, input, _rest
        )


def _scaled(name: str, left: object, right: object, alpha: object, rounding: object) -> Tensor:
    if alpha != 1:
        right = binary("mul", right, alpha)
    if rounding == "floor" or rounding == "trunc":
        out = binary("floor_divide", left, right)
        return out
    return binary(name, left, right)


def _unary_with_operands(name: str, tensor: object, rest: tuple[object, ...]) -> Tensor:
    out = unary(name, operand(tensor))
    for extra in rest:
        if isinstance(extra, Tensor):
            out = pointwise.pointwise(out, extra, kind=out.kind)
    return out


_enter_pointwise()


@operation("clamp", "clip", "clamp_min", "clamp_max")
def clamp(input: Tensor, min: object = None, max: object = None) -> Tensor:
    bounds = [bound for bound in (min, max) if bound is not None]
    numbers = [b for b in bounds if isinstance(b, int | float)]
    if len(numbers) == len(bounds):
        low = min if isinstance(min, int | float) else None
        high = max if isinstance(max, int | float) else None
        return pointwise.pointwise(input, kind=input.kind, exact=lambda v: np.clip(v, low, high))
    return pointwise.pointwise(input, *(operand(b) for b in bounds), kind=input.kind)


OPERATIONS["clamp_max"] = lambda input, max: clamp(input, None, max)


@operation("where")
def where(condition: Tensor, input: object = None, other: object = None) -> Tensor:
    if input is None:
        raise NotFollowed("where with a condition alone: its length depends on data")
    return pointwise.where(operand(condition), operand(input), operand(other))


@operation("masked_fill")
def masked_fill(input: Tensor, mask: object, value: object) -> Tensor:
    fill = operand(value)
    return cast_to(pointwise.where(operand(mask), cast_to(fill, input.kind), input), input.kind)


@operation("lerp", "addcmul", "addcdiv")
def blend(
    input: Tensor, *others: object, value: object = 1, end: object = None, weight: object = None
) -> Tensor:
    rest = [operand(o) for o in (*others, end, weight) if o is not None]
    return pointwise.pointwise(input, *rest, kind="f")


@operation("dropout", "alpha_dropout", "feature_alpha_dropout", "dropout1d", "dropout2d")
def dropout(input: Tensor, p: object = 0.5, training: object = True, inplace: bool = False) -> Tensor:
    return pointwise.keeping_zero(input)


@operation("glu")
def glu(input: Tensor, dim: object = -1) -> Tensor:
    left, right = chunk(input, 2, dim)
    return pointwise.pointwise(left, right, kind="f", rule="product")


# -- kinds of numbers


@operation("to", "type", "_to_copy")
def to(input: Tensor, *args: object, dtype: object = None, device: object = None, **_rest: object) -> Tensor:
    kind = kind_of_dtype(dtype)
    for arg in args:
        kind = kind or (arg.kind if isinstance(arg, Tensor) else kind_of_dtype(arg))
    return cast_to(input, kind)


@operation("type_as")
def type_as(input: Tensor, other: Tensor) -> Tensor:
    return cast_to(input, other.kind)


for _name in ("float", "half", "bfloat16", "double"):
    OPERATIONS[_name] = lambda input, *_: cast_to(input, "f")
for _name in ("long", "int", "short", "byte", "char", "int8", "uint8", "int32"):
    OPERATIONS[_name] = lambda input, *_: cast_to(input, "i")
OPERATIONS["bool"] = lambda input: cast_to(input, "b")


def _same(input: Tensor, *_args: object, **_rest: object) -> Tensor:
    return input


for _name in (
    "contiguous detach cpu cuda pin_memory requires_grad_ retain_grad data coalesce conj real resolve_conj "
    "resolve_neg detach_ share_memory_ to_dense".split()
):
    OPERATIONS[_name] = _same


@operation("clone")
def clone(input: Tensor, **_rest: object) -> Tensor:
    return input.same_content()


# -- shapes


@operation("view", "reshape")
def reshape(input: Tensor, *shape: object, size: object = None, dtype: object = None) -> Tensor:
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], Library)):
        kind = kind_of_dtype(dtype if dtype is not None else shape[0])
        out = input.same_content()
        out.kind, out.value = kind or out.kind, None
        out.lost = not out.learned
        return out
    return shaping.reshape(input, integers(shape if size is None else [size]))


@operation("view_as", "reshape_as")
def view_as(input: Tensor, other: Tensor) -> Tensor:
    return shaping.reshape(input, other.shape)


@operation("flatten", "ravel")
def flatten(input: Tensor, start_dim: object = 0, end_dim: object = -1) -> Tensor:
    first, last = axis_of(start_dim, input.rank), axis_of(end_dim, input.rank)
    middle = int(np.prod(input.shape[first : last + 1], dtype=np.int64))
    return shaping.reshape(input, (*input.shape[:first], middle, *input.shape[last + 1 :]))


@operation("unflatten")
def unflatten(input: Tensor, dim: object, sizes: Sequence[object]) -> Tensor:
    at = axis_of(dim, input.rank)
    parts = shaping.resolved_shape(input.shape[at], integers([sizes]))
    return shaping.reshape(input, (*input.shape[:at], *parts, *input.shape[at + 1 :]))


@operation("transpose", "swapaxes", "swapdims")
def transpose(input: Tensor, dim0: object, dim1: object) -> Tensor:
    return shaping.swap(input, integer(dim0), integer(dim1))


@operation("permute")
def permute(input: Tensor, *axes: object, dims: object = None) -> Tensor:
    return shaping.permute(input, integers(axes if dims is None else [dims]))


@operation("movedim", "moveaxis")
def movedim(input: Tensor, source: object, destination: object) -> Tensor:
    at, to_place = axis_of(source, input.rank), axis_of(destination, input.rank)
    order = [axis for axis in range(input.rank) if axis != at]
    order.insert(to_place, at)
    return shaping.permute(input, order)


@operation("t", "mT", "T", "adjoint", "H")
def transposed(input: Tensor) -> Tensor:
    return shaping.swap(input, -1, -2) if input.rank >= 2 else input


@operation("unsqueeze")
def unsqueeze(input: Tensor, dim: object) -> Tensor:
    return shaping.unsqueeze(input, integer(dim))


@operation("squeeze")
def squeeze(input: Tensor, dim: object = None) -> Tensor:
    along = reductions.axes_of(dim, input.rank)
    return shaping.reshape(input, [s for axis, s in enumerate(input.shape) if not (axis in along and s == 1)])


@operation("expand", "broadcast_to")
def expand(input: Tensor, *sizes: object, size: object = None) -> Tensor:
    return shaping.expand(input, integers(sizes if size is None else [size]))


@operation("expand_as")
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    return shaping.expand(input, other.shape)


@operation("repeat", "tile")
def repeat(input: Tensor, *times: object, dims: object = None) -> Tensor:
    return shaping.repeat(input, integers(times if dims is None else [dims]))


@operation("repeat_interleave")
def repeat_interleave(
    input: Tensor, repeats: object, dim: object = None, output_size: object = None
) -> Tensor:
    if dim is None:
        input, dim = shaping.reshape(input, [-1]), 0
    if isinstance(repeats, Tensor) and repeats.value is not None and repeats.rank == 1:
        places = np.repeat(np.arange(input.shape[axis_of(dim, input.rank)]), repeats.value)
        return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), constant(places)))
    return shaping.repeat_interleave(input, integer(repeats), integer(dim))


@operation("cat", "concat", "concatenate", "hstack")
def cat(tensors: Sequence[Tensor], dim: object = 0) -> Tensor:
    return shaping.cat([operand(t) for t in tensors], integer(dim))


@operation("stack")
def stack(tensors: Sequence[Tensor], dim: object = 0) -> Tensor:
    return shaping.stack([operand(t) for t in tensors], integer(dim))


@operation("chunk")
def chunk(input: Tensor, chunks: object, dim: object = 0) -> tuple[Tensor, ...]:
    size = -(-input.shape[axis_of(dim, input.rank)] // integer(chunks))
    parts: tuple[Tensor, ...] = split(input, max(size, 1), dim)
    return parts


@operation("split", "split_with_sizes")
def split(
    input: Tensor, split_size_or_sections: object, dim: object = 0, **more: object
) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    length = input.shape[at]
    if isinstance(split_size_or_sections, list | tuple):
        sizes = integers([split_size_or_sections])
    else:
        size = integer(split_size_or_sections)
        if size <= 0:
            raise NotFollowed("a split into parts of no length")
        sizes = [min(size, length - start) for start in range(0, length, size)]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return tuple(shaping.narrow(input, at, start, size) for start, size in zip(starts, sizes, strict=True))


@operation("tensor_split")
def tensor_split(input: Tensor, indices_or_sections: object, dim: object = 0) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    parts = np.array_split(np.arange(input.shape[at]), integer(indices_or_sections))
    start, out = 0, []
    for part in parts:
        out.append(shaping.narrow(input, at, start, len(part)))
        start += len(part)
    return tuple(out)


@operation("unbind")
def unbind(input: Tensor, dim: object = 0) -> tuple[Tensor, ...]:
    at = axis_of(dim, input.rank)
    return tuple(select(input, at, number) for number in range(input.shape[at]))


@operation("narrow")
def narrow(input: Tensor, dim: object, start: object, length: object) -> Tensor:
    return shaping.narrow(input, integer(dim), integer(start), integer(length))


@operation("select")
def select(input: Tensor, dim: object, index: object) -> Tensor:
    return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), integer(index)))


@operation("flip", "fliplr")
def flip(input: Tensor, *axes: object, dims: object = None) -> Tensor:
    return shaping.flip(input, integers(axes if dims is None else [dims]))


@operation("roll")
def roll(input: Tensor, shifts: object, dims: object = None) -> Tensor:
    if dims is None:
        return shaping.reshape(shaping.roll(shaping.reshape(input, [-1]), integer(shifts), 0), input.shape)
    moves = integers([shifts]) if isinstance(shifts, list | tuple) else [integer(shifts)]
    axes = integers([dims]) if isinstance(dims, list | tuple) else [integer(dims)]
    out = input
    for shift, axis in zip(moves, axes, strict=True):
        out = shaping.roll(out, shift, axis)
    return out


@operation("pad")
def pad(input: Tensor, pad: Sequence[object], mode: object = "constant", value: object = 0) -> Tensor:
    if mode != "constant":
        raise NotFollowed(f"padding of mode {mode!r}")
    if value is None:
        value = 0
    if not isinstance(value, int | float):
        raise NotFollowed("padding with a value that is not known")
    return shaping.pad(input, integers([pad]), value)


@operation("tril")
def tril(input: Tensor, diagonal: object = 0) -> Tensor:
    return shaping.triangle(input, integer(diagonal), lower=True)


@operation("triu")
def triu(input: Tensor, diagonal: object = 0) -> Tensor:
    return shaping.triangle(input, integer(diagonal), lower=False)


@operation("unfold")
def unfold(input: Tensor, dimension: object, size: object, step: object) -> Tensor:
    return shaping.windows(input, integer(dimension), integer(size), integer(step))


@operation("diagonal", "diag")
def diagonal(input: Tensor, offset: object = 0, dim1: object = 0, dim2: object = 1) -> Tensor:
    if input.rank == 1:
        return pointwise.pointwise(
            shaping.unsqueeze(input, 1), constant(np.eye(input.shape[0])), kind=input.kind, rule="product"
        )
    a, b = axis_of(dim1, input.rank), axis_of(dim2, input.rank)
    length = max(min(input.shape[a], input.shape[b] - integer(offset)), 0)
    order = [axis for axis in range(input.rank) if axis not in (a, b)] + [a, b]
    moved = shaping.permute(input, order)
    rows = np.arange(length)
    return indexing.get(moved, (Ellipsis, constant(rows), constant(rows + integer(offset))))


# -- along axes

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


# -- products


@operation("matmul", "mm", "bmm", "mv", "dot", "inner", "__matmul__")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    return contraction.matmul(operand(input), operand(other))


@operation("addmm", "baddbmm", "addmv", "addbmm")
def addmm(input: Tensor, left: Tensor, right: Tensor, beta: object = 1, alpha: object = 1) -> Tensor:
    return pointwise.pointwise(input, contraction.matmul(left, right), kind="f", rule="sum")


@operation("einsum")
def einsum(equation: object, *operands: Any) -> Tensor:
    if not isinstance(equation, str):
        raise NotFollowed("einsum without an equation")
    given = operands[0] if len(operands) == 1 and isinstance(operands[0], list | tuple) else operands
    return contraction.einsum(equation, *(operand(t) for t in given))


@operation("outer", "ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    return binary("mul", shaping.unsqueeze(input, 1), shaping.unsqueeze(vec2, 0))


@operation("linear")
def linear(input: Tensor, weight: object, bias: object = None) -> Tensor:
    return contraction.linear(operand(input), operand(weight), None if bias is None else operand(bias))


@operation("bilinear")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: object = None) -> Tensor:
    both = pointwise.pointwise(
        reductions.reduce(input1, -1, keep=True), reductions.reduce(input2, -1, keep=True), kind="f"
    )
    return shaping.expand(both, (*both.shape[:-1], weight.shape[0]))


@operation("conv1d")
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Any = None,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
    groups: object = 1,
) -> Tensor:
    edges = padding if isinstance(padding, str) else _single(padding)
    return contraction.convolve(
        input, weight, bias, _single(stride), edges, _single(dilation), integer(groups)
    )


def _single(value: object) -> int:
    """A size, alone or in a tuple of one."""
    return integer(value[0] if isinstance(value, list | tuple) else value)


@operation("svd", "svd_lowrank")
def svd(input: Tensor, *_args: object, full_matrices: object = True, **_rest: object) -> tuple[Tensor, ...]:
    rows, columns = input.shape[-2:]
    inner = min(rows, columns)
    wide = full_matrices is True
    shapes = ((rows, rows if wide else inner), (inner,), (columns if wide else inner, columns))
    return tuple(_mixed_whole(input, (*input.shape[:-2], *shape)) for shape in shapes)


@operation("qr", "eigh")
def qr(input: Tensor, *_args: object, **_rest: object) -> tuple[Tensor, ...]:
    rows, columns = input.shape[-2:]
    inner = min(rows, columns)
    return tuple(
        _mixed_whole(input, (*input.shape[:-2], *shape)) for shape in ((rows, inner), (inner, columns))
    )


@operation("pinv", "inv", "inverse", "matrix_exp", "cholesky", "cholesky_inverse")
def inverse(input: Tensor, *_args: object, **_rest: object) -> Tensor:
    return _mixed_whole(input, input.shape)


def _mixed_whole(input: Tensor, shape: Sequence[int]) -> Tensor:
    """A result of which every element is made of all the elements of a matrix."""
    pos = input.pos.max(axis=(-2, -1), keepdims=True)
    pos = pos if len(shape) == input.rank else pos[..., 0]
    return Tensor(shape, pos, **joined_flags((input,)))


# -- by index


@operation("embedding")
def embedding(input: Tensor, weight: Tensor, *_args: object, **_rest: object) -> Tensor:
    return indexing.get(weight, (cast_to(input, "i"),))


@operation("gather", "take_along_dim")
def gather(input: Tensor, dim: object, index: object, **_rest: object) -> Tensor:
    if isinstance(dim, Tensor):
        dim, index = index, dim
    return indexing.gather(input, dim, operand(index))


@operation("index_select")
def index_select(input: Tensor, dim: object, index: Tensor) -> Tensor:
    return indexing.get(input, (*(slice(None),) * axis_of(dim, input.rank), index))


@operation("scatter", "scatter_add", "scatter_reduce")
def scatter(
    input: Tensor, dim: object, index: Tensor, src: object = None, *_args: object, **more: object
) -> Tensor:
    source = src if src is not None else more.get("value", 0)
    return indexing.scatter(input, dim, operand(index), operand(source))


@operation("index_add", "index_copy", "index_fill", "index_reduce")
def index_add(
    input: Tensor, dim: object, index: Tensor, source: object = None, *_args: object, **_r: object
) -> Tensor:
    return indexing.index_fill(input, dim, index, source if isinstance(source, Tensor) else None)


@operation("index_put")
def index_put(input: Tensor, indices: Sequence[Tensor], values: object, accumulate: bool = False) -> Tensor:
    return indexing.put(input, tuple(indices), operand(values))


@operation("one_hot")
def one_hot(input: Tensor, num_classes: object = -1) -> Tensor:
    classes = integer(num_classes)
    if classes < 0:
        raise NotFollowed("one_hot without a number of classes")
    return binary("eq", shaping.unsqueeze(input, -1), constant(np.arange(classes))).same_content(kind="i")


@operation("searchsorted", "bucketize")
def searchsorted(
    first: Tensor, second: object, right: object = False, side: object = None, **_rest: object
) -> Tensor:
    return _searched(operand(first), operand(second), right is True or side == "right")


OPERATIONS["bucketize"] = lambda input, boundaries, right=False, **_: _searched(
    boundaries, input, right is True
)


def _searched(borders: Tensor, values: Tensor, right: bool) -> Tensor:
    highest = borders.pos.reshape(borders.pos.shape[0], -1).max(axis=1).reshape(-1, *(1,) * values.rank)
    value = None
    if borders.value is not None and values.value is not None and borders.rank == 1:
        value = np.searchsorted(borders.value, values.value, side="right" if right else "left")
    return Tensor(
        values.shape,
        np.maximum(values.pos, highest),
        value=value,
        kind="i",
        **joined_flags((borders, values)),
    )


# -- making tensors


def made(shape: Sequence[int], value: object, kind: str) -> Tensor:
    """A tensor of one value, or of values that nobody knows."""
    if isinstance(value, bool | int | float):
        return filled(shape, value, kind)
    if isinstance(value, Tensor) and value.size == 1:
        return shaping.expand(shaping.reshape(cast_to(value, kind), ()), shape) if shape else value
    return Tensor(shape, kind=kind, learned=True)


def _shape_of(args: tuple[object, ...], more: dict[str, Any]) -> list[int]:
    return integers(
        args if args else [more["size"]] if isinstance(more.get("size"), list | tuple) else [more.get("size")]
    )


@operation("zeros", "ones", "empty", "rand", "randn", "empty_strided")
def zeros(*args: object, **more: Any) -> Tensor:
    return made(_shape_of(args, more), 0, kind_of_dtype(more.get("dtype")) or "f")


OPERATIONS["ones"] = lambda *args, **more: made(
    _shape_of(args, more), 1, kind_of_dtype(more.get("dtype")) or "f"
)
OPERATIONS["empty"] = lambda *args, **more: made(
    _shape_of(args, more), None, kind_of_dtype(more.get("dtype")) or "f"
)
OPERATIONS["rand"] = OPERATIONS["randn"] = OPERATIONS["empty"]


@operation("full")
def full(size: object, fill_value: object, **more: Any) -> Tensor:
    sizes = integers([size]) if isinstance(size, list | tuple) else [integer(size)]
    guess = "b" if isinstance(fill_value, bool) else "i" if isinstance(fill_value, int) else "f"
    return made(sizes, fill_value, kind_of_dtype(more.get("dtype")) or guess)


@operation("randint")
def randint(*args: Any, size: object = None, **_rest: object) -> Tensor:
    shape = size if size is not None else args[-1]
    return Tensor(integers([shape]), kind="i", learned=True)


@operation("randperm")
def randperm(n: object, **_rest: object) -> Tensor:
    return Tensor((integer(n),), kind="i", lost=True)


@operation("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "new_zeros")
def zeros_like(input: Tensor, **more: Any) -> Tensor:
    return made(input.shape, 0, kind_of_dtype(more.get("dtype")) or input.kind)


OPERATIONS["ones_like"] = lambda input, **m: made(input.shape, 1, kind_of_dtype(m.get("dtype")) or input.kind)
OPERATIONS["empty_like"] = lambda input, **m: made(
    input.shape, None, kind_of_dtype(m.get("dtype")) or input.kind
)
OPERATIONS["rand_like"] = OPERATIONS["randn_like"] = OPERATIONS["empty_like"]
OPERATIONS["full_like"] = lambda input, fill_value, **m: made(
    input.shape, fill_value, kind_of_dtype(m.get("dtype")) or input.kind
)


def _new(value: object) -> Operation:
    def make(input: Tensor, *args: object, **more: Any) -> Tensor:
        return made(_shape_of(args, more), value, kind_of_dtype(more.get("dtype")) or input.kind)

    return make


OPERATIONS["new_zeros"], OPERATIONS["new_ones"], OPERATIONS["new_empty"] = _new(0), _new(1), _new(None)


@operation("new_full")
def new_full(input: Tensor, size: object, fill_value: object, **more: Any) -> Tensor:
    return made(integers([size]), fill_value, kind_of_dtype(more.get("dtype")) or input.kind)


@operation("tensor", "as_tensor", "asarray", "from_numpy", "new_tensor", "scalar_tensor")
def tensor(data: object, *_args: object, dtype: object = None, **_rest: object) -> Tensor:
    kind = kind_of_dtype(dtype)
    if isinstance(data, Tensor):
        return cast_to(data, kind)
    if isinstance(data, Unknown):
        return Tensor((), data.pos, kind=kind or "f", learned=True)
    if isinstance(data, list | tuple) and any(isinstance(v, Tensor) for v in data):
        return cast_to(shaping.stack([operand(v) for v in data]), kind)
    if isinstance(data, list | tuple) and any(isinstance(v, Unknown) for v in data):
        return Tensor((len(data),), kind=kind or "f", learned=True)
    try:
        return constant(np.asarray(data), kind)
    except (ValueError, TypeError):
        raise NotFollowed("a tensor of values that are not known") from None


OPERATIONS["new_tensor"] = lambda input, data, **more: tensor(data, **more)


@operation("arange", "range")
def arange(*args: object, start: object = None, end: object = None, step: object = 1, **more: Any) -> Tensor:
    bounds = [v for v in (start, end) if v is not None]
    given = [_number(v) for v in (*args, *bounds)]
    if len(given) < 3 and step != 1:
        given = [*([0] if len(given) == 1 else []), *given, _number(step)]
    if not given:
        raise NotFollowed("arange without bounds")
    value = np.arange(*given)
    kind = kind_of_dtype(more.get("dtype"))
    return constant(value, kind)


def _number(value: object) -> int | float:
    if isinstance(value, Tensor) and value.value is not None and value.size == 1:
        value = value.value.reshape(()).item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotFollowed("a bound that is not known")
    return value


@operation("linspace", "logspace")
def linspace(start: object, end: object, steps: object = 100, **_rest: object) -> Tensor:
    if isinstance(start, int | float) and isinstance(end, int | float):
        return constant(np.linspace(start, end, integer(steps)), "f")
    return Tensor((integer(steps),), learned=True)


@operation("eye")
def eye(n: object, m: object = None, **more: Any) -> Tensor:
    value = np.eye(integer(n), None if m is None else integer(m))
    return constant(value, kind_of_dtype(more.get("dtype")) or "f")


@operation("tril_indices")
def tril_indices(row: object, col: object, offset: object = 0, **_rest: object) -> Tensor:
    return constant(np.stack(np.tril_indices(integer(row), integer(offset), integer(col))))


@operation("triu_indices")
def triu_indices(row: object, col: object, offset: object = 0, **_rest: object) -> Tensor:
    return constant(np.stack(np.triu_indices(integer(row), integer(offset), integer(col))))


@operation("complex", "polar")
def polar(first: Tensor, second: Tensor) -> Tensor:
    return pointwise.pointwise(first, second, kind="f")


@operation("view_as_complex")
def view_as_complex(input: Tensor) -> Tensor:
    return reductions.reduce(input, -1) if input.rank > 1 else input


@operation("view_as_real")
def view_as_real(input: Tensor) -> Tensor:
    wide = shaping.unsqueeze(input, -1)
    return shaping.expand(wide, (*input.shape, 2))


@operation("bernoulli", "multinomial", "poisson")
def sampled(input: Tensor, *_args: object, **_rest: object) -> Tensor:
    return blurred_copy(input)


def blurred_copy(input: Tensor) -> Tensor:
    """Drawn at random with these weights."""
    return Tensor(input.shape, input.pos, kind=input.kind, learned=True)


@operation("copy")
def copy(input: Tensor, source: object, non_blocking: object = False) -> Tensor:
    return cast_to(shaping.expand(operand(source), input.shape), input.kind)


@operation("zero")
def zero(input: Tensor) -> Tensor:
    return filled(input.shape, 0, input.kind)


@operation("fill")
def fill(input: Tensor, value: object) -> Tensor:
    return made(input.shape, value, input.kind)


for _name in (
    "normal uniform exponential random trunc_normal geometric cauchy log_normal orthogonal kaiming_uniform "
    "kaiming_normal xavier_uniform xavier_normal".split()
):
    OPERATIONS[_name] = lambda input, *_args, **_rest: Tensor(input.shape, kind=input.kind, learned=True)
