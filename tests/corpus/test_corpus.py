"""A corpus run over a small repository with pull requests, through the command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from auditor import cli
from auditor.corpus.pulls import list_pulls, parse_numbers
from auditor.corpus.row import Row
from auditor.corpus.task import audit_pull_request, tasks_of
from auditor.errors import InputError
from auditor.judgement.result import AuditResult
from auditor.report.corpus_dashboard import bar, by_month, by_rule, render_dashboard
from auditor.submission.model import Submission
from tests.corpus.conftest import TRACK


@pytest.fixture(scope="module")
def outcome(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    out = tmp_path_factory.mktemp("out")
    labels = [
        {"pr": 1, "label": "legal", "rules": [], "path": f"{TRACK}/A/train_gpt.py"},
        {"pr": 3, "label": "illegal", "rules": ["train-before-score"], "path": f"{TRACK}/B/train_gpt.py"},
    ]
    (out / "labels.jsonl").write_text("".join(json.dumps(label) + "\n" for label in labels))
    code = cli.run(
        [
            "corpus",
            "--git",
            str(store),
            "--all",
            "--jobs",
            "2",
            "--quiet",
            "--labels",
            str(out / "labels.jsonl"),
            "--agreement",
            str(out / "agreement.json"),
            "--html",
            str(out / "html"),
            "-o",
            str(out / "rows.jsonl"),
        ]
    )
    return int(code), out


def test_rows_stand_in_order_with_the_keys_of_the_interface(outcome: tuple[int, Path]) -> None:
    rows = [json.loads(line) for line in (outcome[1] / "rows.jsonl").read_text().splitlines()]
    assert [row["pr"] for row in rows] == [1, 2, 3, 4]
    keys = {
        "pr",
        "head",
        "path",
        "verdict",
        "record_verdict",
        "failed",
        "review",
        "unknown",
        "seconds",
        "error",
    }
    assert all(keys <= set(row) for row in rows)
    assert rows[0]["path"] == f"{TRACK}/A/train_gpt.py"
    assert rows[3]["verdict"] is None
    assert "holds no script" in rows[3]["error"]
    assert rows[0]["date"] == "2026-03-10"
    assert rows[3]["date"] == "2026-04-10"


def test_equal_submissions_have_equal_answers_under_their_own_numbers(outcome: tuple[int, Path]) -> None:
    rows = [json.loads(line) for line in (outcome[1] / "rows.jsonl").read_text().splitlines()]
    own = ("pr", "head", "date", "seconds", "page", "key")
    first, second = ({k: v for k, v in row.items() if k not in own} for row in rows[:2])
    assert first == second
    assert rows[0]["head"] != rows[1]["head"]


def test_exit_code_is_that_of_the_worst_submission(outcome: tuple[int, Path]) -> None:
    rows = [json.loads(line) for line in (outcome[1] / "rows.jsonl").read_text().splitlines()]
    verdicts = {row["verdict"] for row in rows}
    assert outcome[0] == (1 if "violation" in verdicts else 3 if "review" in verdicts else 0)


def test_agreement_counts_the_labelled_rows(outcome: tuple[int, Path]) -> None:
    measured = json.loads((outcome[1] / "agreement.json").read_text())
    assert sum(measured["labels"]["legal"].values()) == 1
    assert sum(measured["labels"]["illegal"].values()) == 1
    assert measured["labels"]["disputed"] == {}


def test_dashboard_links_to_a_report_for_every_row_that_has_a_verdict(outcome: tuple[int, Path]) -> None:
    html = (outcome[1] / "html" / "index.html").read_text()
    rows = [json.loads(line) for line in (outcome[1] / "rows.jsonl").read_text().splitlines()]
    for row in rows:
        if row["verdict"] is not None:
            assert (outcome[1] / "html" / "submissions" / row["page"]).is_file()
            assert f'href="submissions/{row["page"]}"' in html
    assert html.count("<script") == 1


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the scripts that were audited anew in this process."""
    from auditor.audit import kept

    paths: list[str] = []
    audit = kept.audit_submission

    def counted(submission: Submission, **rest: object) -> AuditResult:
        paths.append(submission.script.path)
        return audit(submission, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "audit_submission", counted)
    return paths


def test_one_shared_audit_is_taken_once(store: Path, tmp_path: Path, audited: list[str]) -> None:
    def rows_of(policy: str = "rulings") -> list[list[Row]]:
        pulls = [pull for pull in list_pulls(str(store)).values() if pull.number < 4]
        tasks = tasks_of(pulls, git_dir=str(store), base="main", policy=policy, overrides={}, cache=tmp_path)
        return [audit_pull_request(task) for task in tasks]

    first = rows_of()
    assert [[row.pr for row in rows] for rows in first] == [[1], [2], [3]]
    assert audited == [f"{TRACK}/A/train_gpt.py", f"{TRACK}/B/train_gpt.py"]
    assert rows_of() == first and len(audited) == 2
    rows_of("strict")
    assert len(audited) == 2, "what was read is kept, and judged anew by another policy"


