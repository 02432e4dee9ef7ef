"""The operations of tensors by name: `torch.f(x, …)`, `F.f(x, …)` and `x.f(…)` are one table.

A function here takes what the library's does, under the same names. What it does not take, or takes in a form that is
not followed, makes the outcome unknown by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.tensor import (
    Tensor,
    constant,
)
from auditor.static.causality.values import Library, Unknown

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
        size = value.size
        if size is None:
            raise NotFollowed(f"a size that is not known: {value.reason}")
        return size
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
        return Tensor((), value.pos, learned=True)
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
