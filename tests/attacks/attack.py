"""The vocabulary of the attack table: what an attack is, what it builds, and what must happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from auditor import specimens

SPECIMENS = Path(specimens.__file__).parent
ILLEGAL = (SPECIMENS / "train_before_score.py").read_text(encoding="utf-8")
LEGAL = (SPECIMENS / "legal_lora_ttt.py").read_text(encoding="utf-8")
CALL = "    adapt(model, s, tokens, device)\n"
"""The line that makes ILLEGAL illegal."""

TRACK = "records/track_10min_16mb"
ENTRY = f"{TRACK}/2026-04-01_Entry"


class Surface(Enum):
    """What an attack goes through."""

    STATIC = "static"
    FILES = "files"
    GIT = "git"
    REPORTS = "reports"
    ACTION = "Action"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an attack is built.

    Attributes:
        folder: empty and its own.
        canary: a file that no one may make; code of the attack that runs makes it.
    """

    folder: Path
    canary: Path

    @property
    def plant(self) -> str:
        """Python that makes the canary, for code that must not run."""
        return f"open({str(self.canary)!r}, 'w').close()\n"

    def write(self, files: Mapping[str, str | bytes]) -> Path:
        """Write files below the folder and return it."""
        for name, content in files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return self.folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line to run on what was built; in this process if nothing about the process is asked for.

    Attributes:
        stdout: a file to write to, "" to be read.
    """

    arguments: tuple[str, ...]
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stdout: str = ""

    @property
    def in_process(self) -> bool:
        return self.cwd is None and not self.environment and not self.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run of the Action's script on a checkout; the fields as the Action's inputs."""

    checkout: Path
    base: str = "origin/main"
    ref: str = "HEAD"
    fail_on: str = "violation"
    sarif: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        name: unique; how the table calls it.
        hope: what its author hopes for.
        build: makes it below a place.
        exits: the exit codes that are right. 4 never is: the auditor must not fall over.
        says: regular expressions that must be found in what is printed.
        hides: text that must not stand there.
    """

    name: str
    surface: Surface
    hope: str
    build: Callable[[Place], Command | Job]
    exits: tuple[int, ...]
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
