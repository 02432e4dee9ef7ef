"""What every part of the unpacking interpreter shares: files, budget, and where a value came from."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.program.unpacking.budget import Budget
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.library import LibraryCalls
from auditor.program.unpacking.methods import PLAIN
from auditor.program.unpacking.values import Code, Method, Unknown

Scopes = list[dict[str, object]]


class InterpreterBase:
    """State of one interpretation.

    Attributes:
        current: index of the layer whose statements run.
        sources: what was written to each file of the virtual file system, as the value that was written.
    """

    def __init__(self, files: VirtualFiles, budget: Budget) -> None:
        self.files = files
        self.budget = budget
        self.library = LibraryCalls(files, budget)
        self.current = 0
        self.sources: dict[str, object] = {}
        self._provenance: dict[int, tuple[object, tuple[str, ...]]] = {}

    def history(self, value: object) -> tuple[str, ...]:
        """Return the decoders that made `value`, innermost first."""
        entry = self._provenance.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else ()

    def derived(self, result: object, sources: Sequence[object], step: str | None = None) -> object:
        """Note that `result` was made from `sources` (by the decoder `step`); returns it."""
        if isinstance(result, (str, bytes, bytearray, list, tuple, dict, Code)) and (
            step is not None or id(result) not in self._provenance
        ):
            past: tuple[str, ...] = ()
            for source in sources:
                past = max(past, self.history(source), key=len)
            if step is not None:
                past = (*past, step)
            if past:
                self._provenance[id(result)] = (result, past)
        return result

    def truth(self, value: object) -> bool | None:
        """Return the truth of a value, or None where it is not known."""
        if isinstance(value, PLAIN):
            return bool(value)
        return None if isinstance(value, (Unknown, Method)) else True
