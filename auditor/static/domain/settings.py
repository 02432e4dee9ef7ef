"""Settings as the evaluator sees them: where a value came from, and what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Setting:
    """A value given to an environment name from outside the source; None where it is known to be left unset."""

    value: str | None
    origin: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Resolved:
    """An environment value that the script read."""

    name: str
    value: str | None
    origin: str
    path: str
    line: int
