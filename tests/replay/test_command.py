"""`auditor replay`: exit codes, JSON, text, and two ranks."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import pytest

from auditor import cli
from auditor.errors import AuditorError
from auditor.replay.probes.outcome import Outcome
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.submission.load import load_path

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
SPECIMENS = Path(__file__).parents[1] / "specimens"


def test_illegal_script_exits_1_and_says_what_was_proved(
    rung: IsolationLevel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "replay.json"
    words = ["replay", "--seed", "3", "--sandbox", rung.value, "--format", "json", "-o", str(out), "--quiet"]
    assert cli.run([*words, str(SPECIMENS / "slot.py")]) == 1
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["schema"] == 1 and told["ran"] is True and told["reason"] is None
    assert sorted(told["conditions"]) == ["C1", "C2", "C3", "C4"]
    witness = told["conditions"]["C1"]["witness"]
    assert witness["kind"] == "leak" and witness["before"] != witness["after"]
    assert all(step["path"] == "slot.py" and step["line"] > 0 for step in witness["steps"])
    assert told["sandbox"]["rung"] == rung.value
    assert told["trace"]["witness"] == "replay"
    assert {probe["probe"] for probe in told["probes"]} >= {"P0", "P1", "P2", "P3", "P4", "P5", "P7"}
    assert capsys.readouterr().out == ""


def test_legal_script_exits_0_with_its_timeline(
    rung: IsolationLevel, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", "--seed", "3", "--sandbox", rung.value, str(SPECIMENS / "flat.py")]
    assert cli.run(words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("PASS: all four conditions\n")
    assert "Timeline of the first run" in shown and "◀ claimed" in shown


def test_script_that_does_not_run_exits_3(
    rung: IsolationLevel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "train_gpt.py"
    path.write_text("import torch\nraise ValueError('not today')\n", encoding="utf-8")
    assert cli.run(["replay", "--sandbox", rung.value, str(path)]) == 3
    assert "it did not run: ValueError: not today" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "expected"), [("chunked_ttt", Outcome.PASS), ("prequant_ttt", Outcome.FAIL)]
)
def test_two_ranks_give_the_verdicts_of_one(name: str, expected: Outcome, rung: IsolationLevel) -> None:
    if not rung.has_own_network:
        pytest.skip(f"{rung.value} has no loopback of its own")
    submission = load_path(str(SPECIMENS / f"{name}.py")).submissions[0]
    result = replay_submission(submission, options=ReplayOptions(seed=4, shrink=False, ranks=2, rung=rung))
    assert result.ran, result.reason
    assert result.conditions["C1"].outcome is expected
    assert result.conditions["C3"].outcome is expected


def test_without_torch_it_says_how_to_install_it(
    rung: IsolationLevel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The server is started with a Python that finds no torch."""
    from auditor.replay.sandbox import isolation_levels

    hidden = isolation_levels._START.replace("from auditor", "sys.modules['torch'] = None; from auditor", 1)
    monkeypatch.setattr(isolation_levels, "_START", hidden)
    submission = load_path(str(SPECIMENS / "flat.py")).submissions[0]
    with pytest.raises(AuditorError) as refused:
        replay_submission(submission, options=ReplayOptions(seed=1, rung=rung))
    assert "torch" in refused.value.message
    assert "[replay]" in refused.value.hint
    assert builtins.exec is exec
