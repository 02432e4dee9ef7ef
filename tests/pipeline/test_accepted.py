"""Exceptions and baselines: what is accepted stays in the reports, and a pull request accepts nothing for itself."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from auditor import specimens
from auditor.cli import run
from auditor.errors import InputError
from auditor.judgement.settings import parse_settings, read_baseline
from tests.attacks.attack import ENTRY, ILLEGAL, LEGAL
from tests.submission.conftest import Repository

SPECIMENS = Path(specimens.__file__).parent
BAD = str(SPECIMENS / "train_before_score.py")
TODAY = datetime.date(2026, 5, 1)


def settings(*, rule: str = "train-before-score", days: int = 30, path: str = "*", more: str = "") -> str:
    end = (datetime.date.today() + datetime.timedelta(days=days)).isoformat()
    return f'{more}[[ignore]]\nrule = "{rule}"\npath = "{path}"\nreason = "ruled so"\nexpires = {end}\n'


def audited(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(arguments)
    return code, capsys.readouterr().out


def test_an_accepted_violation_does_not_count_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "auditor.toml"
    file.write_text(settings())
    for shape in ("text", "json", "markdown", "sarif"):
        code, out = audited(capsys, "audit", BAD, "--settings", str(file), "--format", shape)
        assert code == 0 and "ruled so (until " in " ".join(out.split()), shape
        assert "train-before-score" in out
    value = json.loads(audited(capsys, "audit", BAD, "--settings", str(file), "--format", "json")[1])
    assert value["verdict"] == "violation" and any(f["outcome"] == "fail" for f in value["findings"])
    assert "ruled so" in audited(capsys, "audit", BAD, "--settings", str(file), "--quiet")[1]


@pytest.mark.parametrize(
    "text, code, says",
    [
        (settings(rule="val-in-training"), 1, ""),
        (settings(path="records/*"), 1, ""),
        (settings(days=-1), 1, "ended on"),
        (settings(days=0), 0, "ruled so"),
    ],
    ids=["another rule", "another path", "ended", "last day"],
)
def test_an_exception_holds_for_what_it_names_and_until_it_ends(
    text: str, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "auditor.toml"
    file.write_text(text)
    found, out = audited(capsys, "audit", BAD, "--settings", str(file))
    assert found == code and says in " ".join(out.split())


def test_a_baseline_accepts_what_stood_there_and_nothing_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier, script = tmp_path / "earlier.json", tmp_path / "train_gpt.py"
    script.write_text(ILLEGAL)
    assert run(["audit", str(script), "--format", "json", "-o", str(earlier)]) == 1
    script.write_text(f"# moved by a line\n{ILLEGAL}")
    code, out = audited(capsys, "audit", str(script), "--baseline", str(earlier))
    assert code == 0 and "it stands in the baseline" in " ".join(out.split())
    script.write_text(ILLEGAL.replace("optimizer.step()", "optimizer.step( )"))
    assert audited(capsys, "audit", str(script), "--baseline", str(earlier))[0] == 1


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.commit({"README.md": "x\n", "records/track_10min_16mb/2026-03-01_Old/train_gpt.py": LEGAL})
    made.git("checkout", "-q", "-b", "pr")
    return made


def reviewed(
    repository: Repository, capsys: pytest.CaptureFixture[str], command: str = "pr"
) -> tuple[int, str]:
    return audited(capsys, command, "--git", str(repository.path), "--ref", "pr", "--format", "json")


@pytest.mark.parametrize("name", ["auditor.toml", "pyproject.toml"])
def test_a_pull_request_accepts_nothing_for_itself(
    name: str, repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = settings(more='policy = "strict"\n')
    if name == "pyproject.toml":
        text = text.replace("[[ignore]]", "[[tool.parameter-golf-auditor.ignore]]").replace(
            "policy", "[tool.x]\npolicy"
        )
    repository.commit({f"{ENTRY}/train_gpt.py": ILLEGAL, name: text, f"{ENTRY}/{name}": text})
    monkeypatch.chdir(repository.path)
    for command in ("pr", "audit"):
        code, out = reviewed(repository, capsys, command)
        assert code == 1 and "ruled so" not in out
    assert run(["audit", str(repository.path / ENTRY)]) == 1, "nor a checkout of it"


def test_the_base_accepts(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit({f"{ENTRY}/train_gpt.py": ILLEGAL})
    assert reviewed(repository, capsys, "records")[0] == 1
    repository.git("checkout", "-q", "main")
    everything = settings() + settings(rule="missing-evidence", path=f"{ENTRY}*")
    repository.commit({"auditor.toml": everything})
    code, out = reviewed(repository, capsys)
    review = json.loads(out)
    assert (code, review["exit_code"], review["evaluation_exit_code"], review["verdict"]) == (
        0,
        0,
        0,
        "violation",
    )
    assert {line.partition(" of ")[0] for line in review["accepted"]} == {
        "accepted: train-before-score (fail)",
        "accepted: missing_readme",
        "accepted: missing_submission_json",
        "accepted: missing_logs",
    }
    assert reviewed(repository, capsys, "audit")[0] == 0
    code, out = reviewed(repository, capsys, "records")
    assert code == 0 and len(json.loads(out)["accepted"]) == 3
    text = audited(capsys, "pr", "--git", str(repository.path), "--ref", "pr")[1]
    assert "### Accepted" in text and "ruled so" in text


def test_an_earlier_review_is_a_baseline(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit({f"{ENTRY}/train_gpt.py": ILLEGAL})
    earlier = tmp_path / "earlier.json"
    earlier.write_text(reviewed(repository, capsys)[1])
    arguments = ("pr", "--git", str(repository.path), "--ref", "pr", "--baseline", str(earlier))
    assert audited(capsys, *arguments)[0] == 0
    of_records = ("records", *arguments[1:])
    assert audited(capsys, *of_records)[0] == 0
    earlier.write_text(reviewed(repository, capsys, "records")[1])
    assert audited(capsys, *of_records)[0] == 0 and audited(capsys, *arguments)[0] == 1
    earlier.write_text(reviewed(repository, capsys)[1])
    repository.commit({"docs/x": "x"})
    assert audited(capsys, *arguments)[0] == 1, "the scope is new"


@pytest.mark.parametrize(
    "text, says",
    [
        ("policy = 3", "rulings or strict"),
        ("polcy = 'strict'", "unknown key"),
        ("x = [", "no TOML"),
        ("ignore = 3", "list of tables"),
        ("[[ignore]]\nrule = 'train-befor-score'\nreason = 'x'\nexpires = 2026-05-02", "no rule"),
        ("[[ignore]]\nrule = 'same_seed'\nexpires = 2026-05-02", "a reason"),
        ("[[ignore]]\nrule = 'same_seed'\nreason = ' '\nexpires = 2026-05-02", "a reason"),
        ("[[ignore]]\nrule = 'same_seed'\nreason = 'x'", "last day"),
        ("[[ignore]]\nrule = 'same_seed'\nreason = 'x'\nexpires = '2026-05-02'", "last day"),
        ("[[ignore]]\nrule = 'same_seed'\nreason = 'x'\nexpires = 2028-05-02", "more than a year"),
        ("[limits]\nbytes = -1", "positive"),
        ("[limits]\nbytes = true", "positive"),
    ],
)
def test_a_settings_file_that_cannot_be_meant_is_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_settings(text, "auditor.toml", today=TODAY)


def test_what_is_no_baseline_is_refused() -> None:
    for text in ("", "[]", "{}", '{"findings": []}'):
        with pytest.raises(InputError):
            read_baseline(text, "x.json")
    assert parse_settings("[tool.other]\nx = 1", "pyproject.toml", today=TODAY) is None


def test_limits_of_ones_own_only_tighten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "auditor.toml"
    file.write_text("[limits]\nbytes = 15000000\neval_s = 9000\n")
    entry = tmp_path / ENTRY
    entry.mkdir(parents=True)
    (entry / "train_gpt.py").write_text(LEGAL)
    arguments = (
        "preflight",
        str(entry),
        "--settings",
        str(file),
        "--format",
        "json",
        "--eval-seconds",
        "601",
    )
    (folder,) = json.loads(audited(capsys, *arguments, "--model-bytes", "15100000")[1])["folders"]
    assert (folder["bytes"]["limit"], folder["bytes"]["fit"]) == (15_000_000, "over")
    assert [s["limit"] for s in folder["stages"] if s["name"] == "evaluation"] == [600.0]


def test_a_baseline_of_one_script_accepts_nothing_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though the lines read the same: an exception holds for the entry that a person looked at."""
    paths = []
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "train_gpt.py")
        paths[-1].write_text(Path(BAD).read_text(encoding="utf-8"), encoding="utf-8")
    base = tmp_path / "base.json"
    base.write_text(audited(capsys, "audit", str(paths[0]), "--format", "json")[1], encoding="utf-8")
    codes = [audited(capsys, "audit", str(path), "--baseline", str(base), "--quiet")[0] for path in paths]
    assert codes == [0, 1]
