"""Operations that make tensors, and those that fill them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from auditor.static.causality import pointwise, reductions, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.table import (
    OPERATIONS,
    Operation,
    cast_to,
    integer,
    integers,
    kind_of_dtype,
    operand,
    operation,
)
from auditor.static.causality.tensor import Tensor, constant, filled
from auditor.static.causality.values import Unknown


def made(shape: Sequence[int], value: object, kind: str) -> Tensor:
    """A tensor of one value, or of values that nobody knows."""
    if isinstance(value, bool | int | float):
        return filled(shape, value, kind)
    if isinstance(value, Tensor) and value.size == 1:
        return shaping.expand(shaping.reshape(cast_to(value, kind), ()), shape) if shape else value
    if isinstance(value, Unknown) and value.pos is not None:
        return Tensor(shape, value.pos.reshape(-1, *(1,) * len(shape)), kind=kind, learned=True)
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
        return cast_to(shaping.stack([operand(v) for v in data]), kind)
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
