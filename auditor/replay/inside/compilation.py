"""Stand-ins for the compiler: `torch.compile` gives back what it was given."""

from __future__ import annotations

from typing import Any

from auditor.replay.inside.patching import nothing, replace


def _unchanged(function: Any = None, *_: Any, **__: Any) -> Any:
    """The function itself, as a call or as a decorator with arguments."""
    return function if function is not None else lambda inner: inner


def install_compiler() -> None:
    """Take the effect out of `torch.compile`, `torch.compiler` and `torch._dynamo`."""
    import torch._dynamo

    whole: Any = torch
    compiler: Any = torch.compiler
    dynamo: Any = torch._dynamo
    replace(whole, compile=_unchanged)
    replace(torch.nn.Module, compile=nothing)
    replace(
        compiler,
        disable=_unchanged,
        allow_in_graph=_unchanged,
        cudagraph_mark_step_begin=nothing,
        is_compiling=lambda: False,
        reset=nothing,
    )
    replace(
        dynamo,
        disable=_unchanged,
        allow_in_graph=_unchanged,
        mark_dynamic=nothing,
        mark_static=nothing,
        maybe_mark_dynamic=nothing,
        reset=nothing,
    )
