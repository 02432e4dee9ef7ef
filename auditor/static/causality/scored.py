"""A loss of tokens as a run met it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.static.causality.tensor import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One loss of one call.

    Attributes:
        by: the operation.
        where: path and line.
        excess: (WAYS,), the furthest that a row reaches at or beyond its target: 0 is the target itself, below 0 is
            before it.
        row: (WAYS,), the target's place in the stream at that row.
        rows: how many targets there are.
    """

    by: str
    where: tuple[str, int]
    excess: Array
    row: Array
    rows: int
