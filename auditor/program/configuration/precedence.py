"""The effective configuration: what the environment of the claimed run held, and who says so.

Hyperparameters decide legality, and the source's defaults are often not those of the run. Evidence is taken
in this order: an override by the user › what the log shows › the README's command › a run script ›
`submission.json` › assumptions about the launcher (rank 0 of 8). Defaults in the source are the evaluator's
own business; a name with no setting here has its default. Where two places disagree the loser is kept as a
`Conflict`.
"""

from __future__ import annotations

import enum
import posixpath
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from auditor.json_text import read_json
from auditor.program.configuration.environment import EnvironmentRead, environment_reads, variable_of
from auditor.program.configuration.launchers import python_launcher_settings
from auditor.program.configuration.log_branches import branches
from auditor.program.configuration.log_settings import Evidence, environment_text, log_evidence, same_value
from auditor.program.configuration.log_templates import templates
from auditor.program.configuration.log_text import printed_lines, source_lines
from auditor.program.configuration.readme import FoundCommand, is_aside, readme_commands
from auditor.program.configuration.shell import read_commands
from auditor.program.model import Program
from auditor.program.printed_texts import printables

WORLD_SIZE: Final = 8
"""Processes of the claimed run: the challenge's 8×H100, one process each."""

_PER_RUN: Final = re.compile(r"^(?:\w*_)?(?:SEED|RUN_ID|RUN_NAME|DIR|PATH|ROOT|FILE)S?$")
"""Names that differ between the runs of one submission without being a contradiction."""


_OF_THE_LAUNCHER: Final = frozenset({"RANK", "LOCAL_RANK"})


class Origin(enum.Enum):
    """Who says what a variable held, strongest first."""

    OVERRIDE = "--config"
    LOG = "log"
    README = "README"
    RUN_SCRIPT = "run script"
    SUBMISSION_JSON = "submission.json"
    DEFAULT = "default in the source"
    ASSUMED = "assumed"


class TextFile(Protocol):
    """A file that travels with the submission: its path and decoded text."""

    @property
    def path(self) -> str: ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One variable of the environment as one place tells it; `line` is 1-based, 0 where there is none."""

    name: str
    value: str
    origin: Origin
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two places that disagree about one variable; `won` is in force."""

    name: str
    won: Setting
    lost: Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """The command of the claimed run, with its variables: what it leaves out is left at its default."""

    path: str
    line: int


@dataclass(slots=True, kw_only=True)
class Settings:
    """The settings in force, by variable.

    Attributes:
        command: the likeliest command that runs the script and sets variables it reads, if any.
        conflicts: disagreements, by name.
        reads: every read of the environment in the program.
        unread: settings told for variables that the program never reads by name.
    """

    command: RunCommand | None = None
    conflicts: list[Conflict] = field(default_factory=list)
    reads: list[EnvironmentRead] = field(default_factory=list)
    _settings: dict[str, Setting] = field(default_factory=dict)

    def get(self, name: str) -> Setting | None:
        """Return the setting of a variable, or None where only the source's default speaks."""
        return self._settings.get(name)

    def __iter__(self) -> Iterator[Setting]:
        return iter(sorted(self._settings.values(), key=lambda setting: setting.name))

    def __len__(self) -> int:
        return len(self._settings)

    @property
    def unread(self) -> list[Setting]:
        """Settings for variables that the program does not read by a name in its text."""
        names = {read.name for read in self.reads}
        return [
            setting for setting in self if setting.name not in names and setting.origin is not Origin.ASSUMED
        ]

    def add(self, setting: Setting) -> None:
        """Add a setting weaker than those already there; a different value becomes a conflict.

        Which rank a process is, its launcher says alone: a `rank` that logs and documents speak of is another thing,
        mostly that of an adapter.
        """
        if setting.name in _OF_THE_LAUNCHER and setting.origin not in (Origin.OVERRIDE, Origin.ASSUMED):
            return
        won = self._settings.setdefault(setting.name, setting)
        if _PER_RUN.match(setting.name) or setting.origin is Origin.ASSUMED:
            return
        if won is not setting and not same_value(won.value, setting.value):
            self.conflicts.append(Conflict(name=setting.name, won=won, lost=setting))


