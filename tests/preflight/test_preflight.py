"""Before a run: what is there, what will be asked, bytes and seconds by logs, and the staged state of a clone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from rules.examples.record_folder import SCRIPT, toy_folder
from tests.submission.conftest import Repository

TRACK = "records/track_10min_16mb"
NAME = f"{TRACK}/2026-04-20_New"


def entry(root: Path, files: Mapping[str, str]) -> Path:
    folder = root / NAME
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["preflight", "--format", "json", *arguments])
    (folder,) = json.loads(capsys.readouterr().out)["folders"]
    return code, folder


def meta(**more: object) -> str:
    fields = {"name": "n", "author": "a", "github_id": "g", "date": "2026-04-20", "val_bpb": None}
    return json.dumps({**fields, **more})


@pytest.fixture
def skeleton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train_gpt.py").write_text(SCRIPT)
    made = run(["init", "New", "--author", "A Ü", "--github-id", "g", "--date", "2026-04-20"])
    assert made == 0
    return tmp_path / NAME


def test_a_skeleton_lacks_what_runs_bring_and_no_more(
    skeleton: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["records", NAME, "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {found["code"] for found in told["findings"]} == {"missing_logs", "missing_claim"}
    code, found = asked(capsys, NAME)
    assert {a["what"]: a["state"] for a in found["asked"] if a["state"] == "missing"} == {}
    assert sum(a["state"] == "after the runs" for a in found["asked"]) == 2
    assert code == found["exit_code"] == {"compliant": 0, "review": 3}[found["audits"][0]["verdict"]]
    assert found["bytes"]["code"] == len(SCRIPT.encode()) and found["bytes"]["fit"] == "unknown"


def test_what_is_there_is_not_written_over(skeleton: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (skeleton / "README.md").write_text("mine")
    assert run(["init", "New", "--author", "a", "--github-id", "g", "--date", "2026-04-20"]) == 2
    assert (skeleton / "README.md").read_text() == "mine"
    for bad in (["../up"], ["a b"], ["New", "--date", "today"], ["Other", "--script", "nowhere.py"]):
        assert run(["init", *bad, "--author", "a", "--github-id", "g"]) == 2
    assert sorted(path.name for path in (skeleton.parent).iterdir()) == ["2026-04-20_New"]


def test_a_folder_that_lacks_what_no_run_brings_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = entry(tmp_path, {"train_gpt.py": SCRIPT, "submission.json": meta(github_id="")})
    code, found = asked(capsys, str(folder))
    missing = {a["what"]: a["because"] for a in found["asked"] if a["state"] == "missing"}
    assert code == 1 and missing == {
        "README.md": "the folder has no README.md",
        "submission.json": "without github_id",
    }


def test_bytes_and_seconds_are_those_of_the_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {**toy_folder(), "train_gpt.py": SCRIPT, "submission.json": meta(val_bpb=1.122874)}
    _, found = asked(capsys, str(entry(tmp_path, files)))
    model = found["bytes"]["model"]
    assert (model["low"], model["high"], found["bytes"]["fit"]) == (15_000_000, 15_000_000, "fits")
    stages = {stage["name"]: (stage["seconds"], stage["fit"]) for stage in found["stages"]}
    assert stages["training"] == (588.0, "fits") and stages["evaluation"] == (300.0, "fits")
    assert stages["calibration"][0] is None
    assert found["plan"]["margin_bpb"] == pytest.approx(0.005 * 0.268339 / 0.693147, rel=1e-3)


def test_one_log_of_a_shorter_run_leaves_the_spread_of_seeds_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two GPUs take four times as long as eight; a model within 0.8 % of the limit may be over it with another seed."""
    log = tmp_path / "short.log"
    text = toy_folder(model=15_950_000)["train_seed1.log"].replace("world_size:8", "world_size:2")
    log.write_text(text)
    folder = entry(tmp_path, {"train_gpt.py": SCRIPT, "submission.json": meta(), "README.md": "x"})
    code, found = asked(capsys, str(folder), "--log", str(log))
    assert found["bytes"]["fit"] == "close" and found["bytes"]["model"]["high"] == 16_077_600
    (evaluation,) = [stage for stage in found["stages"] if stage["name"] == "evaluation"]
    assert evaluation["seconds"] == pytest.approx(75.0) and "on 2 GPUs" in evaluation["from"]
    assert code in (0, 3)


@pytest.mark.parametrize(
    "option, over",
    [
        ("--model-bytes=16000000", "bytes"),
        ("--eval-seconds=601", "evaluation"),
        ("--train-seconds=601", "training"),
    ],
)
def test_what_is_over_a_limit_fails(
    option: str, over: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = entry(tmp_path, {"train_gpt.py": SCRIPT, "submission.json": meta(), "README.md": "x"})
    assert run(["preflight", str(folder), option]) == 1
    out = capsys.readouterr().out
    assert f"over a limit: {over}" in out.splitlines()[1] == out.splitlines()[-1]
    assert max(map(len, out.splitlines()[2:-1])) <= 80


def test_what_is_staged_is_judged_and_not_what_lies_in_the_work_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path)
    repository.git("init", "-q", "-b", "main")
    repository.commit({"README.md": "# x\n"})
    monkeypatch.chdir(tmp_path)
    assert run(["preflight", "--staged"]) == 0
    assert "nothing under records/ is staged" in capsys.readouterr().out
    folder = entry(tmp_path, {"train_gpt.py": SCRIPT, "submission.json": meta(), "README.md": "x"})
    repository.git("add", "-A")
    (folder / "README.md").unlink()
    (folder / "train_gpt.py").write_text("no python (")
    code, found = asked(capsys, "--staged")
    assert found["folder"] == NAME and found["bytes"]["code"] == len(SCRIPT.encode())
    assert not [a for a in found["asked"] if a["state"] == "missing"]
    verdict = found["audits"][0]["verdict"]
    assert (code, run(["preflight", "--staged", "--fail-on", "violation"])) == (
        {"compliant": 0, "review": 3}[verdict],
        0,
    )


def test_a_script_that_breaks_the_rules_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.attacks.attack import ILLEGAL

    folder = entry(tmp_path, {"train_gpt.py": ILLEGAL, "submission.json": meta(), "README.md": "x"})
    assert run(["preflight", str(folder), "--fail-on", "violation"]) == 1
    assert "code VIOLATION" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["nowhere"], [".", "--staged"], [".", "--log", "nowhere"], ["--beat", "x"]]
)
def test_what_cannot_be_used_is_said(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["preflight", *arguments]) == 2
    assert "error:" in capsys.readouterr().err


def test_an_entry_that_is_a_link_is_not_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / TRACK).mkdir(parents=True)
    (tmp_path / NAME).symlink_to("/etc")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "start"], ["add", "."]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    assert run(["preflight", "--staged"]) == 2
    assert f"cannot judge {NAME}" in capsys.readouterr().err
