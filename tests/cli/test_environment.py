"""What the command line says of its surroundings: missing extras, settings no script has, several outputs at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor import specimens
from auditor.cli import run
from auditor.errors import AuditorError, InputError
from auditor.extras import require
from auditor.reading.overrides import check_overrides
from auditor.submission.load import load_path
from auditor.submission.model import Submission

HOME = Path(specimens.__file__).parent


def submissions(*names: str) -> list[Submission]:
    return [found for name in names for found in load_path(str(HOME / name)).submissions]


def test_a_missing_extra_is_named_with_the_way_to_get_it() -> None:
    require("replay", "json", "ast")
    with pytest.raises(AuditorError, match="this needs no_such_module and no_other") as caught:
        require("replay", "json", "no_such_module", "no_other")
    assert caught.value.hint == "pip install 'parameter-golf-auditor[replay]'"


def test_replay_without_its_extra_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    script = str(HOME / "legal_lora_ttt.py")
    for arguments in (["replay", script], ["audit", "--replay", script]):
        assert run(arguments) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: this needs torch\n") and "[replay]" in err


def test_a_setting_that_no_script_has_is_refused_with_those_that_are_near() -> None:
    with pytest.raises(InputError, match="no setting of that name") as caught:
        check_overrides(submissions("train_before_score.py"), {"TTT_EPOCH": "5"})
    assert caught.value.hint == "did you mean TTT_EPOCHS?"


def test_a_setting_of_one_script_of_several_is_taken_and_the_others_are_named() -> None:
    both = submissions("train_before_score.py", "legal_lora_ttt.py")
    (note,) = check_overrides(both, {"TTT_EPOCHS": "1", "WORLD_SIZE": "1"})
    assert note == "legal_lora_ttt.py has no setting TTT_EPOCHS"


def test_a_script_that_is_not_read_whole_may_have_any_setting(tmp_path: Path) -> None:
    (tmp_path / "train_gpt.py").write_text("import sys\nexec(sys.stdin.read())\nprint('val_bpb:', 1.0)\n")
    (packed,) = load_path(str(tmp_path / "train_gpt.py")).submissions
    assert check_overrides([packed], {"ANYTHING": "1"}) == ()


def test_one_audit_writes_several_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = str(HOME / "legal_lora_ttt.py")
    also = [f"--also=json={tmp_path / 'a.json'}", f"--also=sarif={tmp_path / 'a.sarif'}"]
    assert run(["audit", script, "--quiet", *also]) == 0
    assert capsys.readouterr().out.strip().endswith("COMPLIANT")
    answer = json.loads((tmp_path / "a.json").read_text())
    assert (answer["verdict"], answer["judged"]) == ("compliant", True)
    assert json.loads((tmp_path / "a.sarif").read_text())["version"] == "2.1.0"
    assert run(["audit", script, "--also", "pdf=x"]) == 2
    assert "--also needs FORMAT=FILE, got 'pdf=x'" in capsys.readouterr().err
