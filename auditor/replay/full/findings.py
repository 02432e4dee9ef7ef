"""What is wrong with a run or a set of runs: one sentence each, named, with what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from auditor.exit_codes import ExitCode


class Weight(Enum):
    """What follows from a finding."""

    VIOLATION = "violation"
    """A limit or a rule is broken by what was measured."""

    FAILED = "failed"
    """The run did not come to its end, so that nothing is shown."""

    REVIEW = "review"
    """What was seen does not decide; a person must."""

    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullFinding:
    """One finding.

    Attributes:
        kind: a word for it that does not change.
        seed: of the run, None where it is about all of them.
    """

    kind: str
    weight: Weight
    message: str
    seed: int | None = None


def exit_of(found: Iterable[FullFinding]) -> ExitCode:
    """The exit code that findings amount to."""
    weights = {one.weight for one in found}
    if weights & {Weight.VIOLATION, Weight.FAILED}:
        return ExitCode.VIOLATION
    return ExitCode.REVIEW if Weight.REVIEW in weights else ExitCode.CLEAN
