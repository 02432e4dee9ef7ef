"""What is kept of a reading is judged again where rules have changed, as a new audit judges; else it is read again."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.audit import kept
from auditor.audit.kept import audit_once
from auditor.audit.pipeline import audit_submission
from auditor.cache import keys
from auditor.cache.codec import encode
from auditor.cache.store import Store
from auditor.cache.version import program_files, reads
from auditor.judgement.judge import Judged
from auditor.judgement.result import AuditResult, Verdict
from auditor.reading.counterfactuals import Exploration, ExplorationSpent
from auditor.reading.explored import NotExplored, explored
from auditor.report import renderer
from auditor.submission.load import load_path
from auditor.submission.model import Submission
from auditor.trace.events import Place
from auditor.trace.trace import Switch, Trace
from auditor.trace.tree import Node
from rules import ALL
from rules.core.rule import Judgement, Outcome, Policy

ROOT = Path(__file__).parents[2]
SPECIMENS = [
    ROOT / "auditor" / "specimens" / "legal_lora_ttt.py",
    *(ROOT / "tests" / "specimens" / f"{name}.py" for name in ("hidden_switch", "packed", "two_pass_ngram")),
]
FORMATS = ("json", "html", "sarif", "markdown", "svg", "text")
EMPTY = Trace(witness="static", root=Node(kind="root", text="", place=Place("a.py", 0, 1)))
PACKAGES = ("auditor", "rules")


def submission_of(path: Path) -> Submission:
    (submission,) = load_path(str(path)).submissions
    return submission


def shown(result: AuditResult) -> dict[str, object]:
    """A result in every format, but for how long it took."""
    return {name: renderer(name)([replace(result, seconds=0.0)], ()) for name in FORMATS}


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Submission]:
    """The scripts that were read, each time that one was."""
    read: list[Submission] = []
    whole = kept.read_submission

    def counted(submission: Submission, **rest: object) -> object:
        read.append(submission)
        return whole(submission, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(kept, "read_submission", counted)
    return read


@pytest.mark.parametrize("path", SPECIMENS, ids=lambda path: path.stem)
def test_a_change_of_rules_is_judged_as_a_new_audit_judges(
    path: Path, tmp_path: Path, readings: list[Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "cache")
    submission = submission_of(path)
    first = shown(audit_once(store, submission))
    monkeypatch.setattr(keys, "version", lambda: "other rules")
    assert shown(audit_once(store, submission)) == first
    assert len(readings) == 1
    strict = shown(audit_once(store, submission, policy=Policy.STRICT))
    assert len(readings) == 1
    assert strict == shown(audit_submission(submission, policy=Policy.STRICT))


def test_a_rule_that_judges_otherwise_is_heard(
    tmp_path: Path, readings: list[Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "cache")
    submission = submission_of(SPECIMENS[0])
    assert audit_once(store, submission).verdict is Verdict.COMPLIANT
    objection = Judgement(outcome=Outcome.FAIL, because="a new ruling")
    monkeypatch.setattr(ALL[0], "judge", lambda self, evidence: objection)
    monkeypatch.setattr(keys, "version", lambda: "other rules")
    again = audit_once(store, submission)
    assert again.verdict is Verdict.VIOLATION and len(readings) == 1
    assert again.rules[0].because == "a new ruling"


def test_another_evaluator_reads_again(
    tmp_path: Path, readings: list[Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "cache")
    submission = submission_of(SPECIMENS[0])
    audit_once(store, submission)
    monkeypatch.setattr(keys, "version", lambda: "other rules")
    monkeypatch.setattr(keys, "reading_version", lambda: "other evaluator")
    audit_once(store, submission)
    assert len(readings) == 2


def test_a_rule_that_asks_for_more_than_is_kept_has_it_read_again(
    tmp_path: Path, readings: list[Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The switch was never turned by itself where every rule was kept with it both ways."""
    store = Store(tmp_path / "cache")
    submission = submission_of(ROOT / "tests" / "specimens" / "hidden_switch.py")
    monkeypatch.setattr("auditor.audit.pipeline.judge", lambda *a, **k: Judged(answers=(), findings=()))
    audit_once(store, submission)
    monkeypatch.undo()
    again = audit_once(store, submission, policy=Policy.STRICT)
    assert shown(again) == shown(audit_submission(submission, policy=Policy.STRICT))
    assert any("depends on" in answer.because for answer in again.rules)


def test_an_exploration_gives_what_it_was_asked_for_and_no_more() -> None:
    exploration = Exploration(_with_a_switch(), lambda _: EMPTY, _with_a_switch)
    with pytest.raises(NotExplored):
        explored(exploration, told=False).opened  # noqa: B018
    with pytest.raises(NotExplored):
        iter(explored(exploration, told=False))
    (turned,) = exploration
    copy = explored(exploration, told=False)
    assert copy and list(copy) == [turned]
    assert exploration.opened is not None
    assert explored(exploration, told=False).opened is exploration.opened


def test_what_could_not_be_turned_is_told_when_it_has_been_asked_for() -> None:
    def spent(_: object) -> Trace:
        raise ExplorationSpent

    exploration = Exploration(_with_a_switch(), spent, _with_a_switch)
    assert list(exploration) == [] and len(exploration.skipped) == 1
    copy = explored(exploration, told=False)
    assert copy.skipped == []
    list(copy)
    assert copy.skipped == exploration.skipped
    assert explored(exploration, told=True).skipped == exploration.skipped


def _with_a_switch() -> Trace:
    switch = Switch(
        name="FIT", value="0", origin="default", place=Place("a.py", 0, 3), taken=False, guards=True
    )
    return replace(EMPTY, switches=[switch])


def test_all_that_reading_imports_is_in_its_digest() -> None:
    """Followed through the texts of the files, imports within functions included."""
    waiting, met = ["auditor.reading.reading", "auditor.reading.grounds"], set()
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path in met or not path.exists():
            continue
        met.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                waiting += [alias.name for alias in node.names if alias.name.split(".")[0] in PACKAGES]
            elif isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                waiting += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    modules = {path.relative_to(ROOT) for path in met if path.name != "__init__.py"}
    assert len(modules) > 150
    digested = {path for path in program_files() if reads(path)}
    assert modules <= digested
    assert not any(path.parts[1] in ("judgement", "report", "commands", "audit") for path in digested)


def test_kept_bytes_of_another_form_are_not_believed(tmp_path: Path) -> None:
    submission = submission_of(SPECIMENS[0])
    store = Store(tmp_path / "cache")
    first = audit_once(store, submission)
    key = keys.reading_key(submission, overrides={})
    assert key is not None
    store.put(key, encode(("neither grounds", "nor an exploration")))
    answer = keys.submission_key(submission, policy="rulings", overrides={})
    assert answer is not None
    store.forget(answer)
    assert shown(audit_once(store, submission)) == shown(first)
