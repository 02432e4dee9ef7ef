"""The one exception family for bad input and a broken environment.

A fact about a submission is a value, never an exception. `AuditorError` is raised for what the caller
must mend (a missing file, an unknown ref); `auditor.cli` catches it once, prints one line and exits 2.
Anything else that propagates is a bug of the auditor and exits 4.
"""

from __future__ import annotations


class AuditorError(Exception):
    """Bad input or environment: what is wrong and where, with a hint on what to do.

    Args:
        message: one sentence naming the offending value and its place, without a full stop.
        hint: what the user can do about it, or "".
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(AuditorError):
    """The target is missing, unreadable or not what the command takes (exit 2)."""
