"""The command line: its help is light, bad input gives one clear line, bugs read as bugs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor import cli
from auditor.errors import AuditorError

FLAT = Path(__file__).parents[1] / "specimens" / "flat.py"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    captured = capsys.readouterr()
    return int(code), captured.out, captured.err


def test_help_loads_no_heavy_library() -> None:
    heavy = ["libcst", "scipy", "torch", "numpy", "rich", "jinja2"]
    program = (
        "import sys; from auditor import cli; code = cli.run(['--help']);"
        f"print([name for name in {heavy!r} if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.parametrize("name", [n for n in cli.COMMANDS if cli._exists(n)])
def test_command_help_agrees_with_the_list(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert cli.COMMANDS[name].rstrip(".").split(":")[0].lower() in " ".join(out.split()).lower()


def test_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "judge")
    assert (code, out) == (2, "")
    assert "judge" in err


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "empty.py").write_text("\n \n")
    (tmp_path / "binary.py").write_bytes(b"import torch\n\0\0\0\x7fELF")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README.md").write_text("nothing to run\n")
    (tmp_path / "good.py").write_text(FLAT.read_text())
    return tmp_path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.py", "no file or folder at"),
        ("empty.py", "is empty"),
        ("binary.py", "is binary"),
        ("picture.png", "is not a Python script"),
        ("folder", "holds no training or evaluation script"),
    ],
)
def test_bad_target_is_one_line_and_exit_2(
    name: str, says: str, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "audit", str(inputs / name))
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith("error: ") and says in lines[0] and name in lines[0]
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert "Traceback" not in err


def test_text_that_is_no_python_is_judged_and_never_compliant(
    inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (inputs / "prose.py").write_text("This is no program at all.\nIt only says so.\n")
    code, out, _ = run(capsys, "audit", "--format", "json", str(inputs / "prose.py"))
    answer = json.loads(out)
    assert (code, answer["verdict"]) == (2, "nothing")
    assert answer["problems"][0]["kind"] == "syntax"
    assert answer["problems"][0]["line"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["audit"], "give either a script or folder"),
        (["audit", "--git", ".", "x.py"], "give either a script or folder"),
        (["audit", "--ref", "main", "x.py"], "need --git"),
        (["audit", "--config", "TTT", "GOOD"], "KEY=VALUE"),
        (["explain", "train-befor-score"], "no rule"),
        (["corpus", "--git", "NOWHERE", "--all"], "cannot list the refs"),
    ],
)
def test_contradictory_arguments_are_told(
    arguments: list[str], says: str, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(inputs / "good.py") if word == "GOOD" else word for word in arguments]
    code, out, err = run(capsys, *given)
    assert (code, out) == (2, "")
    assert says in err and "Traceback" not in err


def test_unknown_ref_is_told_with_the_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    code, _, err = run(capsys, "audit", "--git", str(tmp_path), "--ref", "refs/pull/77/head")
    assert code == 2
    assert err.startswith("error: ") and "refs/pull/77/head" in err and "Traceback" not in err


def test_output_that_cannot_be_written_is_told(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "rules", "-o", str(inputs / "no" / "such" / "folder.txt"))
    assert code == 2
    assert "cannot write" in err


def test_bug_is_exit_4_with_a_traceback(
    monkeypatch: pytest.MonkeyPatch, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr("auditor.audit.targets.audit_target", broken)
    code, out, err = run(capsys, "audit", str(inputs / "good.py"))
    assert (code, out) == (4, "")
    assert "Traceback" in err
    assert "the auditor failed: RuntimeError: wires crossed" in err


def test_error_text_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AuditorError("cannot read \x1b[2Jevil\rname", hint="two\nlines")

    monkeypatch.setattr("auditor.audit.targets.audit_target", refuse)
    code, _, err = run(capsys, "audit", str(inputs / "good.py"))
    assert code == 2
    assert err == "error: cannot read \\x1b[2Jevil\\x0dname\nhint: two lines\n"


def test_explain_prints_the_page_of_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "explain", "train-data-at-eval")
    assert code == 0
    assert out.startswith("# train-data-at-eval: ")
    assert "#593" in out and "https://github.com/openai/parameter-golf/pull/593" in out


def test_rules_lists_every_rule_once(capsys: pytest.CaptureFixture[str]) -> None:
    from rules import ALL

    code, out, _ = run(capsys, "rules")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines() if re.match(r"  \S", line)]
    assert sorted(listed) == sorted(rule.slug for rule in ALL)


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("C2", ("target-keyed-cache", "unnormalized-distribution")),  # a condition: the rules that ask it
        ("pr scop", ("pr-scope",)),
        ("over_600", ("train_over_600s", "eval_over_600s")),
        ("sead-selection", ("seed-selection",)),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_what_was_perhaps_meant(
    asked: str, meant: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "explain", asked)
    assert code == 2
    hint = err.splitlines()[1]
    assert hint.startswith("hint: did you mean ") and all(name in hint for name in meant)


def test_same_bytes_twice(inputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run(capsys, "audit", str(inputs / "good.py"))[1] for _ in range(2)]
    assert runs[0] == runs[1] != ""


def test_a_slip_in_a_commands_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean audit?" in run(capsys, "audti")[2]
    assert run(capsys, "xyzzy")[0] == 2
