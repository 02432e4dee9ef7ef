"""Products of matrices, decompositions, convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auditor.static.causality import contraction, pointwise, reductions, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations.elementwise import binary
from auditor.static.causality.operations.table import (
    integer,
    operand,
    operation,
)
from auditor.static.causality.tensor import Tensor, joined_flags


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


@operation("avg_pool1d", "max_pool1d")
def pool1d(
    input: Tensor, kernel_size: object, stride: object = None, padding: object = 0, *rest: Any, **more: Any
) -> Tensor:
    """The mean or the largest of each stretch: what a convolution of each channel by itself looks at."""
    if rest or more.get("ceil_mode") or more.get("dilation", 1) != 1 or more.get("return_indices"):
        raise NotFollowed("pooling that is not plain")
    size = _single(kernel_size)
    channels = input.shape[-2]
    taps = Tensor((channels, 1, size), learned=True)
    step = size if stride is None else _single(stride)
    return contraction.convolve(input, taps, None, step, _single(padding), 1, channels)


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
