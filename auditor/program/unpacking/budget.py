"""What unpacking one program may cost, in steps and bytes; reaching a bound ends the work by an exception."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from auditor.program.limits import MAX_LAYER_BYTES, MAX_STEPS, MAX_TOTAL_BYTES

_SIZE_THAT_COUNTS = 4096


class BudgetSpent(Exception):
    """A cap of `limits` was reached; the message says which."""


class PhaseSpent(BudgetSpent):
    """The share of one attempt is used up; other attempts may go on."""


class Budget:
    """Counts down while a program is unpacked."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._floor = 0
        self._bytes = MAX_TOTAL_BYTES

    @contextmanager
    def share(self, steps: int) -> Iterator[None]:
        """Give what runs inside at most `steps`; raises `PhaseSpent` there when they are used up."""
        floor, self._floor = self._floor, max(self._floor, self._steps - steps)
        try:
            yield
        finally:
            self._floor = floor

    def step(self, count: int = 1) -> None:
        """Pay for interpreted nodes."""
        self._steps -= count
        if self._steps < self._floor > 0:
            raise PhaseSpent("not reached within the steps of one attempt")
        if self._steps < 0:
            raise BudgetSpent(f"unpacking took more than {MAX_STEPS:,} steps")

    def allocate(self, size: int) -> None:
        """Pay for a value of `size` bytes or characters, before it is made where that can be known."""
        if size > MAX_LAYER_BYTES:
            raise BudgetSpent(
                f"a value of {size:,} bytes, more than the {MAX_LAYER_BYTES:,} that are unpacked"
            )
        if size > _SIZE_THAT_COUNTS:
            self._bytes -= size
            if self._bytes < 0:
                raise BudgetSpent(f"unpacking made more than {MAX_TOTAL_BYTES:,} bytes of values")
