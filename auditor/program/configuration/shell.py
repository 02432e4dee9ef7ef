"""Commands and their environment, as README blocks and run scripts write them.

No shell: a small reader of the forms that occur (`KEY=V cmd`, `export`, `env`, continuations,
`${KEY:-default}`, loops over seeds). What it cannot read it leaves out; it never runs anything.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import Final

_ASSIGNMENT: Final = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)$", re.DOTALL)
_VARIABLE: Final = re.compile(
    r"\$\{([A-Za-z_]\w*)(?::?-([^{}]*))?\}|\$([A-Za-z_]\w*)|\$\$([A-Za-z_]\w*)|\$\(([A-Za-z_]\w*)\)"
)
_PLACEHOLDER: Final = re.compile(r"[<‹«\[{(]\s*[A-Za-z][^=]*[>›»\]})]|\.{3}|…|X{3,}|TODO|\?+", re.IGNORECASE)
"""What stands for a value that the reader is to fill in: `<label>`, `...`."""

_PROCESSES: Final = re.compile(r"--nproc[-_]per[-_]node[= ](\S+)|--num[-_]processes[= ](\S+)")
_KEYWORDS: Final = frozenset(["do", "then", "else", "fi", "done", "if", "while", "{", "}", "("])


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command with the environment it runs in.

    Attributes:
        environment: variable → value, in force when the command starts; unresolved values are left out.
        lines: line of each of them.
        words: the command itself; empty for a block that only lists assignments.
        line: 1-based line it starts on.
        processes: processes per node, 1 where none are told, None where the number is a variable.
        note: the comment right above, without its mark, or "".
    """

    environment: dict[str, str]
    lines: dict[str, int]
    words: tuple[str, ...]
    line: int
    processes: int | None = 1
    note: str = ""

    def runs(self, script: str) -> bool:
        """Whether the command names the script file."""
        return any(word.replace("\\", "/").rsplit("/", 1)[-1] == script for word in self.words)

    @property
    def runs_python_file(self) -> bool:
        """Whether the command names any Python file."""
        return any(word.endswith(".py") for word in self.words)


@dataclass(slots=True)
class _Shell:
    environment: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)

    def set(self, assignments: list[tuple[str, str]], line: int) -> None:
        for name, value in assignments:
            resolved = self.resolve(value)
            if resolved is None:
                self.environment.pop(name, None)
            else:
                self.environment[name] = resolved
                self.lines[name] = line

    def resolve(self, value: str) -> str | None:
        """Fill in variables; None where one is not known or a command would have to run."""
        if "$((" in value or "`" in value or _PLACEHOLDER.fullmatch(value.strip()):
            return None
        unknown = False

        def fill(match: re.Match[str]) -> str:
            nonlocal unknown
            name = match[1] or match[3] or match[4] or match[5]
            known = self.environment.get(name, match[2])
            if known is None:
                unknown = True
                return ""
            return known

        filled = _VARIABLE.sub(fill, value)
        return None if unknown or "$" in filled else filled.rstrip(",") if "," not in filled[:-1] else filled


def read_commands(text: str, first_line: int = 1) -> list[Command]:
    """Return the commands of a shell text in order, each with the environment in force.

    Assignments that no command follows come back as one last `Command` without words.
    """
    shell = _Shell()
    for line, content, note in _logical_lines(text, first_line):
        for part in _simple_commands(content):
            _read_one(shell, part, line, note)
    if shell.environment and not any(command.runs_python_file for command in shell.commands):
        shell.commands.append(
            Command(environment=dict(shell.environment), lines=dict(shell.lines), words=(), line=first_line)
        )
    return shell.commands


def _logical_lines(text: str, first_line: int) -> list[tuple[int, str, str]]:
    """Return (line, content, comment above) with continued lines joined; prompts are dropped."""
    result: list[tuple[int, str, str]] = []
    pending = note = ""
    start = first_line
    for number, raw in enumerate(text.split("\n"), first_line):
        line = raw.rstrip()
        if line.lstrip().startswith("#"):
            note = note if pending else line.lstrip("# \t")
            continue
        if not pending:
            start = number
            line = re.sub(r"^\s*(?:\$|>|%)\s+", "", line)
        # A comment after a continuation backslash is a common slip; the backslash is meant.
        line = re.sub(r"\\\s+#.*$", "\\\\", line)
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        if pending or line.strip():
            result.append((start, pending + line, note))
            note = ""
        pending = ""
    if pending:
        result.append((start, pending, note))
    return result


