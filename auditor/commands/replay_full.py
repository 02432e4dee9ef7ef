"""`auditor replay --full`: the run itself, launched and measured from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.submission.model import Submission


def run_full(
    submissions: Sequence[Submission],
    *,
    seeds: str,
    data: str | None,
    ranks: int,
    seconds: float,
    sandbox: str | None,
    trusted: bool,
    overrides: Mapping[str, str],
    format_name: str,
    output: str | None,
) -> int:
    """Run each submission with each seed and report what was measured.

    Raises:
        AuditorError: no data folder, a seed that is no number, or no sandbox.
    """
    raise NotImplementedError
