"""Annotations of a workflow and GitLab's Code Quality: one remark a line, at its place, that nothing breaks out of."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from auditor.report import annotations, codequality
from auditor.trace.events import Place
from rules.core.rule import Finding, Level, Outcome
from tests.report.made import PATH, made_result


def finding(message: str, place: Place, level: Level = Level.ERROR) -> Finding:
    return Finding(
        rule="pr-scope",
        code="other_paths_changed",
        outcome=Outcome.FAIL if level is Level.ERROR else Outcome.REVIEW,
        level=level,
        message=message,
        locations=(place,),
    )


def test_a_finding_is_an_error_at_its_line() -> None:
    lines = annotations.render([made_result()], ["the target has a note"]).splitlines()
    assert re.fullmatch(
        rf"::error file={re.escape(PATH)},line=\d+,title=train-before-score::[^\n]+", lines[0]
    )
    assert lines[-1] == "::notice::the target has a note"
    assert lines.index(next(line for line in lines if line.startswith("::warning"))) > 0


def test_text_of_a_submission_begins_no_command_and_ends_no_property() -> None:
    hostile = finding("100%\n::set-output name=x::1\r\u202e", Place("a,line=1::b:\n%0A.py", 0, 3))
    (line,) = annotations.render([], about=[hostile]).splitlines()
    properties, _, text = line.removeprefix("::error ").partition("::")
    assert dict(pair.split("=", 1) for pair in properties.split(",")) == {
        "file": "a%2Cline=1%3A%3Ab%3A %250A.py",
        "line": "3",
        "title": "pr-scope%3A other_paths_changed",
    }
    assert text == "100%25 ::set-output name=x::1\\x0d\\u202e"


def test_a_place_in_a_decoded_layer_is_told_and_marked_at_the_first_line() -> None:
    (line,) = annotations.render([], about=[finding("x", Place("t.py", 2, 40))]).splitlines()
    assert "file=t.py,line=1," in line and line.endswith("::x (decoded layer 2, line 40)")


def test_no_more_than_the_runner_shows_and_the_gravest_first() -> None:
    many = [finding(f"w{n}", Place("t.py", 0, n), Level.WARNING) for n in range(1, 13)]
    lines = annotations.render([], about=[*many, finding("e", Place("t.py", 0, 1))]).splitlines()
    assert [line.partition(" ")[0] for line in lines[:11]] == ["::error"] + ["::warning"] * 10
    assert lines[11:] == ["::notice::2 more of level warning are in the summary"]


def test_code_quality_has_what_gitlab_asks_for() -> None:
    result = made_result()
    issues = json.loads(codequality.render([result, result], about=[finding("x", Place("t.py", 0, 4))]))
    assert {tuple(sorted(issue)) for issue in issues} == {
        ("check_name", "description", "fingerprint", "location", "severity")
    }
    assert issues[0]["check_name"] == "train-before-score" and issues[0]["severity"] == "critical"
    assert issues[0]["location"]["path"] == PATH and issues[0]["location"]["lines"]["begin"] >= 1
    assert issues[-1]["location"] == {"path": "t.py", "lines": {"begin": 4}}
    assert len({issue["fingerprint"] for issue in issues}) == len(issues), "each is said once"


def test_code_quality_tells_what_was_accepted() -> None:
    told = "accepted: time-limit (fail) of t.py: ruled in #1 (until 2027-01-01)"
    last = json.loads(codequality.render([made_result()], [told, told]))[-1]
    assert last["description"] == told and last["severity"] == "info" and last["location"]["path"] == PATH


def test_what_passes_is_not_told() -> None:
    result = made_result()
    clean = replace(result, findings=(), rules=tuple(replace(a, outcome=Outcome.PASS) for a in result.rules))
    assert annotations.render([clean]) == "" and codequality.render([clean]) == "[]\n"
