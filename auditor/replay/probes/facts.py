"""How far each kind of fact that a replay rests on can be relied on: enforced, observed from outside, or claimed."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.replay.probes.experiment import Evidence
from auditor.replay.probes.outcome import Fact
from auditor.replay.runs.observations import Standing
from auditor.replay.sandbox.isolation_levels import IsolationLevel


def facts_of(evidence: Evidence, rung: IsolationLevel) -> tuple[Fact, ...]:
    """The facts of the first run, those first that its process had no hand in."""
    return tuple(_facts(evidence, rung))


def _facts(evidence: Evidence, rung: IsolationLevel) -> Iterator[Fact]:
    run = evidence.base.run
    seen = run.observations
    network = (
        seen.network
        if rung is IsolationLevel.NONE or seen.network is Standing.OBSERVED
        else Standing.ENFORCED
    )
    yield Fact(what="no network beyond this machine", standing=network)
    withdrawn = Standing.ENFORCED if run.withdrawn else Standing.CLAIMED
    yield Fact(what="no training data once the artifact has been read back", standing=withdrawn)
    if seen.boundary is None:
        yield Fact(what="when the artifact was read back", standing=Standing.CLAIMED)
    else:
        yield Fact(what="when the artifact was read back", standing=seen.boundary.standing)
    yield Fact(what="which files were opened", standing=seen.opens)
    for what in (
        "what came out of the process",
        "the files that it left",
        "the order in which records were sent",
    ):
        yield Fact(what=what, standing=Standing.OBSERVED)
    if evidence.plain is not None:
        yield Fact(what="what it prints without the recorder", standing=Standing.OBSERVED)
    agrees = evidence.cut is not None and evidence.cut.agrees
    order = Standing.OBSERVED if agrees else Standing.CLAIMED
    yield Fact(what="that earlier scores need no later token", standing=order)
    yield Fact(what="losses, their tokens, gradients and steps", standing=Standing.CLAIMED)