def _simple_commands(line: str) -> list[list[str]]:
    """Split a line into simple commands, each a list of words; quotes are kept apart from operators."""
    line = re.sub(r"\s\d?>&\d\b", " ", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:
        words = line.split()
    commands: list[list[str]] = [[]]
    for word in words:
        if word and set(word) <= set(";&|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return [command for command in commands if command]


def _read_one(shell: _Shell, words: list[str], line: int, note: str) -> None:
    while words and words[0] in _KEYWORDS:
        words = words[1:]
    words = [part for word in words for part in _expanded(shell, word)]
    if not words:
        return
    if words[0] == "for" and len(words) > 3 and words[2] == "in":
        shell.set([(words[1], words[3])], line)
        return
    if words[0] in ("export", "declare", "set", "setenv", "local", "readonly", "typeset"):
        shell.set(_assignments(words[1:]), line)
        return
    if words[0] == "unset":
        for name in words[1:]:
            shell.environment.pop(name, None)
        return
    inline: list[tuple[str, str]] = []
    position = 0
    while position < len(words):
        match = _ASSIGNMENT.match(words[position])
        if match is not None:
            inline.append((match[1], match[2]))
        elif words[position] not in ("env", "nohup", "time", "sudo", "exec", "-i", "-S"):
            break
        position += 1
    command = words[position:]
    if not command:
        shell.set(inline, line)
        return
    inline += _told_by_options(command)
    scope = _Shell(dict(shell.environment), dict(shell.lines))
    scope.set(inline, line)
    shell.commands.append(
        Command(
            environment=scope.environment,
            lines=scope.lines,
            words=tuple(scope.resolve(word) or word for word in command),
            line=line,
            processes=_process_count(scope, " ".join(command)),
            note=note,
        )
    )


def _expanded(shell: _Shell, word: str) -> list[str]:
    """Return the words of `$VARIABLE` where that holds assignments (`env $COMMON torchrun …`)."""
    match = re.fullmatch(r"\$\{?([A-Za-z_]\w*)\}?", word)
    value = shell.environment.get(match[1], "") if match is not None else ""
    return value.split() if "=" in value else [word]


def _assignments(words: list[str]) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for word in words if (match := _ASSIGNMENT.match(word)) is not None]


def _told_by_options(command: list[str]) -> list[tuple[str, str]]:
    """Assignments within a command: `--extra-env "A=1;B=2"`, `docker run -e A=1`, `ssh host "A=1 cmd"`."""
    found: list[tuple[str, str]] = []
    for previous, word in zip(["", *command], command, strict=False):
        option = previous.lstrip("-").replace("_", "-")
        if word.startswith("--") and "env" in word.split("=")[0] and "=" in word:
            word = word.split("=", 1)[1]
            option = "env"
        if option in ("e", "env", "extra-env", "environment") or (
            "env" in option.split("-") and previous.startswith("-")
        ):
            pieces = re.split(r"[;\n]|,(?=[A-Z_][A-Z0-9_]*=)|\s+(?=[A-Z_][A-Z0-9_]*=)", word)
            found.extend(_assignments([piece.strip() for piece in pieces]))
        elif previous in ("-c", "-lc") or command[0] == "ssh":
            for part in _simple_commands(word):
                found.extend(_assignments(part[1:] if part[0] == "export" else _leading(part)))
    return found


def _leading(words: list[str]) -> list[str]:
    taken: list[str] = []
    for word in words:
        if _ASSIGNMENT.match(word) is None:
            break
        taken.append(word)
    return taken


def _process_count(shell: _Shell, command: str) -> int | None:
    match = _PROCESSES.search(command)
    if match is None:
        return 1
    value = shell.resolve(match[1] or match[2])
    return int(value) if value is not None and value.isdecimal() and len(value) <= 6 else None
