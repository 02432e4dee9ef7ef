"""The exit codes of every command. Light: `auditor.cli` reads it at start."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command."""

    CLEAN = 0
    VIOLATION = 1
    UNUSABLE = 2
    REVIEW = 3
    CRASHED = 4


_RANK = (ExitCode.CLEAN, ExitCode.REVIEW, ExitCode.VIOLATION, ExitCode.CRASHED)


def worst_exit(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several submissions: 4 outranks 1, which outranks 3; 0 for none."""
    return max(codes, key=_RANK.index, default=ExitCode.CLEAN)
