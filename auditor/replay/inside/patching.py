"""One way to exchange attributes of libraries for stand-ins."""

from __future__ import annotations

from typing import Any


def replace(owner: Any, /, **stand_ins: Any) -> None:
    """Set attributes of a module or class; what the owner does not have is added."""
    for name, stand_in in stand_ins.items():
        setattr(owner, name, stand_in)


def nothing(*_: Any, **__: Any) -> None:
    """Take anything, do nothing: for calls that only make sense on a GPU."""
