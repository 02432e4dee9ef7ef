"""Each JSON output against its schema, both ways: it fits, and it holds no key that the schema does not name."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.cli import run
from auditor.records.code_documentation import CODE_DOCUMENTATION
from auditor.records.findings import CODES
from auditor.report.json import render as render_audit
from auditor.report.schemas import SCHEMAS, schema
from rules import ALL
from rules.examples.record_folder import SCRIPT, toy_folder
from tests.report.made import made_result
from tests.submission.conftest import Repository

TRACK = "records/track_10min_16mb"


def closed(value: Any) -> Any:
    """The schema without room for more: every object has the named keys alone."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: closed(item) for key, item in value.items()}
    if "required" in made and "properties" in made:
        made["additionalProperties"] = False
    return made


def check(name: str, text: str) -> Any:
    value = json.loads(text)
    own = schema(name)
    jsonschema.Draft202012Validator.check_schema(own)
    for strict in (own, closed(own)):
        wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(strict).iter_errors(value))
        assert wrong is None, f"{wrong.json_path}: {wrong.message[:300]}"
    return value


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A main with a record and a pull request with a better one, its claim wrong."""
    made = Repository(tmp_path_factory.mktemp("schemas") / "repo")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    old = {f"{TRACK}/2026-03-17_Old/{name}": text for name, text in toy_folder(scale=1.01).items()}
    board = "| Run | Score | Date | Info |\n|---|---|---|---|\n"
    board += f"| Old | 1.1300 | 2026-03-18 | [info]({TRACK}/2026-03-17_Old/README.md) |\n"
    made.commit({"README.md": board, f"{TRACK}/2026-03-17_Old/train_gpt.py": SCRIPT, **old})
    made.git("checkout", "-q", "-b", "pr")
    new = {f"{TRACK}/2026-04-20_New/{name}": text for name, text in toy_folder(claimed=1.2).items()}
    made.commit({f"{TRACK}/2026-04-20_New/train_gpt.py": SCRIPT.replace("64", "32"), "docs/x": "x", **new})
    return made


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def printed(*arguments: str) -> str:
        capsys.readouterr()
        assert run(arguments) in (0, 1, 3)
        return capsys.readouterr().out

    return printed


def test_an_audit_with_every_kind_of_finding(repository: Repository, printed: Callable[..., str]) -> None:
    check("audit", render_audit([made_result()]))
    check("audit", render_audit([made_result(), made_result()], ["a note"]))
    from auditor import specimens

    for name in ("legal_lora_ttt", "train_before_score"):
        script = Path(specimens.__file__).parent / f"{name}.py"
        check("audit", printed("audit", str(script), "--format", "json"))


def test_with_schema_2_one_and_many_have_one_shape(
    repository: Repository, printed: Callable[..., str], tmp_path: Path
) -> None:
    git = ("--git", str(repository.path), "--ref", "pr", "--format", "json", "--schema", "2")
    also = tmp_path / "also.json"
    value = check("audit-2", printed("audit", *git, "--also", f"json={also}"))
    assert value == json.loads(also.read_text()) or value["submissions"][0]["verdict"]
    assert "schema" not in value["submissions"][0] and value["tool"]["rules"]
    assert len(check("records-2", printed("records", *git))["folders"]) == 1
    check("audit-2", render_audit([made_result(), made_result()], ["a note"], schema=2))


def test_notes_of_the_target_stand_beside_those_of_its_script() -> None:
    own = dataclasses.replace(made_result(), notes=("of the script",))
    value = check("audit", render_audit([own], ["of the target"]))
    assert value["notes"] == ["of the script", "of the target"]


def test_what_is_told_of_a_pull_request(repository: Repository, printed: Callable[..., str]) -> None:
    git = ("--git", str(repository.path), "--ref", "pr")
    review = check("pr", printed("pr", *git, "--format", "json"))
    assert review["significance"] and review["records"][0]["findings"] and review["submissions"]
    folder = check("records", printed("records", *git, "--format", "json"))
    assert folder["runs"] and folder["claim"]["lines"]
    both = printed(
        "records",
        *git,
        "--format",
        "json",
        "--folder",
        f"{TRACK}/2026-03-17_Old",
        "--folder",
        f"{TRACK}/2026-04-20_New",
    )
    assert len(check("records", both)["folders"]) == 2
    where = (f"main:{TRACK}/2026-03-17_Old", f"pr:{TRACK}/2026-04-20_New", "--git", str(repository.path))
    assert check("stats", printed("stats", "compare", *where, "--format", "json"))["welch"]
    delta = check("diff", printed("diff", *where, "--format", "json"))
    assert delta["functions"]["changed"] or delta["constants"] or delta["gain"]


def test_a_preflight(repository: Repository, printed: Callable[..., str]) -> None:
    repository.git("checkout", "-q", "pr")
    folder = str(repository.path / TRACK / "2026-04-20_New")
    assert check("preflight", printed("preflight", folder, "--format", "json"))["folders"][0]["plan"]


def test_a_row_of_the_corpus(repository: Repository, printed: Callable[..., str]) -> None:
    repository.git("update-ref", "refs/pull/7/head", "pr")
    rows = printed("corpus", "--git", str(repository.path), "--pr", "7", "--jobs", "1", "--quiet")
    assert [check("corpus", line)["pr"] for line in rows.splitlines()] == [7]


def test_rules_and_their_explanations(printed: Callable[..., str]) -> None:
    assert len(check("rules", printed("rules", "--format", "json"))["rules"]) == len(ALL)
    for name in (ALL[0].slug, "significance", "train_over_600s", "train-over-600s"):
        check("explain", printed("explain", name, "--format", "json"))


def test_every_code_says_what_it_means_and_what_to_do(printed: Callable[..., str]) -> None:
    assert set(CODE_DOCUMENTATION) == set(CODES)
    for says, to_do in CODE_DOCUMENTATION.values():
        assert not says.startswith(" ") and (to_do[0].isupper() or to_do[0] == "`")
        assert says.endswith(".") and to_do.endswith(".")
    text = printed("explain", "train_over_600s")
    assert "`time-limit`" in text and "601.5 s" in text
    assert "`train_over_600s`" in printed("explain", "time-limit")


def test_the_command_prints_what_the_tests_ask(
    printed: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SCHEMAS:
        assert name in printed("schema")
        assert json.loads(printed("schema", name)) == schema(name)
    assert run(["schema", "nothing"]) == 2 and "there are audit, pr" in capsys.readouterr().err


def test_a_schema_is_no_formality() -> None:
    """What is taken away, or is another word, does not fit."""
    value = json.loads(render_audit([made_result()]))
    validator = jsonschema.Draft202012Validator(schema("audit"))
    for spoil in (
        lambda v: v.pop("verdict"),
        lambda v: v.update(verdict="fine"),
        lambda v: v["trace"]["tree"]["children"][0].pop("line"),
        lambda v: v["findings"][0].update(level="loud"),
        lambda v: v["tool"].pop("rules"),
    ):
        spoilt = copy.deepcopy(value)
        spoil(spoilt)
        assert not validator.is_valid(spoilt)
