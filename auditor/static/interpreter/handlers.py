"""Tables of handlers: what is done by the name of a kind of syntax, or of a builtin function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def handlers_of(prefix: str, *parts: object) -> dict[str, Callable[..., Any]]:
    """The methods of these parts whose names start with the prefix, by the rest of the name.

    Raises:
        ValueError: two parts have the same one.
    """
    found: dict[str, Callable[..., Any]] = {}
    for part in parts:
        for name in dir(type(part)):
            if name.startswith(prefix):
                key = name.removeprefix(prefix)
                if key in found:
                    raise ValueError(
                        f"two parts handle {key!r}: {name} of {type(part).__name__} is the second"
                    )
                found[key] = getattr(part, name)
    return found