def gather_settings(
    program: Program,
    *,
    overrides: Mapping[str, str],
    logs: Sequence[TextFile],
    readme: TextFile | None,
    run_scripts: Sequence[TextFile],
    submission_json: TextFile | None,
) -> Settings:
    """Return the effective configuration of a submission.

    Args:
        program: the script; its reads of the environment tie printed names to variables.
        overrides: the user's `--config NAME=VALUE`.
        logs: logs of the claimed runs; where they disagree the most frequent value wins.
        readme, run_scripts, submission_json: as far as the submission has them; run scripts may be shell
            scripts, Makefiles or Python launchers that set `os.environ`.
    """
    settings = Settings(reads=environment_reads(program))
    script = posixpath.basename(program.main.path)
    for name in sorted(overrides):
        settings.add(Setting(name=name, value=overrides[name], origin=Origin.OVERRIDE, path="", line=0))
    shown, rounded = _from_logs(program, settings.reads, logs)
    for setting in shown:
        settings.add(setting)
    if readme is not None:
        found = [(readme.path, command) for command in readme_commands(readme.text)]
        for setting in _from_commands(found, script, Origin.README, settings):
            settings.add(setting)
    for setting in _from_run_scripts(run_scripts, script, settings):
        settings.add(setting)
    for setting in rounded:
        if settings.get(setting.name) is None:
            settings.add(setting)
    if submission_json is not None:
        for setting in _from_json(submission_json, settings.reads):
            settings.add(setting)
    for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", str(WORLD_SIZE))):
        settings.add(Setting(name=name, value=value, origin=Origin.ASSUMED, path="", line=0))
    settings.conflicts.sort(key=lambda conflict: conflict.name)
    return settings


# -- logs


def _from_logs(
    program: Program, reads: list[EnvironmentRead], logs: Sequence[TextFile]
) -> tuple[list[Setting], list[Setting]]:
    """Return what the logs show, the winning value of each variable before those that lost.

    The second list holds what was only printed rounded: it yields to every other place, and to the default
    where that prints the same.
    """
    shown: list[Setting] = []
    rounded: list[Setting] = []
    if not logs:
        return shown, rounded
    variables = variable_of(reads)
    printed = templates(program, frozenset(variables))
    texts = printables(program)
    told = branches(program, variables, texts)
    sources = tuple(source_lines(layer.text) for layer in program.layers)
    seen: dict[str, list[tuple[str, Evidence]]] = {}
    for log in logs:
        for name, evidence in log_evidence(
            printed_lines(log.text, sources), variables, printed, told, texts
        ).items():
            seen.setdefault(name, []).append((log.path, evidence))
    for name in sorted(seen.keys() - {"RANK", "LOCAL_RANK"}):
        votes = Counter(evidence.value for _, evidence in seen[name])
        ordered = sorted(seen[name], key=lambda item: (-votes[item[1].value], is_aside(item[0]), item[0]))
        for path, evidence in ordered:
            setting = Setting(
                name=name, value=evidence.value, origin=Origin.LOG, path=path, line=evidence.line
            )
            if evidence.decimals is None:
                shown.append(setting)
            elif not any(read.name == name and _prints_as(read.default, evidence) for read in reads):
                rounded.append(setting)
    return shown, rounded


def _prints_as(default: str | None, evidence: Evidence) -> bool:
    """Whether the default, rounded as the log rounds, is what the log shows."""
    try:
        return default is not None and f"{float(default):.{evidence.decimals}f}" == evidence.value
    except ValueError:
        return False


# -- commands


