"""An answer is taken from the store only where everything that it is made from is the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import cli
from auditor.audit import kept
from auditor.audit.kept import audit_once
from auditor.audit.pipeline import audit_submission
from auditor.cache import keys
from auditor.cache.codec import Unkept
from auditor.cache.store import Store
from auditor.judgement.result import AuditResult, Verdict
from auditor.submission.load import load_path
from auditor.submission.model import Submission
from rules.core.rule import Policy

SCRIPT = "import helper\nprint('val_bpb: 1.2')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "2026-04-01_Entry"
    made.mkdir()
    (made / "train_gpt.py").write_text(SCRIPT)
    (made / "helper.py").write_text("VALUE = 1\n")
    (made / "train.log").write_text("val_bpb: 1.2\n")
    (made / "README.md").write_text("an entry\n")
    (made / "submission.json").write_text(json.dumps({"val_bpb": 1.2}))
    return made


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Audit the folder through one store; whether it was audited anew."""
    store = Store(folder.parent / "cache")
    calls: list[Submission] = []

    def counted(submission: Submission, **rest: object) -> AuditResult:
        calls.append(submission)
        return audit_submission(submission, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "audit_submission", counted)

    def audit(**settings: object) -> bool:
        before = len(calls)
        (submission,) = load_path(str(folder)).submissions
        audit_once(store, submission, **settings)  # type: ignore[arg-type]
        return len(calls) > before

    return audit


def test_the_same_content_is_audited_once(asked: Callable[..., bool]) -> None:
    assert [asked(), asked()] == [True, False]


@pytest.mark.parametrize("name", ["train_gpt.py", "helper.py", "train.log", "README.md", "submission.json"])
def test_any_file_of_the_folder_makes_another_answer(
    asked: Callable[..., bool], folder: Path, name: str
) -> None:
    asked()
    before = (folder / name).read_text()
    (folder / name).write_text(before + "\n")
    assert [asked(), asked()] == [True, False]
    (folder / name).write_text(before)
    assert not asked()


def test_a_new_file_makes_another_answer(asked: Callable[..., bool], folder: Path) -> None:
    asked()
    (folder / "seed2.log").write_text("val_bpb: 1.3\n")
    assert asked()


def test_settings_make_another_answer(asked: Callable[..., bool]) -> None:
    asked()
    assert asked(overrides={"A": "1"}) and asked(overrides={"A": "2"})
    assert not asked(overrides={"A": "1"})


def test_another_policy_makes_another_answer_of_the_same_reading(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    (submission,) = load_path(str(folder)).submissions
    answers = [audit_once(store, submission, policy=policy) for policy in (*Policy, *Policy)]
    assert [answer.policy for answer in answers] == [*Policy, *Policy]
    assert (store.content().answers, store.content().readings) == (2, 1)


def test_another_program_makes_another_answer(
    asked: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    monkeypatch.setattr(keys, "version", lambda: "changed")
    monkeypatch.setattr(keys, "reading_version", lambda: "changed")
    assert asked()


def test_a_crash_is_not_kept(
    asked: Callable[..., bool], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rules import ALL

    def crashing(*_: object) -> None:
        raise ValueError("bug")

    monkeypatch.setattr(ALL[0], "judge", crashing)
    assert [asked(), asked()] == [True, True]


def test_an_answer_that_cannot_be_kept_is_an_answer(
    asked: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unkept(_: object) -> bytes:
        raise Unkept("of a class that nobody listed")

    monkeypatch.setattr(kept, "encode", unkept)
    assert [asked(), asked()] == [True, True]


def test_content_found_under_another_name_is_told_by_that_name(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    (first,) = load_path(str(folder)).submissions
    audit_once(store, first)
    other = folder.with_name("2026-05-01_Copy")
    folder.rename(other)
    (second,) = load_path(str(other)).submissions
    assert audit_once(store, second).target.path == f"{other}/train_gpt.py"


def test_an_answer_that_cannot_be_read_is_made_anew(folder: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    (submission,) = load_path(str(folder)).submissions
    key = keys.submission_key(submission, policy="rulings", overrides={})
    assert key is not None
    store.put(key, b"spoilt")
    assert audit_once(store, submission).verdict in set(Verdict)
    kept_now = store.get(key)
    assert kept_now is not None and kept_now != b"spoilt"


def test_the_command_says_the_same_twice_and_tells_what_it_keeps(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = str(tmp_path / "kept")
    run = ["audit", str(folder), "--format", "json", "--cache", cache]
    shown = []
    for _ in range(2):
        code = cli.run(run)
        shown.append((code, capsys.readouterr().out))
    assert shown[0] == shown[1], "its seconds included: the second was taken from the store"
    assert cli.run(["cache", "info", cache]) == 0
    assert capsys.readouterr().out.split()[:2] == ["answers", "1"]
    assert cli.run(["cache", "clear", cache]) == 0
    assert cli.run(["cache", "info", cache]) == 0
    assert "answers         0" in capsys.readouterr().out


@pytest.mark.parametrize(("size", "code"), [("1GiB", 0), ("500 MB", 0), ("none", 2), ("-1", 2), ("", 2)])
def test_sizes(size: str, code: int, folder: Path, tmp_path: Path) -> None:
    run = ["audit", str(folder), "--quiet", "--cache", str(tmp_path / "c"), "--cache-size", size]
    assert (cli.run(run) == 2) == (code == 2)
