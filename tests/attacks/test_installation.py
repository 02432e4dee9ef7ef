"""How the Action installs: by hash, wheels only, with nothing of the checkout or of pip's variables; what it pins."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "action" / "requirements.txt").read_text(encoding="utf-8")


def wheel(folder: Path, name: str = "harmless", code: str = "VALUE = 1\n") -> Path:
    """The smallest wheel there is."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def install(checkout: Path, lock: str, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run install.sh from inside a checkout."""
    runner = checkout.parent / "runner"
    runner.mkdir()
    (runner / "lock.txt").write_text(lock)
    return subprocess.run(
        ["bash", str(ROOT / "action/install.sh"), str(runner / "venv"), str(runner / "lock.txt")],
        cwd=checkout,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(checkout.parent),
            "PYTHON": sys.executable,
            **environment,
        },
        capture_output=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with everything in it that could take part in an installation."""
    canary = tmp_path / "canary"
    path = tmp_path / "checkout"
    code = f"open({str(canary)!r}, 'w').close()\nraise SystemExit(0)\n"
    for name in ("pip", "venv", "ensurepip", "json"):
        (path / name).mkdir(parents=True)
        (path / name / "__main__.py").write_text(code)
        (path / name / "__init__.py").write_text(code)
    for name in ("sitecustomize.py", "usercustomize.py", "setup.py", "harmless.py"):
        (path / name).write_text(code)
    (path / "pip.conf").write_text(f"[install]\ntarget = {path / 'taken'}\nno-index = true\n")
    return path


def hostile(checkout: Path) -> dict[str, str]:
    return {
        "PIP_CONFIG_FILE": str(checkout / "pip.conf"),
        "PIP_TARGET": str(checkout / "taken"),
        "PIP_REQUIRE_HASHES": "0",
        "PIP_PYTHON": str(checkout / "pip" / "__main__.py"),
        "PYTHONPATH": str(checkout),
        "PYTHONSTARTUP": str(checkout / "sitecustomize.py"),
        "PYTHONUSERBASE": str(checkout),
    }


def test_nothing_of_the_checkout_takes_part(checkout: Path) -> None:
    file = wheel(checkout.parent)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    done = install(checkout, f"harmless @ {file.as_uri()} --hash=sha256:{digest}\n", hostile(checkout))
    assert done.returncode == 0, done.stderr.decode()
    assert not (checkout.parent / "canary").exists() and not (checkout / "taken").exists()
    python = checkout.parent / "runner" / "venv" / "bin" / "python"
    value = subprocess.run(
        [python, "-I", "-c", "import harmless; print(harmless.VALUE)"], capture_output=True
    )
    assert value.stdout == b"1\n"


def test_another_file_than_the_one_pinned_is_refused(checkout: Path) -> None:
    file = wheel(checkout.parent)
    done = install(checkout, f"harmless @ {file.as_uri()} --hash=sha256:{'0' * 64}\n", hostile(checkout))
    assert done.returncode != 0 and b"DO NOT MATCH THE HASHES" in done.stderr


def test_a_requirement_without_a_hash_is_refused(checkout: Path) -> None:
    done = install(checkout, f"harmless @ {wheel(checkout.parent).as_uri()}\n", {})
    assert done.returncode != 0 and b"Hashes are required" in done.stderr


def test_every_requirement_is_pinned_with_hashes() -> None:
    entries = re.split(r"\n(?=[a-z])", re.sub(r"(?m)^\s*#.*\n", "", LOCK).strip())
    assert len(entries) > 8
    for entry in entries:
        assert re.match(r"[a-z0-9_.-]+==[\w.]+", entry), entry
        assert "--hash=sha256:" in entry, entry


AUDITS = """
import sys
from importlib.metadata import packages_distributions

homes = packages_distributions()
pinned = set(sys.argv[1:])


class Hidden:
    @staticmethod
    def find_spec(name, path=None, target=None):
        known = {home.lower().replace("_", "-") for home in homes.get(name.partition(".")[0], ())}
        if known and not known & pinned:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Hidden)
sys.argv = ["auditor"]
from pathlib import Path

import scipy.special
from auditor.cli import run
from auditor.specimens import __file__ as home

script = str(Path(home).parent / "legal_lora_ttt.py")
for name in ("text", "json", "markdown", "sarif"):
    assert run(["audit", script, "--format", name, "-o", "/dev/null"]) == 0
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_what_an_audit_imports_is_all_pinned() -> None:
    """In a process of its own where what is not pinned is not there, though it be installed for something else."""
    pinned = {*re.findall(r"(?m)^([a-z0-9_.-]+)==", LOCK), "parameter-golf-auditor", "pip", "setuptools"}
    done = subprocess.run(
        [sys.executable, "-c", AUDITS, *pinned],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    homes = packages_distributions()
    used = {homes[name][0].lower().replace("_", "-") for name in done.stdout.split() if name in homes}
    assert {"click", "scipy"} <= used and used <= pinned | {"distutils-precedence"}, used - pinned


def test_actions_of_others_are_pinned_by_commit() -> None:
    files = [*ROOT.glob("action/**/*.yml"), ROOT / "action.yml"]
    files += [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("examples/**/*.yml")]
    uses = [line for file in files for line in re.findall(r"uses: *(\S+)", file.read_text(encoding="utf-8"))]
    own = re.compile(r"OWNER/parameter-golf-auditor(/action/comment)?@COMMIT")  # for the reader to fill in
    others = [name for name in uses if not own.fullmatch(name)]
    assert len(others) >= 10 and len(others) < len(uses)
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", name) for name in others), others


def test_every_example_says_its_rights() -> None:
    """No workflow is left with what a token may do by default, and none that a pull request starts may write to it."""
    files = sorted((ROOT / "examples" / "github").glob("*.yml"))
    assert len(files) >= 4
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert re.search(r"(?m)^permissions:", text), file.name
        assert "pull_request_target" not in text and "secrets." not in text
        writes = set(re.findall(r"(?m)^ +([\w-]+): write", text))
        if "pull-requests" in writes:
            assert "on:\n  workflow_run:" in text and "checkout@" not in text
        assert writes <= {"pull-requests", "security-events"}


def test_no_step_of_the_action_stands_in_the_checkout() -> None:
    texts = [
        (ROOT / name).read_text(encoding="utf-8") for name in ("action.yml", "action/comment/action.yml")
    ]
    steps = [step for text in texts for step in text.partition("steps:")[2].split("\n    - ")[1:]]
    assert len(steps) == 4
    for step in steps:
        assert "uses:" in step or "working-directory: ${{ runner.temp }}" in step, step
        assert "run: |" not in step and "${{ inputs" not in step.partition("run:")[2].partition("\n")[0], step
