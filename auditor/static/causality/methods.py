"""Attributes and methods of tensors, in place ones included."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from auditor.static.causality import indexing, pointwise, scores, shaping
from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.operations import along_axes, by_index, elementwise, making, products, shapes
from auditor.static.causality.operations.table import OPERATIONS, VIEWS, cast_to, integer
from auditor.static.causality.tensor import Tensor, View, axis_of
from auditor.static.causality.values import Library, Named, Native
from auditor.static.causality.walker import Walker, highest

FAMILIES = (along_axes, by_index, elementwise, making, products, shapes)
"""Imported, they have entered their operations into the table."""

DTYPE_NAMES = {"f": "torch.bfloat16", "i": "torch.int64", "b": "torch.bool"}
DROPPED = frozenset(
    ["device", "layout", "non_blocking", "memory_format", "requires_grad", "pin_memory", "generator"]
)
"""Arguments that say nothing of values."""

RENAMED = {"axis": "dim", "axes": "dim", "keepdims": "keepdim"}

SAME_TOKENS = frozenset("to astype long int clone contiguous detach cpu cuda reshape_as type".split())
"""Operations that leave tokens what they are."""


def tensor_attribute(it: Walker, tensor: Tensor, name: str) -> Any:
    """`tensor.name`."""
    if name == "shape":
        return it.sizes.of(tensor)
    if name == "ndim":
        return tensor.rank
    if name == "dtype":
        return Library(DTYPE_NAMES[tensor.kind])
    if name == "device":
        return Library("torch.device")
    if name in ("T", "mT", "H"):
        return operate(it, "t", [tensor], {})
    if name in ("data", "real"):
        return tensor
    if name == "grad":
        return None
    if name in ("is_cuda", "is_contiguous_", "is_leaf"):
        return True
    if name in ("requires_grad", "is_sparse", "is_quantized", "is_meta", "is_nested"):
        return False
    if name in ("nbytes", "itemsize"):
        return 2 * tensor.size if name == "nbytes" else 2
    if name == "grad_fn":
        return None
    return Native(lambda *args, **more: method(it, tensor, name, list(args), more), f"Tensor.{name}")


def _size(tensor: Tensor, shape: tuple[int, ...], dim: object = None) -> Any:
    return shape if dim is None else shape[axis_of(dim, tensor.rank)]


def _stride(tensor: Tensor, dim: object = None) -> Any:
    steps = tuple(int(np.prod(tensor.shape[axis + 1 :], dtype=np.int64)) for axis in range(tensor.rank))
    return steps if dim is None else steps[axis_of(dim, tensor.rank)]


EXTENTS: dict[str, Callable[..., Any]] = {
    "size": _size,
    "numel": lambda t, shape: prod(shape),
    "nelement": lambda t, shape: prod(shape),
    "__len__": lambda t, shape: shape[0],
}
"""Facts that hang on how long and how many the rows are."""

FACTS: dict[str, Callable[..., Any]] = {
    "stride": _stride,
    "dim": lambda t: t.rank,
    "ndimension": lambda t: t.rank,
    "is_contiguous": lambda t, **_: True,
    "is_floating_point": lambda t: t.kind == "f",
    "is_complex": lambda t: False,
    "element_size": lambda t: 2,
    "get_device": lambda t: 0,
    "untyped_storage": lambda t: Library("a storage"),
    "record_stream": lambda t, *_: None,
}


def method(it: Walker, tensor: Tensor, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """`tensor.name(…)`."""
    tensor.refresh()
    if name in EXTENTS:
        return EXTENTS[name](tensor, it.sizes.of(tensor), *args, **keywords)
    if name in FACTS:
        return FACTS[name](tensor, *args, **{RENAMED.get(k, k): v for k, v in keywords.items()})
    if name in ("item", "tolist"):
        return numbers_of(it, tensor, name)
    if name in (
        "backward",
        "register_hook",
        "register_post_accumulate_grad_hook",
        "set_",
        "resize_",
        "map_",
        "apply_",
    ):
        raise NotFollowed(f"Tensor.{name}")
    if name in ("nonzero", "masked_select", "unique", "unique_consecutive", "masked_scatter"):
        raise NotFollowed(f"{name}: the length of its result depends on data")
    if name == "masked_scatter_":
        raise NotFollowed("masked_scatter_")
    return operate(it, name, [tensor, *args], keywords)


def numbers_of(it: Walker, tensor: Tensor, name: str) -> Any:
    """`item` and `tolist`: numbers where they are known, else values that remember what they depend on."""
    if tensor.value is not None:
        return (
            tensor.value.reshape(()).item() if name == "item" and tensor.size == 1 else tensor.value.tolist()
        )
    if name == "tolist" and tensor.rank == 1 and tensor.size <= 65536:
        return [numbers_of(it, indexing.get(tensor, number), "item") for number in range(tensor.shape[0])]
    pos = highest(tensor) if tensor.depends else None
    return it.unknown(f"the number in a tensor ({name}, line {it.where[1]})", it.where, pos)


def operate(it: Walker, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    """An operation of the table, in place where its name ends with an underscore.

    Raises:
        NotFollowed: the table has no such operation, or not of this form.
    """
    score = scores.SCORES.get(name)
    in_place = name.endswith("_") and not name.endswith("__") and name not in OPERATIONS
    function = score or OPERATIONS.get(name.rstrip("_") if in_place else name)
    if function is None:
        raise NotFollowed(f"the operation {name}")
    given: dict[str, Any] = {RENAMED.get(k, k): v for k, v in keywords.items() if k not in DROPPED}
    out_tensor = given.pop("out", None)
    for value in (*args, *given.values()):
        if isinstance(value, Tensor):
            value.refresh()
    try:
        result = function(it, *args, **given) if score is not None else function(*args, **given)
    except TypeError as error:
        raise NotFollowed(f"this form of the operation {name} ({error})") from None
    except (ValueError, IndexError, AttributeError, OverflowError) as error:
        raise NotFollowed(
            f"the operation {name} on these operands ({type(error).__name__}: {error})"
        ) from None
    target = args[0] if args else None
    if in_place and isinstance(target, Tensor) and isinstance(result, Tensor):
        if result.shape != target.shape:
            if name not in ("t_", "transpose_", "squeeze_", "unsqueeze_"):
                result = shaping.expand(result, target.shape)
            else:
                raise NotFollowed(f"the operation {name}")
        result = it.influenced(cast_to(result, target.kind) if result.kind != target.kind else result)
        target.assign(result)
        return target
    if isinstance(out_tensor, Tensor) and isinstance(result, Tensor):
        out_tensor.assign(shaping.expand(result, out_tensor.shape))
        return out_tensor
    if name in VIEWS and isinstance(target, Tensor):
        mark_views(name, function, args, given, result)
    if isinstance(target, Tensor) and target.role and isinstance(result, Tensor):
        if target.role == "losses" or name in VIEWS or name in SAME_TOKENS:
            result.role = target.role
    return result


def mark_views(
    name: str, function: Callable[..., Any], args: list[Any], given: dict[str, Any], result: Any
) -> None:
    """Note of what the results of a view operation are parts."""
    base: Tensor = args[0]
    parts = list(result) if isinstance(result, tuple) and not isinstance(result, Named) else [result]
    for number, part in enumerate(parts):
        if not isinstance(part, Tensor) or part is base:
            continue

        def derive(source: Tensor, number: int = number) -> Tensor:
            again = function(source, *args[1:], **given)
            return again[number] if isinstance(again, tuple) else again  # type: ignore[no-any-return]

        part.view = View(base, derive, _store_for(name, args, given, number, parts))


def _store_for(
    name: str, args: list[Any], given: dict[str, Any], number: int, parts: list[Any]
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """How a base changes when a view of it does."""
    base: Tensor = args[0]
    if name in ("view", "unflatten", "squeeze", "unsqueeze", "view_as", "detach"):
        return lambda source, new: shaping.reshape(new, source.shape)
    if name in ("reshape", "flatten", "contiguous"):  # perhaps a copy: then nothing is written
        return lambda source, new: pointwise.where(
            Tensor((), kind="b", learned=True), shaping.reshape(new, source.shape), source
        )
    if name in ("transpose", "swapaxes", "t"):
        first, second = (
            (-1, -2) if name == "t" else (integer(args[1]), integer(args[2])) if len(args) > 2 else (0, 1)
        )
        return lambda source, new: shaping.swap(new, first, second)
    if name == "permute":
        order = (
            [
                axis_of(axis, base.rank)
                for axis in (args[1] if isinstance(args[1], list | tuple) else args[1:])
            ]
            if len(args) > 1
            else []
        )
        if len(order) == base.rank:
            inverse = [order.index(axis) for axis in range(base.rank)]
            return lambda source, new: shaping.permute(new, inverse)
        return None
    if name in ("chunk", "split", "unbind", "narrow", "select", "tensor_split", "split_with_sizes"):
        return _store_of_part(name, args, given, number, parts)
    return None


def _store_of_part(
    name: str, args: list[Any], given: dict[str, Any], number: int, parts: list[Any]
) -> Callable[[Tensor, Tensor], Tensor]:
    base: Tensor = args[0]
    if name in ("narrow", "select"):
        at = axis_of(args[1] if len(args) > 1 else given["dim"], base.rank)
        start = integer(args[2] if len(args) > 2 else given.get("start", given.get("index", 0)))
        length = parts[0].shape[at] if name == "narrow" else 1
    else:
        position = 1 if name == "unbind" else 2
        at = axis_of(args[position] if len(args) > position else given.get("dim", 0), base.rank)
        start = number if name == "unbind" else sum(part.shape[at] for part in parts[:number])
        length = 1 if name == "unbind" else parts[number].shape[at]
    whole = (slice(None),) * at
    where: Any = (*whole, start) if name in ("unbind", "select") else (*whole, slice(start, start + length))
    return lambda source, new: indexing.put(source, where, new)
