"""What one evaluation may cost: caps make every evaluation end."""

from __future__ import annotations

from auditor.solver.expressions import expressions_known

MAX_STEPS = 600_000
"""Steps of one evaluation, a statement or so each; the longest of the real scripts take 130,000."""

MAX_EXPRESSIONS = 120_000
"""Different expressions one evaluation may bring up, a third of a gigabyte or so; real scripts take 40,000 at most."""


class StepsExhausted(Exception):
    """The evaluation reached one of its caps; its text says which."""


class Budget:
    """Counts the steps of one evaluation."""

    __slots__ = ("known_before", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.known_before = expressions_known()

    def tick(self, steps: int = 1) -> None:
        """Spend steps of the evaluation.

        Raises:
            StepsExhausted: none are left, or it brought up too many expressions; what was recorded until then
                stands, and says that it is not all.
        """
        self.steps += steps
        if self.steps > MAX_STEPS:
            raise StepsExhausted(f"after {self.steps} steps")
        if expressions_known() - self.known_before > MAX_EXPRESSIONS:
            raise StepsExhausted(f"after {MAX_EXPRESSIONS} different expressions")
