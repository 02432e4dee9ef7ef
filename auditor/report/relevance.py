"""The part of an evaluation that a verdict hangs on: what the claimed number is made of, and what came before it."""

from __future__ import annotations

from auditor.judgement.result import AuditResult
from auditor.trace.answer import Answer
from auditor.trace.events import Place
from auditor.trace.lines import Mark, Matters
from rules.core.rule import Outcome

ALWAYS = frozenset({"unknown", "select", "skip", "restore"})
"""Kinds of events that are shown wherever they stand: each may change what the number means."""


def relevant(result: AuditResult) -> Matters | None:
    """Which lines of the timeline matter; None where no number is known that they could matter to."""
    trace = result.trace
    claimed = trace.claimed_report if trace is not None else None
    if trace is None or claimed is None:
        return None
    scores = trace.scores_of(claimed)
    places = {claimed.place, *(score.place for score in scores)}
    places |= {
        absorbed.update.place
        for score in scores
        for absorbed in score.absorbed
        if absorbed.overlap is not Answer.NO
    }
    states = {state.name for score in scores for state in score.states}
    for finding in result.findings:
        if finding.report in (None, claimed.label) and finding.outcome is not Outcome.PASS:
            places |= {*finding.locations, *(step.place for step in finding.steps)}

    def matters(kind: str, text: str, at: Place, mark: Mark) -> bool:
        if kind in ALWAYS or mark is Mark.CLAIMED or mark is Mark.DEAD:
            return True
        if kind == "load":
            return text.startswith("LOAD    val")
        if kind in ("update", "reset"):
            return at in places or any(f" {name} " in f"{text} " for name in states)
        return at in places and kind in ("score", "save")

    return matters
