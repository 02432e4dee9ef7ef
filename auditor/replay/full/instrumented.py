"""The toy replay beside the full run: what its experiments prove or suspect, as findings of the whole.

At full size nothing inside is recorded, so that printed numbers are claims. At toy size each of them is followed back
to the scores it was made from; a number that its scores do not give shows there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.probes.outcome import Outcome

if TYPE_CHECKING:
    from auditor.replay.probes.outcome import ReplayResult


def instrumented_findings(result: ReplayResult) -> Iterator[FullFinding]:
    """A failed condition is a violation, a suspicion or a replay that did not run is for a person."""
    for name, condition in sorted(result.conditions.items()):
        if condition.outcome is Outcome.FAIL:
            why = f"{condition.why}{f': {condition.witness}' if condition.witness is not None else ''}"
            yield FullFinding(
                kind=f"condition-{name}", weight=Weight.VIOLATION, message=f"{name} fails: {why}"
            )
    for suspicion in result.suspicions:
        yield FullFinding(
            kind=f"suspicion-{suspicion.kind.replace(' ', '-')}",
            weight=Weight.REVIEW,
            message=f"at toy size: {suspicion.why}",
        )
    if not result.ran:
        yield FullFinding(
            kind="not-replayed",
            weight=Weight.REVIEW,
            message=f"the toy replay did not run, so that printed numbers stay claims: {result.reason}",
        )
    elif not result.proven and not result.suspicions and not result.failed:
        unproven = [name for name, c in sorted(result.conditions.items()) if c.outcome is not Outcome.PASS]
        yield FullFinding(
            kind="conditions-unverified",
            weight=Weight.REVIEW,
            message=f"the toy replay leaves {', '.join(unproven)} unverified: {result.conditions[unproven[0]].why}",
        )
