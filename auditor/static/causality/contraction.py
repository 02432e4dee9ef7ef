"""Products of matrices: align the labels, take out zeros, join over what is summed."""

from __future__ import annotations

import numpy as np

from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.pointwise import pointwise
from auditor.static.causality.reductions import reduce
from auditor.static.causality.shaping import permute, reshape
from auditor.static.causality.tensor import NONE, ZERO, Tensor, aligned, joined_flags, known

_LETTERS = "αβγδεζηθ"
MAX_EXACT_TERMS = 2_000_000


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Einstein summation.

    Raises:
        NotFollowed: the form is not followed (a label twice in one operand) or the shapes do not fit.
    """
    text = equation.replace(" ", "")
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise NotFollowed(f"einsum {equation!r} of {len(operands)} tensors")
    extra = max(
        (t.rank - len(i.replace("...", "")) for t, i in zip(operands, inputs, strict=True) if "..." in i),
        default=0,
    )
    letters = _LETTERS[:extra]
    for number, (tensor, labels) in enumerate(zip(operands, inputs, strict=True)):
        if "..." in labels:
            mine = tensor.rank - (len(labels) - 3)
            inputs[number] = labels.replace("...", letters[extra - mine :] if mine else "")
    if not arrow:
        counts = "".join(inputs)
        output = ("..." if extra else "") + "".join(
            sorted(c for c in set(counts) if counts.count(c) == 1 and c not in letters)
        )
    output = output.replace("...", letters)
    sizes: dict[str, int] = {}
    for tensor, labels in zip(operands, inputs, strict=True):
        if len(labels) != tensor.rank or len(set(labels)) != len(labels):
            raise NotFollowed(f"einsum {equation!r} of shapes {[t.shape for t in operands]}")
        for label, size in zip(labels, tensor.shape, strict=True):
            if sizes.get(label, 1) != 1 and size not in (1, sizes[label]):
                raise NotFollowed(f"einsum {equation!r} of shapes {[t.shape for t in operands]}")
            sizes[label] = max(sizes.get(label, 1), size)
    order = list(output) + [label for label in sizes if label not in output]
    if any(label not in sizes for label in output):
        raise NotFollowed(f"einsum {equation!r}")
    aligned_operands = []
    for tensor, labels in zip(operands, inputs, strict=True):
        moved = permute(tensor, [labels.index(label) for label in order if label in labels])
        shape = [
            sizes[label] if label in labels and tensor.shape[labels.index(label)] != 1 else 1
            for label in order
        ]
        moved = reshape(moved, shape)
        if moved.value is not None:  # zeros matter here, exact values are computed below
            moved = Tensor(moved.shape, moved.pos, code=moved.code, kind=moved.kind, **joined_flags((moved,)))
        aligned_operands.append(moved)
    product = aligned_operands[0]
    for factor in aligned_operands[1:]:
        product = pointwise(product, factor, kind="f", rule="product")
    shape = [sizes[label] for label in order]
    if len(aligned_operands) == 1:
        product = Tensor(shape, product.pos, code=product.code, kind=product.kind, **joined_flags((product,)))
    else:
        product = Tensor(shape, product.pos, code=product.code, kind=product.kind, **joined_flags((product,)))
    summed = tuple(range(len(output), len(order)))
    out = _summed(product, summed) if summed else product
    terms = int(np.prod(shape, dtype=np.float64))
    if known(*operands) and terms <= MAX_EXACT_TERMS:
        spec = f"{','.join(inputs)}->{output}"
        names = {c: chr(ord("a") + i) for i, c in enumerate(sorted(sizes))}
        spec = "".join(names.get(c, c) for c in spec)
        value = np.einsum(spec, *(t.value.astype(np.float64) for t in operands if t.value is not None))
        return Tensor(
            out.shape, value=np.asarray(value), kind="i" if all(t.kind == "i" for t in operands) else "f"
        )
    if known(*operands) and not out.learned:
        out.lost = True
    return out


def _summed(product: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The sum over axes; a product of matrices is never a statistic of the whole."""
    pos = product.pos.max(axis=tuple(a + 1 for a in axes)) if axes else product.pos
    code = product.code
    if code is not None:
        code = (aligned(code, product.rank, 0) == ZERO).all(axis=axes).astype(np.int8)
    kept = [size for axis, size in enumerate(product.shape) if axis not in axes]
    return Tensor(kept, pos, code=code, kind=product.kind, **joined_flags((product,)))


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """The product of matrices, vectors or batches of them."""
    if left.rank == 0 or right.rank == 0:
        raise NotFollowed("a product of matrices with a number")
    if left.rank == 1 and right.rank == 1:
        return einsum("k,k->", left, right)
    if right.rank == 1:
        return einsum("...k,k->...", left, right)
    if left.rank == 1:
        return einsum("k,...kj->...j", left, right)
    if left.shape[-1] != right.shape[-2]:
        raise ScriptError("RuntimeError", f"a product of matrices of shapes {left.shape} and {right.shape}")
    return einsum("...ik,...kj->...ij", left, right)


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`features @ weight.T + bias`."""
    if weight.rank == 1:
        out = einsum("...k,k->...", features, weight)
    else:
        if features.rank == 0 or features.shape[-1] != weight.shape[-1]:
            raise ScriptError("RuntimeError", f"a linear map of shape {weight.shape} on {features.shape}")
        if features.pos.shape[-1] == 1 and weight.pos.max(initial=NONE) < 0 and features.code is None:
            out = Tensor(  # the common case: weights on features that are all alike
                (*features.shape[:-1], weight.shape[0]),
                features.pos,
                learned=True,
                lost=features.lost and not weight.learned,
            )
        else:
            out = einsum("...k,ok->...o", features, weight)
    return out if bias is None else pointwise(out, bias, kind="f", rule="sum")


def convolve(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int,
    padding: object,
    dilation: int,
    groups: int,
) -> Tensor:
    """One-dimensional convolution of (batch, channels, time) or (channels, time), zeros outside."""
    taps = weight.shape[-1]
    length = features.shape[-1]
    reach = dilation * (taps - 1)
    if padding == "same":
        before, after = reach // 2, reach - reach // 2
    elif padding == "valid":
        before = after = 0
    elif isinstance(padding, int):
        before = after = padding
    else:
        raise NotFollowed(f"padding {padding!r} of a convolution")
    count = (length + before + after - reach - 1) // stride + 1
    channelwise = groups == features.shape[-2] == weight.shape[0]
    pos = features.pos if channelwise else features.pos.max(axis=-2, keepdims=True)
    pos = np.broadcast_to(pos, (*pos.shape[:-1], length))
    out = np.full((*pos.shape[:-1], count), NONE, pos.dtype)
    starts = np.arange(count) * stride - before
    for tap in range(taps):
        at = starts + tap * dilation
        inside = (at >= 0) & (at < length)
        out[..., inside] = np.maximum(out[..., inside], pos[..., at[inside]])
    result = Tensor((*features.shape[:-2], weight.shape[0], count), out, **joined_flags((features, weight)))
    if bias is not None and bias.depends:
        raise NotFollowed("a convolution whose bias depends on tokens")
    return result


def total(tensor: Tensor) -> Tensor:
    """The sum of all elements."""
    return reduce(tensor, additive=True)
