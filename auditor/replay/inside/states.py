"""Names and fingerprints of the states that optimisers change.

A fingerprint is a checksum of parameter bytes: version counters miss writes through `.data` and numpy.
"""

from __future__ import annotations

import weakref
import zlib
from typing import Any, Final

import torch
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

FINGERPRINTED: Final = 8
"""Parameters of an optimiser that its fingerprint is taken of: the first ones and the last ones."""


class States:
    """Follows which module owns a parameter, and optimisers that have stepped."""

    def __init__(self) -> None:
        self._owner: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._parent: dict[int, weakref.ref[Any]] = {}
        self._changed: dict[int, list[weakref.ref[Any]]] = {}

    def install(self) -> None:
        """Watch modules being put together."""

        def parameter(module: Any, name: str, value: Any) -> None:
            if value is not None:
                self._owner[id(value)] = weakref.ref(module), name

        def child(module: Any, name: str, value: Any) -> None:
            if value is not None:
                self._parent[id(value)] = weakref.ref(module)

        register_module_parameter_registration_hook(parameter)
        register_module_module_registration_hook(child)

    def name(self, parameters: list[Any]) -> str:
        """The class of the module at the root of the first parameter, or its shape where no module owns it."""
        if not parameters:
            return ""
        held = self._owner.get(id(parameters[0]))
        module = held[0]() if held is not None else None
        if module is None:
            return f"tensor {list(parameters[0].shape)}"
        for _ in range(20):
            above = self._parent.get(id(module))
            parent = above() if above is not None else None
            if parent is None:
                break
            module = parent
        return type(module).__name__

    def stepped(self, optimizer: Any) -> None:
        """Remember the parameters of an optimiser that has changed them; the optimiser itself may go."""
        self._changed[id(optimizer)] = [weakref.ref(p) for p in _chosen(optimizer)]

    def fingerprints(self) -> dict[str, int]:
        """The fingerprint of each optimiser's parameters by its number, as long as they live."""
        found = {}
        for number, held in list(self._changed.items()):
            parameters = [p for reference in held if (p := reference()) is not None]
            if len(parameters) < len(held):
                del self._changed[number]
            else:
                found[str(number)] = _checksum(parameters)
        return found


def fingerprint(optimizer: Any) -> int:
    """A checksum of some of an optimiser's parameters."""
    return _checksum(_chosen(optimizer))


def _chosen(optimizer: Any) -> list[Any]:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return [*parameters[: FINGERPRINTED // 2], *parameters[-FINGERPRINTED // 2 :]]


def _checksum(parameters: list[Any]) -> int:
    code = 0
    for parameter in parameters:
        plain = parameter.detach()
        if plain.dtype is torch.float32:
            code = zlib.crc32(plain.contiguous().numpy().tobytes(), code)
    return code
