"""Off a terminal long work says every ten seconds how far it has come, and at the end what it found."""

from __future__ import annotations

import re
import time

import pytest

from auditor.commands.progress import corpus_progress, ticking
from auditor.corpus.row import Row


def row(pr: int, verdict: str) -> Row:
    return Row(pr=pr, head="", path="t.py", verdict=verdict)


def told(quiet: bool, capsys: pytest.CaptureFixture[str]) -> list[str]:
    now = [100.0]
    with corpus_progress(100, quiet, clock=lambda: now[0]) as tell:
        tell(40, [row(1, "compliant")])  # done by an earlier run
        for done, seconds in ((41, 4.0), (42, 4.0), (43, 4.0), (44, 4.0), (100, 40.0)):
            now[0] += seconds
            tell(done, [row(done, "review")])
    return capsys.readouterr().err.splitlines()


def test_a_line_every_ten_seconds_and_the_pace_of_this_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(False, capsys) == [
        "43 of 100 pull requests: 1 compliant, 3 review; about 4 min left",
        "6 submissions of 100 pull requests: 1 compliant, 5 review",
    ]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(True, capsys) == []


def test_a_script_that_takes_long_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with ticking(False, interval_s=0.005) as begin:
        begin(2, 11, "records/a\x1b[2J/train_gpt.py")
        while not said:
            time.sleep(0.005)
            said = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"at work for \d+ s: script 2 of 11, records/a\\x1b\[2J/train_gpt.py", said[0])
    capsys.readouterr()
    time.sleep(0.02)
    assert capsys.readouterr().err == "", "nothing is said after the end"


def test_scripts_are_named_before_they_are_audited() -> None:
    from auditor import specimens
    from auditor.audit.targets import audit_target

    begun: list[tuple[int, int, str]] = []
    script = f"{specimens.__path__[0]}/legal_lora_ttt.py"
    audit_target(script, begin=lambda *told: begun.append(told))
    assert [(number, total, path.rpartition("/")[2]) for number, total, path in begun] == [
        (1, 1, "legal_lora_ttt.py")
    ]
