"""Pull requests in a small repository of ours, from the object store to the comment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.commands import pr, records, stats
from auditor.errors import InputError
from auditor.program.unpacking.program import load_program
from auditor.pull_request import lineage as lineage_module
from auditor.pull_request.lineage import fingerprints, known, lineage
from auditor.pull_request.review import review_pull_request
from auditor.records.findings import Severity
from auditor.report import pull_request_comment as comment
from auditor.report.pull_request_comment import render_markdown
from rules.examples.record_folder import SCRIPT, toy_folder
from tests.specimens import lora_ttt
from tests.submission.conftest import Repository

TRACK = "records/track_10min_16mb"
BOARD = """| Run | Score | Author | Summary | Date | Info |
|---|---|---|---|---|---|
| Old | 1.1300 | a | x | 2026-03-18 | [info](records/track_10min_16mb/2026-03-17_Old/README.md) |
"""


@pytest.fixture()
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    old = {f"{TRACK}/2026-03-17_Old/{name}": text for name, text in toy_folder(scale=1.13 / 1.12268).items()}
    made.commit(
        {
            "README.md": BOARD,
            "train_gpt.py": "# root\n",
            f"{TRACK}/2026-03-17_Old/train_gpt.py": SCRIPT,
            **old,
        }
    )
    made.git("checkout", "-q", "-b", "pr")
    return made


def add_folder(repository: Repository, name: str = "2026-04-20_New", **changes: object) -> None:
    files = {f"{TRACK}/{name}/{file}": text for file, text in toy_folder(**changes).items()}
    repository.commit({**files, f"{TRACK}/{name}/train_gpt.py": SCRIPT})


def codes(repository: Repository) -> set[str]:
    review = review_pull_request(str(repository.path), "pr")
    return {found.code for found in review.scope.findings}


def test_one_new_folder_is_in_scope_and_compared_with_the_frontier(repository: Repository) -> None:
    add_folder(repository)
    review = review_pull_request(str(repository.path), "pr")
    assert review.scope.findings == () and review.scope.new_folders == (f"{TRACK}/2026-04-20_New",)
    (folder,) = review.folders
    assert folder.significance is not None and folder.significance.from_logs
    assert folder.significance.row.name == "Old"
    assert folder.significance.comparison.difference_bpb == pytest.approx(1.12268 - 1.13, abs=2e-5)
    assert not folder.records.failed
    assert folder.records.outside == {"pr-scope", "significance"}


def test_small_gain_is_told(repository: Repository) -> None:
    add_folder(repository, scale=1.1299 / 1.12268)
    (folder,) = review_pull_request(str(repository.path), "pr").folders
    (found,) = [f for f in folder.records.findings if f.rule == "significance"]
    assert found.code == "improvement_not_significant" and found.severity is Severity.WARN
    assert "nats per token" in found.message


def test_other_paths_several_folders_and_old_records_are_out_of_scope(repository: Repository) -> None:
    add_folder(repository)
    repository.commit({"train_gpt.py": "# changed\n"})
    assert codes(repository) == {"other_paths_changed"}
    add_folder(repository, "2026-04-21_Second")
    repository.commit({f"{TRACK}/2026-03-17_Old/README.md": "changed"})
    assert codes(repository) == {"other_paths_changed", "multi_folder_pr", "existing_record_changed"}


def test_folder_outside_a_track_is_told(repository: Repository) -> None:
    repository.commit({"records/mine/train_gpt.py": SCRIPT, "records/mine/README.md": "x"})
    assert codes(repository) == {"wrong_track"}


def test_comment_and_json(repository: Repository) -> None:
    add_folder(repository)
    repository.commit({"train_gpt.py": "# changed\n"})
    arguments = ["--git", str(repository.path), "--ref", "pr"]
    shown = CliRunner().invoke(pr.command, arguments, standalone_mode=False)
    assert shown.return_value == 1
    assert "other_paths_changed" in shown.output and "| significance |" in shown.output
    assert "**The evaluation is compliant; 1 thing in the entry must be mended.**" in shown.output
    mend, _, rest = shown.output.partition("### To be mended")[2].partition("### ")
    assert [line for line in mend.splitlines() if line] == [
        "- `other_paths_changed`: touches 1 path outside records folders: M train\\_gpt.py"
    ]
    assert "<details><summary>Runs of 2026-04-20" in rest
    machine = CliRunner().invoke(pr.command, [*arguments, "--format", "json"], standalone_mode=False)
    value = json.loads(machine.output)
    assert value["scope"]["new_folders"] == [f"{TRACK}/2026-04-20_New"]
    assert value["significance"][0]["welch"]["p"] < 0.01
    assert value["submissions"][0]["target"]["path"].endswith("train_gpt.py")


def test_records_command_exits_by_its_fail_findings(repository: Repository) -> None:
    add_folder(repository)
    arguments = ["--git", str(repository.path), "--ref", "pr", "--format", "json"]
    clean = CliRunner().invoke(records.command, arguments, standalone_mode=False)
    assert clean.return_value == 0 and json.loads(clean.output)["claim"]["how"] == "mean"
    add_folder(repository, "2026-04-22_Slow", train_ms=604_000)
    bad = CliRunner().invoke(records.command, arguments, standalone_mode=False)
    assert bad.return_value == 1
    assert {folder["folder"] for folder in json.loads(bad.output)["folders"]} == {
        f"{TRACK}/2026-04-20_New",
        f"{TRACK}/2026-04-22_Slow",
    }


def test_records_command_takes_a_folder_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="is a file, not a records folder"):
        CliRunner().invoke(
            records.command, [str(tmp_path / "notes.txt")], standalone_mode=False, catch_exceptions=False
        )


def test_stats_command_takes_folders_of_refs_and_numbers(repository: Repository) -> None:
    add_folder(repository)
    old = f"main:{TRACK}/2026-03-17_Old"
    arguments = ["compare", "--git", str(repository.path), old, "pr", "--format", "json"]
    value = json.loads(CliRunner().invoke(stats.command, arguments, standalone_mode=False).output)
    assert value["welch"]["t"] < 0 and value["old"]["seeds"] == [1, 2, 3]
    numbers = ["compare", "--old-bpb", "1.13,1.131", "--new-bpb", "1.12 1.121", "--format", "json"]
    value = json.loads(CliRunner().invoke(stats.command, numbers, standalone_mode=False).output)
    assert value["difference"]["bpb"] == pytest.approx(-0.01)
    assert value["difference"]["nats_per_token"] is None


def test_long_timeline_keeps_its_end(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    add_folder(repository)
    review = review_pull_request(str(repository.path), "pr")
    whole = render_markdown(review)
    monkeypatch.setattr(comment, "MAX_TIMELINE_CHARACTERS", 200)
    cut = render_markdown(review)
    assert len(cut) < len(whole) and "lines before)" in cut
    last = [line for line in whole.splitlines() if "REPORT" in line][-1]
    assert last in cut


def test_functions_of_ruled_pull_requests_are_named_with_the_ruling(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(lora_ttt.__file__).read_bytes()
    program = load_program("train_gpt.py", source, lambda _: None)
    prints = {unit.name: print_ for print_, unit in fingerprints(program).items()}
    name, mine = max(prints.items(), key=lambda item: "ttt" in item[0])
    monkeypatch.setattr(lineage_module, "known", lambda: {77: frozenset({mine}), 568: frozenset({mine})})
    found = lineage(program, own=77)
    assert [(relative.pr, relative.shared) for relative in found.relatives] == [(568, (name,))]
    assert found.relatives[0].rules == ("rescore-after-update",) and found.common == {}
    assert lineage(program, stock=frozenset({mine})).relatives == ()
    monkeypatch.setattr(lineage_module, "MAX_RELATIVES", 1)
    assert lineage(program).common == {name: {"illegal": 1, "legal": 1}}


def test_lineage_data_holds_fingerprints_alone() -> None:
    prints = known()
    assert len(prints) > 100
    assert all(len(print_) == 16 and int(print_, 16) >= 0 for row in prints.values() for print_ in row)


def test_every_format_is_made_from_one_pass(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script is read once, and each format tells of the script, of the entry and of what stands outside of it."""
    from auditor.pull_request import review as module
    from auditor.report import FORMATS

    add_folder(repository, scale=1.1299 / 1.12268)
    repository.commit({"docs/x.md": "x\n"})
    asked: list[str] = []
    whole = module.audit_once
    monkeypatch.setattr(module, "audit_once", lambda *a, **k: (asked.append("read"), whole(*a, **k))[1])
    also = [f"--also={name}={tmp_path / name}" for name in FORMATS]
    arguments = ["--git", str(repository.path), "--ref", "pr", *also]
    result = CliRunner().invoke(pr.command, arguments, standalone_mode=False)
    assert result.return_value == 1, result.output
    assert len(asked) == 1
    for name in FORMATS:
        if name != "svg":
            text = " ".join((tmp_path / name).read_text(encoding="utf-8").split())
            assert "docs/x.md" in text and "is not met" in text, name
    lines = (tmp_path / "text").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 80 and "\\" not in "".join(lines), "no Markdown for a person at a terminal"
    assert lines[0] == lines[-1] == result.output.split("**")[1], "the answer of the comment, first and last"
    whole_json = json.loads((tmp_path / "json").read_text())
    assert whole_json["exit_code"] == 1 and whole_json["record_verdict"] == "problems"
    sarif = json.loads((tmp_path / "sarif").read_text())
    about = sarif["runs"][-1]
    assert about["automationDetails"] == {"id": "auditor/pull-request/"}
    assert [found["ruleId"] for found in about["results"]] == ["pr-scope", "significance"]
    places = [
        found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for found in about["results"]
    ]
    assert places == ["docs/x.md", f"{TRACK}/2026-04-20_New/submission.json"]


def test_a_pull_request_without_an_entry_is_in_order_and_says_so(repository: Repository) -> None:
    repository.commit({"docs/x.md": "x\n"})
    review = review_pull_request(str(repository.path), "pr")
    assert review.exit_code() == 0 and review.scope.others
    assert "**There is no entry: nothing changed under records/" in render_markdown(review)


def test_an_entry_that_is_taken_away_is_no_pull_request_without_an_entry(repository: Repository) -> None:
    repository.git("rm", "-rq", f"{TRACK}/2026-03-17_Old")
    repository.git("commit", "-qm", "gone")
    review = review_pull_request(str(repository.path), "pr")
    assert review.exit_code() == 1 and {f.code for f in review.scope.findings} == {"existing_record_changed"}
