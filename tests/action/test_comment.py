"""The comment under a pull request: made once, edited in place, and never steered by what the run uploaded."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .github import BOT, REPOSITORY, SHA, GitHub, archive, serving

SCRIPT = Path(__file__).parents[2] / "action" / "comment" / "comment.py"
MARK = "<!-- parameter-golf-auditor -->"


@pytest.fixture
def github() -> Iterator[GitHub]:
    made = GitHub()
    with serving(made):
        yield made


@pytest.fixture(scope="module")
def step() -> ModuleType:
    spec = importlib.util.spec_from_file_location("comment_step", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def variables(github: GitHub, folder: Path) -> dict[str, str]:
    """The environment that the runner gives the step."""
    event = folder / "event.json"
    event.write_text(json.dumps({"workflow_run": github.run}))
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_TOKEN": "secret",
    }


@pytest.fixture
def comment(
    step: ModuleType,
    github: GitHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[], str]:
    def run() -> str:
        """Run the step in this process; what it prints."""
        for name, value in variables(github, tmp_path).items():
            monkeypatch.setenv(name, value)
        step.main()
        return capsys.readouterr().out

    return run


def upload(github: GitHub, text: str | bytes, number: bytes = b"7\n") -> None:
    data = text.encode() if isinstance(text, str) else text
    github.artifact = archive({"number.txt": number, "comment.md": data})


def writes(github: GitHub) -> list[str]:
    return [method for method, _, _ in github.seen if method != "GET"]


def test_a_comment_of_a_fork_is_made_then_edited_then_left(
    github: GitHub, comment: Callable[[], str]
) -> None:
    for number in range(150):
        github.comment(f"{MARK}\nby another {number}", author="someone")
    assert "made" in comment()
    own = github.comments[-1]
    assert own["user"]["login"] == BOT and own["body"] == f"{MARK}\n## Review\n\n**COMPLIANT**\n"
    upload(github, "## Review\n\n**VIOLATION**\n")
    assert f"comment {own['id']} of pull request 7 edited" in comment()
    assert len(github.comments) == 151 and "VIOLATION" in own["body"]
    assert "says so already" in comment()
    assert writes(github) == ["POST", "PATCH"]
    assert all(body["body"].startswith(f"{MARK}\nby another") for body in github.comments[:150])


def test_the_token_stays_with_the_api(github: GitHub, comment: Callable[[], str]) -> None:
    comment()
    tokens = {path == "/storage": token for _, path, token in github.seen}
    assert tokens == {True: None, False: "Bearer secret"}


def test_a_pull_request_without_an_entry_gets_no_comment_but_keeps_its_own_true(
    github: GitHub, comment: Callable[[], str]
) -> None:
    from auditor.pull_request.review import Review
    from auditor.pull_request.scope import Scope
    from auditor.report.pull_request_comment import render_markdown

    scope = Scope(new_folders=(), changed_folders=(), others=(), findings=())
    nothing = render_markdown(
        Review(ref="HEAD", head=SHA, base=None, scope=scope, folders=(), audits=(), unjudged=(), problems=())
    )
    upload(github, nothing)
    assert "changes no entry" in comment() and writes(github) == []
    github.comment(f"{MARK}\nold")
    assert "edited" in comment()


HOSTILE = {
    "another pull request": lambda g: upload(g, "x", b"8\n"),
    "no number": lambda g: upload(g, "x", b"7/../../../user\n"),
    "a long number": lambda g: upload(g, "x", b"7" * 40),
    "a newer head": lambda g: g.pull["head"].update(sha="b" * 40),
    "another branch of the same commit": lambda g: g.pull["head"].update(ref="other"),
    "another repository with the same commit": lambda g: g.pull["head"].update(repo={"full_name": "x/golf"}),
    "a fork that is gone": lambda g: g.pull["head"].update(repo=None),
    "a closed one": lambda g: g.pull.update(state="closed"),
    "a run of another event": lambda g: g.run.update(event="push"),
    "workflows that are changed": lambda g: g.files.extend(["x"] * 150 + [".github/workflows/audit.yml"]),
    "more files than are listed": lambda g: g.files.extend(["x"] * 3000),
    "no artifact of that name": lambda g: setattr(g, "name", "other"),
    "an artifact that is told to be large": lambda g: setattr(g, "told_bytes", 10**9),
    "an artifact that is large": lambda g: (
        setattr(g, "artifact", b"x" * 9_000_000),
        setattr(g, "told_bytes", 9),
    ),
    "an artifact that unpacks to much": lambda g: upload(g, "x" * 100_000_000),
    "no zip": lambda g: setattr(g, "artifact", b"PK"),
    "a zip without the files": lambda g: setattr(g, "artifact", archive({"../number.txt": b"7"})),
    "no text": lambda g: upload(g, b"\xff\xfe"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_does_not_fit_the_event_is_refused(
    name: str, github: GitHub, comment: Callable[[], str]
) -> None:
    HOSTILE[name](github)
    assert comment().startswith("no comment: "), name
    assert writes(github) == [] and github.comments == []


def test_text_of_strangers_does_not_come_alive(github: GitHub, comment: Callable[[], str]) -> None:
    upload(
        github,
        "@team ![x](http://evil.example/x) <script>alert(1)</script> <img src=x> <details><summary>s</summary>\n"
        "[a](javascript:alert(1)) [b](//evil.example) www.evil.example _www.evil.com_ xhttps://evil.example https://github.com/openai/parameter-golf/pull/77\n"
        f"\u202e\x1b[2J\n{MARK}\n</details>\n" + "long line\n" * 5000,
    )
    assert "made" in comment()
    body = github.comments[0]["body"]
    assert body.startswith(MARK) and body.count(MARK) == 1
    for text in (
        "@team",
        "![",
        "](java",
        "](//",
        "<script",
        "<img",
        "http://",
        "www.evil",
        "https://evil",
        "\u202e",
        "\x1b",
    ):
        assert text not in body, text
    assert (
        "<details><summary>s</summary>" in body and "https://github.com/openai/parameter-golf/pull/77" in body
    )


def test_a_comment_is_never_longer_than_one_may_be(github: GitHub, comment: Callable[[], str]) -> None:
    upload(github, "@a " * 21_000)
    assert "made" in comment()
    assert 60_000 < len(github.comments[0]["body"]) <= 65_536


def test_an_answer_that_fails_fails_the_job(github: GitHub, tmp_path: Path) -> None:
    del github.run["head_sha"]
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT)],
        env={"PATH": os.environ["PATH"], **variables(github, tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "::error::no comment could be made: KeyError\n",
        "",
    )
