"""Operations element by element, and casts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from auditor.static.causality import pointwise
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.shapes import chunk
from auditor.static.causality.operations.table import (
    OPERATIONS,
    cast_to,
    common_kind,
    kind_of_dtype,
    operand,
    operation,
)
from auditor.static.causality.tensor import Array, Tensor

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


@operation("to", "type", "_to_copy", "astype")
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
