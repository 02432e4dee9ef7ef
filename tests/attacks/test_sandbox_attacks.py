"""Attacks on the sandbox and on what reads from it, each at every level that this machine has.

Each test states what must happen. A level that does not work here is skipped by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.session import Session
from auditor.replay.sandbox.ladder import Rung
from auditor.submission.load import load_path
from tests.replay.conftest import skip_unless

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RUNGS = (Rung.BUBBLEWRAP, Rung.UNSHARE, Rung.LANDLOCK)
ROOT = Path(__file__).parents[2]
MAIN = 'if __name__ == "__main__":\n'
FLAT = ROOT / "tests" / "specimens" / "flat.py"


@pytest.fixture(params=RUNGS, ids=lambda rung: rung.value)
def level(request: pytest.FixtureRequest) -> Rung:
    """Each level in turn."""
    rung = request.param
    assert isinstance(rung, Rung)
    skip_unless(rung)
    return rung


def test_modules_beside_the_script_never_run_outside(level: Rung, tmp_path: Path) -> None:
    """Started from inside the submission's folder, with modules there named as those that everything imports."""
    folder, marks = tmp_path / "submission", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    marks.chmod(0o777)
    (folder / "train_gpt.py").write_text(FLAT.read_text(encoding="utf-8"), encoding="utf-8")
    for name in ("json", "numpy", "sitecustomize", "usercustomize", "ctypes", "socket", "encodings"):
        planted = f"open({str(marks / name)!r}, 'w').close()\nraise ImportError('planted')\n"
        (folder / f"{name}.py").write_text(planted, encoding="utf-8")
    start = "from auditor.cli import main; main()"
    command = [sys.executable, "-P", "-c", start, "replay", "train_gpt.py", "--sandbox", level.value]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert "C1" in done.stdout, done.stdout + done.stderr
    assert not list(marks.iterdir())


Attack = Callable[..., ReplayResult]


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[Rung, Session]]:
    """One session a level, made when first asked for."""
    made: dict[Rung, Session] = {}
    yield made
    for session in made.values():
        session.close()


@pytest.fixture
def attack(level: Rung, sessions: dict[Rung, Session], tmp_path: Path) -> Attack:
    """Replays the flat specimen with code put before its entry or at its end."""
    session = sessions.setdefault(level, Session(level)) if level not in sessions else sessions[level]

    def run(top: str = "", last: str = "", **options: float) -> ReplayResult:
        text = FLAT.read_text(encoding="utf-8").replace(MAIN, top + "\n\n" + MAIN)
        path = tmp_path / "train_gpt.py"
        path.write_text(text + last, encoding="utf-8")
        chosen = ReplayOptions(seed=1, shrink=False, **options)  # type: ignore[arg-type]
        return replay_submission(load_path(str(path)).submissions[0], options=chosen, session=session)

    return run


def passed(result: ReplayResult) -> bool:
    return any(condition.outcome is Outcome.PASS for condition in result.conditions.values())


LEFT = """
import atexit, os, signal
def _plant():
    out = [d for d in ("/replay/out", os.path.join(os.path.dirname(os.getcwd()), "out")) if os.path.isdir(d)][0]
    rank = os.path.join(out, "rank0")
    target = os.path.join(rank, {name!r})
    {plant}
    os.kill(os.getpid(), signal.SIGKILL)
for name in ("outcome.json", "events.jsonl", "places.json"):
    open(os.path.join([d for d in ("/replay/out", os.path.join(os.path.dirname(os.getcwd()), "out"))
                       if os.path.isdir(d)][0], "rank0", name), "w").write("[]")
_plant()
"""


@pytest.mark.parametrize(
    ("name", "plant", "said"),
    [
        ("outcome.json", "os.unlink(target); os.mkfifo(target)", "no regular file"),
        ("outcome.json", "os.unlink(target); os.symlink('/etc/passwd', target)", "symbolic link"),
        ("outcome.json", "os.truncate(target, 1 << 31)", "larger than"),
        ("events.jsonl", "os.truncate(target, 1 << 31)", "larger than"),
        ("outcome.json", "open(target, 'w').write('[' * 500_000)", "JSON"),
        ("outcome.json", "open(target, 'w').write('9' * 500_000)", "JSON"),
        ("outcome.json", "os.rename(rank, rank + 'x'); os.symlink('/etc', rank)", ""),
    ],
    ids=["fifo", "link", "sparse", "sparse events", "deep", "long number", "linked folder"],
)
def test_what_a_run_left_is_read_without_waiting_following_or_swelling(
    attack: Attack, name: str, plant: str, said: str
) -> None:
    """It plants something in place of its record and dies: the run is unreadable, and nothing hangs."""
    began = time.monotonic()
    result = attack(LEFT.format(name=name, plant=plant))
    assert not result.ran and not passed(result)
    assert "cannot be read" in result.reason and said in result.reason
    assert time.monotonic() - began < 200


def test_a_tree_too_deep_to_recurse_is_named_and_removed(attack: Attack) -> None:
    """Neither reading nor removing what is left may recurse as deep as the submission wishes."""
    deep = """
import os
here = os.getcwd()
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(here)
"""
    result = attack(deep)
    assert not result.ran and not passed(result)
    assert "nested more than" in result.reason
    again = attack()
    assert again.proven, again.reason


def test_more_files_than_are_read_is_a_reason(attack: Attack) -> None:
    result = attack("for number in range(25_000):\n    open(f'f{number}', 'w').close()\n")
    assert not result.ran and not passed(result)
    assert "more than 20,000 files" in result.reason