def _from_commands(
    commands: Sequence[tuple[str, FoundCommand]], script: str, origin: Origin, settings: Settings
) -> list[Setting]:
    """Return the settings of the likeliest command, those of bare listings, and what others of equal rank
    say.

    A command that contradicts what is already known (a log) is less likely, one that agrees likelier. Of
    several of equal rank the first is taken: real READMEs tell the run first and its variations after it.
    """

    def rank(item: tuple[int, tuple[str, FoundCommand]]) -> tuple[tuple[int, ...], int]:
        position, (_, found) = item
        told = found.command.environment
        known = [
            same_value(setting.value, told[setting.name])
            for setting in map(settings.get, told)
            if setting is not None and not _PER_RUN.match(setting.name)
        ]
        first, second, *others = found.rank(script)
        return (first, second, -known.count(False), *others, known.count(True)), -position

    ranked = sorted(enumerate(commands), key=rank, reverse=True)
    if ranked and settings.command is None:
        settings.command = _run_command(*ranked[0][1], script, settings)
    result: list[Setting] = []
    told: set[str] = set()
    for place, item in enumerate(ranked):
        path, found = item[1]
        equal = rank(item)[0] == rank(ranked[0])[0]
        if place and not equal and not found.listing:
            continue
        for name, value in sorted(found.command.environment.items()):
            # What another run of the same rank sets besides, the chosen one leaves at its default.
            if place and not found.listing and name not in told:
                continue
            told.add(name)
            line = found.command.lines.get(name, found.command.line)
            result.append(Setting(name=name, value=value, origin=origin, path=path, line=line))
        processes = found.command.processes
        if processes not in (None, 1) and "WORLD_SIZE" not in told and found.command.runs(script):
            told.add("WORLD_SIZE")
            line = found.command.line
            result.append(
                Setting(name="WORLD_SIZE", value=str(processes), origin=origin, path=path, line=line)
            )
    return result


def _run_command(path: str, found: FoundCommand, script: str, settings: Settings) -> RunCommand | None:
    """The command as that of the claimed run: it runs the script, is no aside, and sets variables that are read."""
    read = {entry.name for entry in settings.reads}
    told = [name for name in found.command.environment if name in read and not _PER_RUN.match(name)]
    if found.listing or not told or not found.command.runs(script) or found.is_aside:
        return None
    return RunCommand(path=path, line=found.command.line)


def _from_run_scripts(files: Sequence[TextFile], script: str, settings: Settings) -> list[Setting]:
    """Return what shell scripts and Makefiles say, then what Python launchers set."""
    commands: list[tuple[str, FoundCommand]] = []
    launched: list[Setting] = []
    for file in files:
        if file.path.endswith(".py"):
            launched.extend(
                Setting(name=name, value=value, origin=Origin.RUN_SCRIPT, path=file.path, line=line)
                for name, value, line in python_launcher_settings(file.text, file.path)
            )
            continue
        title = re.sub(r"[_\-.]", " ", posixpath.basename(file.path))
        commands.extend(
            (file.path, FoundCommand(command=command, heading=title, listing=not command.words))
            for command in read_commands(file.text)
            if command.environment and (command.runs_python_file or not command.words)
        )
    return _from_commands(commands, script, Origin.RUN_SCRIPT, settings) + launched


# -- submission.json


def _from_json(file: TextFile, reads: list[EnvironmentRead]) -> Iterator[Setting]:
    """Yield hyperparameters told in any object of `submission.json`, for variables that are read."""
    try:
        content = read_json(file.text).value
    except (ValueError, RecursionError):
        return
    variables = variable_of(reads)
    told: set[str] = set()
    pending = deque([content])
    while pending:
        item = pending.popleft()
        if isinstance(item, list):
            pending.extend(item)
        if not isinstance(item, dict):
            continue
        pending.extend(item.values())
        for key, value in item.items():
            read = variables.get(str(key))
            if read is None or read.name in told or not isinstance(value, (bool, int, float, str)):
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)  # 3.0 is how JSON writes what a script may read as a whole number
            text = environment_text(str(value), read)
            if text is not None:
                told.add(read.name)
                yield Setting(
                    name=read.name, value=text, origin=Origin.SUBMISSION_JSON, path=file.path, line=0
                )
