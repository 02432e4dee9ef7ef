"""A stand-in for Triton: kernels run as plain Python, one program of the grid after the other, on CPU tensors.

Covers what kernels of the field use of `triton.language`: pointers with masks, tensor descriptors, arithmetic,
reductions and `dot`. A function that is missing raises `AttributeError` with its name, which the replay reports
as the reason that the script could not be run.
"""

from __future__ import annotations

import math
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Launched = Callable[[Sequence[Any]], None]
"""Told the arguments of every kernel after it ran."""


class _Index(int):
    """A program's number; kernels cast it like a tensor."""

    def to(self, *_: Any) -> _Index:
        return self


class Pointer:
    """Places in the storage of a tensor, in elements."""

    def __init__(self, flat: Tensor, offset: Any) -> None:
        self.flat = flat
        self.offset = offset

    @classmethod
    def to_start_of(cls, tensor: Tensor) -> Pointer:
        plain = tensor.detach()
        size = plain.untyped_storage().nbytes() // plain.element_size()
        return cls(torch.as_strided(plain, (size,), (1,), 0), plain.storage_offset())

    def __add__(self, other: Any) -> Pointer:
        return Pointer(self.flat, self.offset + other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Pointer:
        return Pointer(self.flat, self.offset - other)

    def to(self, *_: Any) -> Pointer:
        return self

    @property
    def dtype(self) -> Any:
        return types.SimpleNamespace(element_ty=self.flat.dtype)

    def places(self, mask: Any) -> tuple[Tensor, Tensor | None]:
        """Indices with those outside the mask set to 0, and the mask in the same shape."""
        index = torch.as_tensor(self.offset)
        if mask is None:
            return index.long(), None
        shown = torch.as_tensor(mask)
        index, shown = _broadcast(index, shown)
        return torch.where(shown, index, 0).long(), shown


class TensorDescriptor:
    """`triton.tools.tensor_descriptor.TensorDescriptor`: blocks of a matrix, zeros outside it."""

    def __init__(self, base: Tensor, shape: Any, strides: Any, block_shape: Any, *_: Any, **__: Any) -> None:
        self.base = base.detach().as_strided(tuple(shape), tuple(strides))
        self.shape, self.strides, self.block_shape = list(shape), list(strides), list(block_shape)

    @classmethod
    def from_tensor(cls, tensor: Tensor, block_shape: Any, *_: Any, **__: Any) -> TensorDescriptor:
        return cls(tensor, tensor.shape, tensor.stride(), block_shape)

    def _window(self, offsets: Any) -> tuple[slice, ...]:
        starts = [int(offset) for offset in offsets]
        ends = [
            max(min(start + size, length), start)
            for start, size, length in zip(starts, self.block_shape, self.shape, strict=True)
        ]
        return tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))

    def load(self, offsets: Any) -> Tensor:
        found = self.base[self._window(offsets)]
        out = torch.zeros(self.block_shape, dtype=self.base.dtype)
        out[tuple(slice(0, size) for size in found.shape)] = found
        return out

    def store(self, offsets: Any, value: Tensor) -> None:
        into = self.base[self._window(offsets)]
        into.copy_(value[tuple(slice(0, size) for size in into.shape)])


def _broadcast(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    functions: Any = torch
    first, second = functions.broadcast_tensors(a, b)
    return first, second


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=_plain_type(value))


def _plain_type(value: Any) -> torch.dtype:
    return torch.float32 if isinstance(value, float) else torch.int64


def _load(pointer: Pointer, mask: Any = None, other: Any = None, **_: Any) -> Tensor:
    index, shown = pointer.places(mask)
    value = pointer.flat[index]
    return (
        value if shown is None else torch.where(shown, value, torch.as_tensor(other or 0, dtype=value.dtype))
    )


def _put(pointer: Pointer, value: Any, mask: Any, *, accumulate: bool) -> None:
    index, shown = pointer.places(mask)
    values = torch.as_tensor(value).to(pointer.flat.dtype)
    index, values = _broadcast(index, values)
    if shown is not None:
        shown = shown.expand(index.shape)
        index, values = index[shown], values[shown]
    pointer.flat.index_put_((index,), values, accumulate=accumulate)


def _store(pointer: Pointer, value: Any, mask: Any = None, **_: Any) -> None:
    _put(pointer, value, mask, accumulate=False)


