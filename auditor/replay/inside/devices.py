"""Stand-ins for CUDA: one H100 that is in truth the CPU."""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any

import torch

from auditor.replay.inside.patching import nothing, replace

CPU = torch.device("cpu")


def is_gpu(value: object) -> bool:
    """Whether a value names a GPU, as a device or as text."""
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return isinstance(value, str) and (value == "cuda" or value.startswith("cuda:"))


def on_cpu(value: Any) -> Any:
    """The CPU for a GPU, anything else as it is."""
    return CPU if is_gpu(value) else value


def moved_arguments(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Arguments of a torch function with GPUs exchanged for the CPU and pinned memory for plain."""
    device = kwargs.get("device")
    if device is not None and (is_gpu(device) or type(device) is int):
        kwargs = {**kwargs, "device": CPU}
    if kwargs.get("pin_memory"):
        kwargs = {**kwargs, "pin_memory": False}
    if name == "to" and len(args) > 1:
        # An integer names a GPU as well.
        args = (args[0], *(CPU if type(a) is int else on_cpu(a) for a in args[1:]))
    return args, kwargs


class _Properties:
    """What `torch.cuda.get_device_properties` tells of an H100 SXM."""

    name = "NVIDIA H100 80GB HBM3"
    total_memory = 80 << 30
    multi_processor_count = 132
    major, minor = 9, 0
    warp_size = 32
    shared_memory_per_block_optin = 232_448
    max_threads_per_multi_processor = 2048
    L2_cache_size = 50 << 20


class _Event:
    def __init__(self, *_: Any, **__: Any) -> None:
        self._at = 0.0

    def record(self, *_: Any) -> None:
        import time

        self._at = time.perf_counter()

    def elapsed_time(self, other: _Event) -> float:
        return (other._at - self._at) * 1e3

    def query(self) -> bool:
        return True

    synchronize = wait = nothing


class _Stream:
    cuda_stream = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        return None

    def record_event(self, *_: Any) -> _Event:
        return _Event()

    synchronize = wait_stream = wait_event = nothing


class _Graph:
    """CUDA graphs cannot be stood in for: what is captured would have to be replayed."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA graphs have no stand-in on a CPU")


_SILENT = [
    "set_device",
    "synchronize",
    "empty_cache",
    "manual_seed",
    "manual_seed_all",
    "init",
    "reset_peak_memory_stats",
    "ipc_collect",
    "reset_max_memory_allocated",
    "reset_accumulated_memory_stats",
    "_lazy_init",
    "set_per_process_memory_fraction",
    "set_sync_debug_mode",
    "set_rng_state",
    "set_rng_state_all",
]
_ZERO = ["max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved"]


def install_cuda() -> None:
    """Make `torch.cuda` answer as one H100, and everything that moves to it stay where it is."""
    cuda: Any = torch.cuda
    replace(cuda, **dict.fromkeys(_SILENT, nothing))
    replace(cuda, **dict.fromkeys(_ZERO, lambda *_, **__: 0))
    replace(
        cuda,
        is_available=lambda: True,
        is_initialized=lambda: True,
        device_count=lambda: 1,
        current_device=lambda: 0,
        mem_get_info=lambda *_: (70 << 30, 80 << 30),
        get_device_properties=lambda *_: _Properties,
        get_device_name=lambda *_: _Properties.name,
        get_device_capability=lambda *_: (9, 0),
        is_bf16_supported=lambda *_, **__: True,
        get_rng_state=lambda *_: torch.get_rng_state(),
        get_rng_state_all=list,
        memory_summary=lambda *_, **__: "",
        memory_stats=lambda *_: {},
        Event=_Event,
        Stream=_Stream,
        CUDAGraph=_Graph,
        stream=lambda _: contextlib.nullcontext(),
        current_stream=lambda *_: _Stream(),
        default_stream=lambda *_: _Stream(),
        device=lambda *_: contextlib.nullcontext(),
    )
    _install_moves()
    _install_backends()


def _install_moves() -> None:
    module: Any = torch.nn.Module
    plain_to, plain_load, plain_generator = module.to, torch.load, torch.Generator

    def to(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_gpu(kwargs.get("device")):
            kwargs["device"] = CPU
        return plain_to(self, *(CPU if type(a) is int else on_cpu(a) for a in args), **kwargs)

    def load(*args: Any, **kwargs: Any) -> Any:
        if is_gpu(kwargs.get("map_location")):
            kwargs["map_location"] = CPU
        return plain_load(*args, **kwargs)

    replace(module, to=to, cuda=lambda self, *_, **__: self)
    tensor: Any = torch.Tensor
    plain_is_gpu = tensor.is_cuda

    def appears_on_gpu(self: Any) -> bool:
        """True to the submission, which refuses CPU tensors; the truth to libraries."""
        seen_from = sys._getframe(1).f_globals.get("__name__", "")
        return not seen_from.startswith(("torch", "auditor", "numpy")) or bool(plain_is_gpu.__get__(self))

    replace(
        tensor,
        is_cuda=property(appears_on_gpu),
        record_stream=nothing,
        cuda=lambda self, *_, **__: self,
        pin_memory=lambda self, *_: self,
        is_pinned=lambda self, *_: False,
    )
    replace(torch, load=load, Generator=lambda device="cpu": plain_generator(device="cpu"))


def _install_backends() -> None:
    backends: Any = sys.modules["torch.backends.cuda"]
    names = ["enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp", "enable_mem_efficient_sdp"]
    replace(backends, **dict.fromkeys(names, nothing))
    attention: Any = torch.nn.attention
    replace(attention, sdpa_kernel=lambda *_, **__: contextlib.nullcontext())
    optimizer: Any = torch.optim.Optimizer
    for name in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
        if hasattr(optimizer, name):
            setattr(optimizer, name, nothing)
    nvtx: Any = types.SimpleNamespace(range_push=nothing, range_pop=nothing, mark=nothing)
    replace(torch.cuda, nvtx=nvtx)
