"""Why a forward pass could not be followed to its end."""

from __future__ import annotations

from typing import Any


class NotFollowed(Exception):
    """Something that has no transfer function here: the outcome is unknown.

    Attributes:
        reason: one clause for the reader.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooLarge(NotFollowed):
    """A bound of `limits` was reached; a shorter sequence may do."""


class ScriptError(Exception):
    """The script itself raises here.

    Attributes:
        name: of the exception class, as far as it is known.
        message: for the reader.
        where: path and line of the innermost statement that raised it, once it is known.
    """

    def __init__(self, name: str, message: str = "") -> None:
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name
        self.message = message
        self.where: tuple[str, int] | None = None


class Return(Exception):
    """A function ends."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Break(Exception):
    """A loop ends."""


class Continue(Exception):
    """A turn of a loop ends."""