def _atomic_add(pointer: Pointer, value: Any, mask: Any = None, **_: Any) -> None:
    _put(pointer, value, mask, accumulate=True)


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduce(value: Any, axis: int | None = None, keep_dims: bool = False, **_: Any) -> Tensor:
        if axis is None:
            return function(_tensor(value).flatten(), dim=0)
        return function(_tensor(value), dim=axis, keepdim=keep_dims)

    return reduce


def _unary(function: Callable[[Tensor], Tensor]) -> Callable[[Any], Tensor]:
    return lambda value, *_, **__: function(_tensor(value))


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda a, b, *_, **__: function(_tensor(a), _tensor(b))


def _dot(a: Tensor, b: Tensor, acc: Tensor | None = None, **_: Any) -> Tensor:
    product = a.float() @ b.float()
    return product if acc is None else acc + product


def _where(condition: Any, a: Any, b: Any) -> Tensor:
    return torch.where(torch.as_tensor(condition), _tensor(a), _tensor(b))


ELEMENTWISE = (
    "abs",
    "ceil",
    "cos",
    "erf",
    "exp",
    "exp2",
    "floor",
    "log",
    "log2",
    "rsqrt",
    "sigmoid",
    "sin",
    "sqrt",
    "tanh",
)
"""Functions of one number that Triton's language, its maths library and torch call by the same name."""


def _population_count(value: Any) -> Tensor:
    """The bits that are set in each integer, of as many as its type has."""
    number = _tensor(value)
    places = torch.arange(torch.iinfo(number.dtype).bits)
    return ((number.unsqueeze(-1) >> places) & 1).sum(-1).to(torch.int32)


class _Constant:
    """`tl.constexpr`: an annotation, or a call that gives its value back."""

    def __new__(cls, value: Any) -> Any:
        return value


def _language(state: _Launch) -> types.ModuleType:
    module = types.ModuleType("triton.language")
    libdevice = types.SimpleNamespace(
        popc=_population_count,
        pow=_binary(torch.pow),
        **{name: _unary(getattr(torch, name)) for name in ELEMENTWISE},
    )
    module.__dict__.update(
        constexpr=_Constant,
        program_id=lambda axis=0: _Index(state.program[axis]),
        num_programs=lambda axis=0: _Index(state.grid[axis]),
        load=_load,
        store=_store,
        atomic_add=_atomic_add,
        make_tensor_descriptor=lambda base, shape, strides, block_shape, **_: TensorDescriptor(
            base.flat[int(base.offset) :], shape, strides, block_shape
        ),
        arange=lambda start, end: torch.arange(int(start), int(end)),
        zeros=lambda shape, dtype=torch.float32: torch.zeros(tuple(shape), dtype=dtype),
        full=lambda shape, value, dtype=torch.float32: torch.full(tuple(shape), value, dtype=dtype),
        dot=_dot,
        where=_where,
        cdiv=_cdiv,
        range=lambda *bounds, **_: range(*map(int, bounds)),
        static_range=lambda *bounds, **_: range(*map(int, bounds)),
        max=_reduction(torch.amax),
        min=_reduction(torch.amin),
        sum=_reduction(torch.sum),
        argmax=_reduction(torch.argmax),
        maximum=_binary(torch.maximum),
        minimum=_binary(torch.minimum),
        fma=lambda a, b, c: _tensor(a) * b + c,
        reshape=lambda value, *shape: value.reshape(*shape),
        view=lambda value, *shape: value.reshape(*shape),
        permute=lambda value, *order: value.permute(*order),
        trans=lambda value, *order: value.permute(*order) if order else value.transpose(-1, -2),
        split=lambda value: value.unbind(-1),
        join=lambda a, b: torch.stack((a, b), -1),
        expand_dims=lambda value, axis: value.unsqueeze(axis),
        broadcast_to=lambda value, *shape: value.expand(*shape),
        cast=lambda value, dtype, **_: _tensor(value).to(dtype),
        multiple_of=lambda value, _: value,
        max_contiguous=lambda value, _: value,
        assume=lambda _: None,
        static_assert=lambda *_: None,
        debug_barrier=lambda: None,
        extra=types.SimpleNamespace(libdevice=libdevice, cuda=types.SimpleNamespace(libdevice=libdevice)),
        math=libdevice,
        dtype=torch.dtype,
        float32=torch.float32,
        float16=torch.float16,
        bfloat16=torch.float32,
        float64=torch.float64,
        int1=torch.bool,
        int8=torch.int8,
        int16=torch.int16,
        int32=torch.int32,
        int64=torch.int64,
        uint8=torch.uint8,
    )
    module.__dict__.update({name: _unary(getattr(torch, name)) for name in ELEMENTWISE})
    module.__dict__["softmax"] = lambda value, *_, **__: torch.softmax(value, 0)
    return module


