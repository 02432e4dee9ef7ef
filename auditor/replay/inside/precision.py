"""Stand-ins for mixed precision: everything that would be bfloat16 is float32, and autocast changes nothing.

Order and causality do not depend on the number of bits, and in float32 on one thread two runs are equal to the
last bit, so probes need no tolerance.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import torch

from auditor.replay.inside.patching import nothing, replace


class _Autocast(contextlib.ContextDecorator):
    """`torch.autocast` without effect; serves as context and as decorator."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: Any) -> None:
        return None


class _InferenceMode(torch.no_grad):
    """`torch.inference_mode` as `no_grad`.

    Tensors that compiled scripts cache in inference mode and use in training later would be refused without
    the compiler.
    """

    def __new__(cls, mode: Any = True) -> Any:
        if callable(mode):
            return functools.wraps(mode)(torch.no_grad()(mode))
        return super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._active = mode

    def __enter__(self) -> None:
        if self._active:
            super().__enter__()

    def __exit__(self, *args: Any) -> None:
        if self._active:
            super().__exit__(*args)


def install_precision() -> None:
    """Promote bfloat16 to float32 and take the effect out of autocast and inference mode."""
    # These tables are made at first use from torch.bfloat16; made now, loading a saved tensor still works.
    storage: Any = torch.storage
    storage._dtype_to_storage_type_map()
    storage._storage_type_to_dtype_map()
    whole: Any = torch
    replace(whole, bfloat16=torch.float32, BFloat16Tensor=torch.FloatTensor, inference_mode=_InferenceMode)
    replace(torch.nn.Module, bfloat16=torch.nn.Module.float, half=torch.nn.Module.float)
    replace(torch.Tensor, bfloat16=torch.Tensor.float)
    amp: Any = torch.amp
    cuda: Any = torch.cuda
    for owner in (whole, amp, cuda.amp):
        replace(owner, autocast=_Autocast)
    replace(whole, set_float32_matmul_precision=nothing)
