"""A setting as a reader of the result sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEntry:
    """One setting that the program read: its value as text and where that came from.

    Attributes:
        origin: "--config", a log, the README, a run script, or "default".
        path, line: of the origin; line 0 where it has none.
        decides: whether a branch of the evaluation hangs on it.
    """

    name: str
    value: str
    origin: str
    path: str = ""
    line: int = 0
    decides: bool = False
