"""Runs kept by content: what is unchanged is not run again, what is changed or damaged is."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.replay.probes.outcome import ReplayResult
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.submission.load import load_path

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
SPECIMENS = Path(__file__).parents[1] / "specimens"


def replayed(script: Path, cache: Path, rung: IsolationLevel) -> ReplayResult:
    options = ReplayOptions(seed=1, shrink=False, cache=cache, rung=rung)
    return replay_submission(load_path(str(script)).submissions[0], options=options)


def outcomes(result: ReplayResult) -> dict[str, tuple[str, str]]:
    return {name: (c.outcome.value, c.why) for name, c in result.conditions.items()}


def test_unchanged_is_not_run_again_and_a_change_is(rung: IsolationLevel, tmp_path: Path) -> None:
    if not rung.has_own_files:
        pytest.skip(f"{rung.value} runs each session in another folder")
    script, cache = tmp_path / "train_gpt.py", tmp_path / "cache"
    text = (SPECIMENS / "prequant_ttt.py").read_text(encoding="utf-8")
    script.write_text(text, encoding="utf-8")
    first = replayed(script, cache, rung)
    assert first.runs > 3

    second = replayed(script, cache, rung)
    assert second.runs == 0
    assert outcomes(second) == outcomes(first)

    kept = sorted(cache.rglob("arrays.npz"))
    assert len(kept) == first.runs  # the repetition of the first run is kept beside it
    kept[0].write_bytes(b"damaged")
    third = replayed(script, cache, rung)
    assert third.runs == 1
    assert outcomes(third) == outcomes(first)
    assert replayed(script, cache, rung).runs == 0

    script.write_text(text + "\n# changed\n", encoding="utf-8")
    assert replayed(script, cache, rung).runs == first.runs
