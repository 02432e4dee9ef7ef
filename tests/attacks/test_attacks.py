"""Every attack of the table is tried: the exit code is right, what must be said is said, and nothing of it ran."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.cli import run

from .action import ATTACKS as ACTION
from .attack import Attack, Command, Job, Place, Surface
from .files import ATTACKS as FILES
from .git import ATTACKS as GIT
from .reports import ATTACKS as REPORTS
from .static import ATTACKS as STATIC

ROOT = Path(__file__).parents[2]
ATTACKS = (*STATIC, *FILES, *GIT, *REPORTS, *ACTION)
SECONDS = 120
"""After which an attack has tied up the auditor: each is done in a few."""


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.surface.value}-{attack.name}")
def test_attack(
    attack: Attack,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
) -> None:
    record_property("attack", f"{attack.surface.value}: {attack.name}")
    place = Place(folder=tmp_path / "hostile", canary=tmp_path / "canary")
    place.folder.mkdir()
    built = attack.build(place)
    code, printed = job(built, tmp_path) if isinstance(built, Job) else command(built, capsys)
    assert code in attack.exits, printed
    in_one_line = " ".join(printed.split())  # text is wrapped at 80 columns
    for shape in attack.says:
        assert re.search(shape, printed, re.DOTALL) or re.search(shape, in_one_line), printed
    for text in attack.hides:
        assert text not in printed, printed
    assert not place.canary.exists(), "code of the submission ran"
    assert "Traceback" not in printed, printed


def command(built: Command, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command line; its exit code, and stdout and stderr together."""
    if built.in_process:
        capsys.readouterr()
        code = run(built.arguments)
        out, err = capsys.readouterr()
        return code, out + err
    # as the installed command does, and unlike `python -m`, without the current folder on the path
    start = [sys.executable, "-P", "-c", "from auditor.cli import main; main()"]
    with open(built.stdout or os.devnull, "w") as stdout:
        done = subprocess.run(
            [*start, *built.arguments],
            cwd=built.cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **built.environment},
            stdin=subprocess.DEVNULL,
            stdout=stdout if built.stdout else subprocess.PIPE,
            stderr=subprocess.STDOUT if not built.stdout else subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    return done.returncode, (done.stdout or done.stderr).decode("utf-8", "replace")


def job(built: Job, folder: Path) -> tuple[int, str]:
    """Run the Action's script as a runner does; its exit code, what it prints, and its summary below that.

    LOCKED_PYTHON in the environment names an interpreter that `action/install.sh` has made.
    """
    summary, output, temporary = folder / "summary.md", folder / "output", folder / "runner"
    temporary.mkdir()
    for file in (summary, output):
        file.touch()
    done = subprocess.run(
        [
            "bash",
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            str(ROOT / "action/audit.sh"),
            built.python or os.environ.get("LOCKED_PYTHON", sys.executable),
        ],
        cwd=built.checkout,  # the worst there is: action.yml starts it elsewhere
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(built.checkout),
            "CHECKOUT": str(built.checkout),
            "BASE": built.base,
            "REF": built.ref,
            "POLICY": "rulings",
            "FAIL_ON": built.fail_on,
            "SARIF": built.sarif,
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(summary),
            **built.environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    printed = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    return done.returncode, f"{printed}\n{output.read_text()}\n{summary.read_text()}"


def test_names_are_unique_and_nothing_may_crash() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60
    assert all(4 not in attack.exits for attack in ATTACKS if attack.surface is not Surface.ACTION)
