"""Attacks on the sandbox and on what reads from it, each at every level that this machine has.

Each test states what must happen. A level that does not work here is skipped by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.replay.sandbox.ladder import Rung
from tests.replay.conftest import skip_unless

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

RUNGS = (Rung.BUBBLEWRAP, Rung.UNSHARE, Rung.LANDLOCK)
ROOT = Path(__file__).parents[2]
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