def _cdiv(a: int, b: int) -> int:
    return -(-int(a) // int(b))


class _Launch:
    """Which program of which grid is running."""

    program: tuple[int, ...] = (0, 0, 0)
    grid: tuple[int, ...] = (1, 1, 1)


class Kernel:
    """What `triton.jit` makes of a function; `kernel[grid](…)` runs it, a call from another kernel inlines it."""

    def __init__(self, function: Callable[..., None], state: _Launch, launched: Launched) -> None:
        self._function, self._state, self._launched = function, state, launched
        self.__name__ = function.__name__
        self.fn = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: self._launch(grid, args, kwargs)

    def _launch(self, grid: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        code = self._function.__code__
        taken = set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        named = {name: value for name, value in kwargs.items() if name in taken}
        positional = dict(zip(code.co_varnames, args, strict=False))
        sizes = grid({**positional, **kwargs}) if callable(grid) else grid
        sizes = tuple(int(n) for n in (sizes if isinstance(sizes, (tuple, list)) else (sizes,)))
        shape = (*sizes, 1, 1)[:3]
        passed = [_argument(value) for value in args]
        passed_by_name = {name: _argument(value) for name, value in named.items()}
        self._state.grid = shape
        with torch.no_grad():
            for number in range(math.prod(shape)):
                rest, x = divmod(number, shape[0])
                z, y = divmod(rest, shape[1])
                self._state.program = (x, y, z)
                self._function(*passed, **passed_by_name)
        self._launched([*args, *named.values()])


def _argument(value: Any) -> Any:
    return Pointer.to_start_of(value) if isinstance(value, Tensor) else value


class _Tuned:
    """`triton.autotune` with the first configuration taken."""

    def __init__(self, kernel: Kernel, chosen: dict[str, Any]) -> None:
        self._kernel, self._chosen = kernel, chosen
        self.__name__ = kernel.__name__

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: self._kernel[grid](*args, **{**self._chosen, **kwargs})


class _Config:
    def __init__(self, kwargs: dict[str, Any], **_: Any) -> None:
        self.kwargs = dict(kwargs)


def install_kernels(launched: Launched) -> None:
    """Put the stand-in in the place of `triton` and its submodules."""
    state = _Launch()

    def jit(function: Any = None, **_: Any) -> Any:
        return Kernel(function, state, launched) if function is not None else jit

    def autotune(configs: Sequence[_Config], *_: Any, **__: Any) -> Callable[[Kernel], _Tuned]:
        return lambda kernel: _Tuned(kernel, configs[0].kwargs)

    triton = types.ModuleType("triton")
    language = _language(state)
    tools = types.ModuleType("triton.tools")
    descriptor = types.ModuleType("triton.tools.tensor_descriptor")
    descriptor.__dict__["TensorDescriptor"] = TensorDescriptor
    triton.__dict__.update(
        jit=jit,
        autotune=autotune,
        heuristics=lambda _: lambda kernel: kernel,
        Config=_Config,
        cdiv=_cdiv,
        next_power_of_2=lambda n: 1 << max(int(n) - 1, 0).bit_length(),
        language=language,
        tools=tools,
        set_allocator=lambda *_: None,
        __version__="3.4.0",
        __path__=[],
    )
    modules = {
        "triton": triton,
        "triton.language": language,
        "triton.tools": tools,
        "triton.tools.tensor_descriptor": descriptor,
    }
    tools.__dict__.update(tensor_descriptor=descriptor, __path__=[])
    language.__dict__["__path__"] = []
    for extra in ("triton.language.extra", "triton.language.extra.libdevice"):
        modules[extra] = types.ModuleType(extra)
        modules[extra].__dict__.update(vars(language.__dict__["extra"].libdevice))
        modules[extra].__dict__["__path__"] = []
    modules["triton.language.extra"].__dict__["libdevice"] = modules["triton.language.extra.libdevice"]
    for name, module in modules.items():
        module.__spec__ = types.SimpleNamespace(name=name, loader=None)  # type: ignore[assignment]
        sys.modules[name] = module
