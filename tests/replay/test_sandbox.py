"""Each rung of the sandbox keeps what it promises; a rung that this machine does not have is skipped by name."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.errors import AuditorError
from auditor.replay.sandbox import isolation_levels
from auditor.replay.sandbox.isolation_levels import IsolationLevel, Layout, choose, command, environment
from tests.replay.conftest import skip_unless

pytestmark = pytest.mark.sandbox

RUNGS = (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK)

ATTEMPTS = """
import json, os, socket, subprocess, sys, ctypes
found = {}
def attempt(name, action):
    try:
        found[name] = str(action())
    except BaseException as error:
        found[name] = "refused: " + type(error).__name__
home, writable, port = sys.argv[1:4]
attempt("read", lambda: open(home + "/secret").read())
attempt("list", lambda: os.listdir(home))
attempt("write", lambda: open("/usr/written-by-test", "w").write("x"))
attempt("own", lambda: open(writable + "/made", "w").write("x"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(port)), 2).recv(1))
attempt("child", lambda: subprocess.run(["cat", home + "/secret"], capture_output=True).stdout)
attempt("trace", lambda: ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0))
attempt("namespace", lambda: ctypes.CDLL(None).unshare(0x10000000))
attempt("signal", lambda: os.kill(int(sys.argv[4]), 0))
print(json.dumps(found))
"""


def attempts(rung: IsolationLevel, tmp_path: Path) -> dict[str, str]:
    """What code inside a rung managed to do."""
    secret, inner = tmp_path / "home", tmp_path / "session" / "job"
    secret.mkdir()
    (secret / "secret").write_text("s3cret")
    inner.mkdir(parents=True)
    layout = Layout(root=tmp_path / "session", readable=(), writable=(inner,))
    words = command(rung, layout, serve=False)
    at = words.index("-c") + 1
    words[at] = words[at] + f"\nexec({ATTEMPTS!r})"
    words[at] = words[at].replace("enter(sys.argv[2])", "_quiet(enter, sys.argv[2])")
    words[at] = QUIET + words[at]
    with socket.create_server(("127.0.0.1", 0)) as server, subprocess.Popen(["sleep", "60"]) as other:
        words += [str(secret), layout.inside(rung, inner), str(server.getsockname()[1]), str(other.pid)]
        words[at] = words[at].replace("sys.argv[1:4]", "sys.argv[3:6]").replace("sys.argv[4]", "sys.argv[6]")
        done = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=60)
        other.kill()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


QUIET = """
import sys
def _quiet(enter, order):
    try:
        enter(order)
    except SystemExit as left:
        if left.code:
            raise
"""


@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.value)
def test_rung_contains(rung: IsolationLevel, tmp_path: Path) -> None:
    skip_unless(rung)
    found = attempts(rung, tmp_path)
    for name in ("read", "list", "write", "connect"):
        assert found[name].startswith("refused"), (name, found)
    assert "s3cret" not in found["child"]
    assert found["own"] == "1"
    assert found["trace"] == "-1"
    assert found["namespace"] == "-1"
    if rung.has_own_files:
        assert found["signal"].startswith("refused")


def test_nothing_of_the_package_is_imported_once_a_run_is_confined() -> None:
    """A confined run may not list the folder of the package: Python would look elsewhere, or fail, when it changes."""
    inside = Path(isolation_levels.__file__).parents[1] / "inside"
    late = [
        f"{path.name}:{statement.lineno}"
        for path in sorted(inside.glob("*.py"))
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for statement in ast.walk(function)
        if isinstance(statement, ast.ImportFrom) and str(statement.module).startswith("auditor")
    ]
    assert late == []


def test_at_least_one_rung_works_here() -> None:
    """Without one nothing else in this folder would be exercised, and nobody would notice."""
    rung, _ = choose()
    assert rung is not IsolationLevel.NONE


def test_without_a_rung_it_refuses_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        isolation_levels, "unavailable", lambda rung: "" if rung is IsolationLevel.NONE else "not here"
    )
    with pytest.raises(AuditorError) as refused:
        choose()
    assert "bubblewrap: not here" in refused.value.message
    assert "--i-trust-this-code" in refused.value.hint
    trusted, because = choose(allowed=(*RUNGS, IsolationLevel.NONE))
    assert trusted is IsolationLevel.NONE and "landlock: not here" in because


def test_the_server_inherits_nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "t0ken")
    assert "SECRET_TOKEN" not in environment()
    assert sys.executable in command(
        IsolationLevel.UNSHARE, Layout(root=Path("/nowhere"), readable=(), writable=())
    )
