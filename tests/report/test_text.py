"""The text fits, says the verdict first and last, tells what it leaves out, and is coloured when asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from auditor import specimens
from auditor.audit.targets import audit_target
from auditor.cli import run
from auditor.judgement.result import AuditResult
from auditor.report.console import printed
from auditor.report.folding import folded, hung, wrapped
from auditor.report.text import render
from auditor.trace.events import Place
from auditor.trace.lines import Line, Mark
from rules.core.rule import Finding, Level, Outcome
from tests.report.made import made_result

SPECIMENS = Path(specimens.__file__).parent


@pytest.fixture(scope="module")
def illegal() -> AuditResult:
    return audit_target(str(SPECIMENS / "train_before_score.py"))[0][0]


@pytest.mark.parametrize("width", [60, 80, 110])
@pytest.mark.parametrize("verbose", [False, True])
def test_every_line_fits(illegal: AuditResult, width: int, verbose: bool) -> None:
    deep = replace(made_result(), doubts=("word " * 60,), notes=("n" * 300,))
    for result in (illegal, deep):
        text = render([result], ["a note " * 40], width=width, verbose=verbose)
        assert max(map(len, text.splitlines())) <= width


def test_the_verdict_is_first_and_last(illegal: AuditResult) -> None:
    lines = render([illegal]).splitlines()
    assert lines[0] == lines[-1] == "VIOLATION: train-before-score"


def test_several_verdicts_are_listed_at_the_end(illegal: AuditResult) -> None:
    legal = audit_target(str(SPECIMENS / "legal_lora_ttt.py"))[0][0]
    end = " ".join(render([illegal, legal], ["a note"]).split("\n\n")[-1].split())
    assert end == (
        f"{illegal.target.path}: VIOLATION: train-before-score {legal.target.path}: COMPLIANT note: a note"
    )


def test_a_reason_is_said_once(illegal: AuditResult) -> None:
    text = " ".join(render([illegal]).split())
    assert text.count("so the reported number comes from weights that had seen the answers") == 1
    places = [line for line in render([illegal]).splitlines() if line.startswith("      train_before_score")]
    assert places and len(places) == len(set(places)), "a frame is shown once"


def test_what_the_verdict_hangs_on_is_shown_and_the_rest_is_counted(illegal: AuditResult) -> None:
    short, whole = render([illegal]), render([illegal], verbose=True)
    for part in ("UPDATE  model  ← val[row]", "SCORE   val[row]  with model", "(repeats)", "◀ claimed"):
        assert part in short and part in whole, part
    for part in ("CLOCK", "LOAD    train", "network-access: "):
        assert part not in short and part in whole, part
    left_out = " ".join(short.partition("Left out: ")[2].split())
    assert "7 lines of the timeline" in left_out and left_out.count("--verbose") == 1
    assert short.count("\n") < whole.count("\n")


def test_findings_on_the_entry_that_differ_in_numbers_are_one() -> None:
    def found(seed: int, size: str) -> Finding:
        return Finding(
            rule="claim-mismatch",
            code="seed_bytes_mismatch",
            outcome=Outcome.FAIL,
            level=Level.ERROR,
            origin="records",
            where="submission.json",
            message=f"seed_results.{seed}.artifact_bytes = {size} is the model alone",
        )

    result = replace(made_result(), findings=(found(1, "15,695,152"), found(42, "15,715,028"), found(3, "1")))
    text = " ".join(render([result]).split())
    assert "seed_results.1.artifact_bytes = 15,695,152 is the model alone; and 2 more like it" in text
    assert "seed_results.42" not in text
    assert render([result], verbose=True).count("is the model alone") == 3


def test_without_a_claimed_number_the_whole_timeline_is_shown() -> None:
    result = made_result()
    assert result.trace is not None
    result.trace.claimed = None
    assert "RESET" in render([result])


def test_a_long_line_goes_on_below_its_branch() -> None:
    def line(branches: str, text: str, place: str) -> Line:
        return Line(
            branches=branches, kind="score", text=text, place=place, mark=Mark.NONE, at=Place("t.py", 0, 1)
        )

    text = "SCORE   val[a, b]  with " + "m" * 20 + "   ✗ trained on these by :1, :2"
    rows = [row for row, _ in folded([line("│  ├─ ", text, ":7"), line("│  └─ ", text, ":9")], 60)]
    assert rows == [
        "│  ├─ SCORE   val[a, b]  with mmmmmmmmmmmmmmmmmmmm        :7",
        "│  │     ✗ trained on these by :1, :2",
        "│  └─ SCORE   val[a, b]  with mmmmmmmmmmmmmmmmmmmm        :9",
        "│        ✗ trained on these by :1, :2",
    ]
    report = "REPORT  final val_loss:… val_bpb:…  ← SCORE :15   ◀ claimed"
    cut = [row for row, _ in folded([line("└─ ", report, ":7")], 52)]
    assert cut == ["└─ REPORT  final val_loss:… val_bpb:…             :7", "      ← SCORE :15   ◀ claimed"]
    assert wrapped("", 80, first="  a  ") == ["  a"]


@pytest.mark.parametrize(
    "arguments, environment, coloured",
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_a_choice(
    arguments: list[str],
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run([*arguments, "audit", str(SPECIMENS / "legal_lora_ttt.py")]) == 0
    assert ("\x1b[" in capsys.readouterr().out) is coloured


def test_rules_with_an_objection_are_named_by_outcome(illegal: AuditResult) -> None:
    text = render([illegal])
    failed = illegal.slugs(Outcome.FAIL)
    assert f"  fail: {', '.join(failed)}" in text


@given(st.text(st.sampled_from("ab  -12.:"), max_size=300), st.integers(40, 110))
def test_a_line_that_hangs_under_itself_fits_and_loses_no_word(line: str, width: int) -> None:
    parts = list(hung([line], width))
    assert all(len(part) <= width for part in parts)
    assert "".join("".join(parts).split()) == "".join(line.split())


def test_a_line_goes_on_under_its_text() -> None:
    assert list(hung(["  note      " + "word " * 5, "    - " + "x" * 12 + " y"], 24)) == [
        "  note      word word",
        "            word word",
        "            word ",
        "    - xxxxxxxxxxxx y",
    ]


def test_styles_go_on_where_a_line_is_broken() -> None:
    shown = printed([Text("aaa bbb", style="bold")], colour=True, width=4)
    assert shown == "\x1b[1maaa\x1b[0m\n  \x1b[1mbb\x1b[0m\n  \x1b[1mb\x1b[0m\n"