def test_moved_head_and_moved_base_are_asked_again(store: Path, tmp_path: Path, audited: list[str]) -> None:
    def audit(**changed: str) -> None:
        (task,) = tasks_of(
            [list_pulls(str(store))[1]],
            git_dir=str(store),
            base="main",
            policy="rulings",
            overrides={},
            cache=tmp_path,
        )
        audit_pull_request(replace(task, **changed))  # type: ignore[arg-type]

    audit()
    assert len(audited) == 1
    third = list_pulls(str(store))[3]
    audit(head=third.head, ref=third.ref)
    assert len(audited) == 2, "a force-push brings other content"
    audit(base_commit="0" * 40)
    assert len(audited) == 2, "the rows are made anew, of results by content"


def test_pulls_are_listed_with_the_day_of_their_head(store: Path) -> None:
    pulls = list_pulls(str(store))
    assert list(pulls) == [1, 2, 3, 4]
    assert pulls[3].date == "2026-04-10"


def test_numbers_and_ranges() -> None:
    present = [1, 77, 1300, 1302, 1400]
    assert parse_numbers("77,467, 1300-1350,77", present) == [77, 467, 1300, 1302]
    assert parse_numbers("2-9999999", present) == [77, 1300, 1302, 1400]
    assert parse_numbers("3-9", present) == []
    for bad in ("", "77,", "a", "1-2-3"):
        with pytest.raises(InputError, match="numbers and ranges"):
            parse_numbers(bad, ())


def test_pull_request_that_is_not_there_is_told(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["corpus", "--git", str(store), "--pr", "99"]) == 2
    assert "#99" in capsys.readouterr().err


def test_dashboard_counts_by_month_and_rule_and_escapes() -> None:
    rows = [
        Row(pr=1, head="", path="<b>", verdict="violation", failed=("r",), date="2026-03-02"),
        Row(pr=2, head="", path="b", verdict="review", review=("r",), date="2026-04-02"),
        Row(pr=3, head="", path="c", verdict="compliant", date="2026-04-03"),
        Row(pr=4, head="", path="", verdict=None, error="no <i>script</i>"),
    ]
    assert [(b.name, b.total) for b in by_month(rows)] == [("2026-03", 1), ("2026-04", 2), ("undated", 1)]
    assert bar("all", rows).parts == tuple(
        (w, 1, 25.0) for w in ("compliant", "review", "violation", "error")
    )
    counts = by_rule(rows, ["r", "quiet"])
    assert [(c.slug, c.fail, c.review, c.unknown) for c in counts] == [("r", 1, 1, 0)]
    html = render_dashboard(rows, ["r"])
    assert "&lt;b&gt;" in html and "<b></b>" not in html and "<i>script" not in html
    numbers = [int(n) for n in re.findall(r'<tbody data-pr="(\d+)"', html)]
    assert numbers == [2, 4, 1, 3], "a person decides, cannot be read, violation, compliant"


def corpus(arguments: list[str]) -> object:
    """Return the exit code of a command line."""
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return left.value.code


def test_rows_are_in_the_file_as_they_are_known(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.corpus import journal

    out = tmp_path / "rows.jsonl"
    seen: list[int] = []
    add = journal.Journal.add

    def watched(self: journal.Journal, rows: list[Row]) -> None:
        add(self, rows)
        seen.append(len(out.read_text().splitlines()))

    monkeypatch.setattr(journal.Journal, "add", watched)
    corpus(["corpus", "--git", str(store), "--pr", "1,3", "--jobs", "1", "--quiet", "-o", str(out)])
    assert seen == [1, 2]
    assert list(tmp_path.iterdir()) == [out]


def test_run_that_was_killed_is_resumed(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    run = ["corpus", "--git", str(store), "--pr", "1,3", "--jobs", "1", "--quiet", "-o", str(out)]
    corpus(run)
    first, second = out.read_text().splitlines()
    marked = first.replace('"seconds": ', '"seconds": 9')
    out.write_text(f"{marked}\n{second[: len(second) // 2]}")
    corpus([*run, "--resume"])
    kept, fresh = out.read_text().splitlines()
    assert kept == marked
    assert json.loads(fresh)["verdict"] == json.loads(second)["verdict"]


def test_row_of_another_head_policy_or_setting_is_not_taken_for_finished(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    run = ["corpus", "--git", str(store), "--pr", "1", "--jobs", "1", "--quiet", "-o", str(out)]
    corpus(run)
    row = json.loads(out.read_text())
    for other, changed in (({"key": "0" * 64}, []), ({}, ["--policy", "strict"])):
        out.write_text(json.dumps(row | {"verdict": "nothing", **other}) + "\n")
        corpus([*run, *changed, "--resume"])
        assert json.loads(out.read_text())["verdict"] == row["verdict"]


def test_file_that_is_no_corpus_output_is_not_resumed(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text("a diary\nof two lines\n")
    code = corpus(["corpus", "--git", str(store), "--pr", "1", "--resume", "-o", str(out)])
    assert code == 2
    assert "rows.jsonl:1" in capsys.readouterr().err
    assert out.read_text().startswith("a diary")
