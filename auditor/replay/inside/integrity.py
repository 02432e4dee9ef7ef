"""Whether what the recorder relies on is still what it was: functions of libraries, and its own.

This runs in the submission's process and proves nothing by itself; it names what was exchanged by those who do not
hide it. Asking for the recorder's objects is noted when it happens (`watch`), and can't be taken back.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any, Final

import numpy as np
import torch

PACKAGE: Final = "auditor.replay."
_MODULES: Final = "auditor"

LIBRARIES: Final = (
    ("torch.nn.functional.cross_entropy", torch.nn.functional, "cross_entropy"),
    ("torch.nn.functional.nll_loss", torch.nn.functional, "nll_loss"),
    ("torch.nn.functional.embedding", torch.nn.functional, "embedding"),
    ("torch.Tensor.item", torch.Tensor, "item"),
    ("torch.Tensor.sum", torch.Tensor, "sum"),
    ("torch.Tensor.mean", torch.Tensor, "mean"),
    ("torch.Tensor.backward", torch.Tensor, "backward"),
    ("torch.Tensor.register_hook", torch.Tensor, "register_hook"),
    ("torch.overrides.TorchFunctionMode.__enter__", torch.overrides.TorchFunctionMode, "__enter__"),
    ("torch.overrides.TorchFunctionMode.__exit__", torch.overrides.TorchFunctionMode, "__exit__"),
    ("json.dumps", json, "dumps"),
    ("os.write", os, "write"),
    ("sys._getframe", sys, "_getframe"),
    ("numpy.ascontiguousarray", np, "ascontiguousarray"),
)
"""What the recorder calls by name while the submission runs, or is called by in place of."""


class Integrity:
    """The functions of the recorder as they were when this was made."""

    __slots__ = ("_libraries", "_own")

    def __init__(self) -> None:
        self._libraries = [(name, owner, last, getattr(owner, last)) for name, owner, last in LIBRARIES]
        self._own = {
            (owner, name): (value, _inner(value)) for owner in _owners() for name, value in _functions(owner)
        }

    def exchanged(self) -> list[str]:
        """Names of functions that are not what they were."""
        found = [name for name, owner, last, was in self._libraries if getattr(owner, last) is not was]
        for (owner, name), (was, inner) in self._own.items():
            now = vars(owner).get(name)
            if now is not was or _inner(now) != inner:
                found.append(f"{getattr(owner, '__name__', '?').removeprefix(PACKAGE)}.{name}")
        return found


def _owners() -> list[Any]:
    """Modules of the replay that are loaded, and classes that they define."""
    modules = [m for name, m in list(sys.modules.items()) if name.startswith(PACKAGE) and m is not None]
    classes = [
        value
        for module in modules
        for value in list(vars(module).values())
        if isinstance(value, type) and value.__module__ == module.__name__
    ]
    return [*modules, *classes]


def _functions(owner: Any) -> list[tuple[str, Any]]:
    return [
        (name, value) for name, value in list(vars(owner).items()) if isinstance(value, types.FunctionType)
    ]


def _inner(value: Any) -> tuple[Any, ...]:
    """What a function can be changed by from within."""
    return (
        getattr(value, "__code__", None),
        getattr(value, "__defaults__", None),
        repr(getattr(value, "__kwdefaults__", None)),
    )


def hide() -> None:
    """Take the harness out of the table of modules: what asks whether it is there is told no."""
    for name in [n for n in sys.modules if n == _MODULES or n.startswith(f"{_MODULES}.")]:
        del sys.modules[name]
