"""The picture of a replayed run as SVG, in the same signs as that of an audit, so that both can stand side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.report.clean import clean_line
from auditor.report.picture.measured import measured
from auditor.report.picture.scene import Scene
from auditor.report.svg import drawn_below

_NUMBER = re.compile(r"(?:val_)?bpb[:=\s]+([0-9.]+)", re.IGNORECASE)


def render(results: Sequence[ReplayResult]) -> str:
    """One drawing a submission, one below the other."""
    scenes = [(result.path, replay_picture(result), _without(result)) for result in results]
    return drawn_below(scenes)


def replay_picture(result: ReplayResult) -> Scene | None:
    """The picture of one replay, or None if it did not run to a number."""
    if result.trace is None:
        return None
    outcomes = [condition.outcome for condition in result.conditions.values()]
    found = _NUMBER.search(result.claimed)
    return measured(
        result.trace,
        passed=bool(outcomes) and all(outcome is Outcome.PASS for outcome in outcomes),
        failed=Outcome.FAIL in outcomes,
        number=f"{found[1][:8]} at toy size" if found else "",
    )


def _without(result: ReplayResult) -> str:
    return f"Not drawn: {clean_line(result.reason) or 'no number was followed to its scores'}."
