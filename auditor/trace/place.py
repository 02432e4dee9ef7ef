"""Where in a submission something stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the submission: file, layer of a packed script (0 is the file itself), 1-based line, column."""

    path: str
    layer: int
    line: int
    column: int = 0

    def __str__(self) -> str:
        layer = f" (layer {self.layer})" if self.layer else ""
        return f"{self.path}:{self.line}{layer}"
