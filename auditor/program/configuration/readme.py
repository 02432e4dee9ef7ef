"""Run commands of a README: fenced blocks, indented blocks and inline code that is a command.

Prose and tables are not read: a table of hyperparameters is a description, not a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from auditor.program.configuration.shell import Command, read_commands

_FENCE: Final = re.compile(r"^\s{0,8}(```+|~~~+)\s*([\w+-]*)")
_HEADING: Final = re.compile(r"^\s{0,3}#{1,6}\s+(.*)$|^\s*\*\*([^*]{3,80})\*\*:?\s*$")
_INLINE: Final = re.compile(r"`([^`\n]*(?:torchrun|python3?)\s[^`\n]*)`")
_LANGUAGES: Final = frozenset(
    ["", "bash", "sh", "shell", "console", "zsh", "text", "txt", "env", "dotenv", "ini", "terminal"]
)
_ASSIGNMENT_LINE: Final = re.compile(r"^\s*(?:export\s+)?[A-Z][A-Z0-9_]*=\S")
_MAIN: Final = re.compile(
    r"\b(re-?pro\w*|run\w*|command\w*|usage|train\w*|launch\w*|evaluat\w*|submission|record)\b", re.I
)
_ASIDE: Final = re.compile(
    r"\b(?:ablat\w*|baselines?|smoke\w*|debug\w*|local\w*|optional\w*|quick\w*|tests?(?![- ]time)|sanity"
    r"|sweep\w*|scout\w*|alternativ\w*|previous|prior|older?|without"
    r"|disabl\w*|1x\w*|single[- ](?:gpu|seed|node)|mlx"
    r"|mac(?:os|book)?|dev|negative|future|withdrawn|experimental|instead|only|invalid|no longer)\b",
    re.I,
)

_ITEM: Final = re.compile(r"^\s*[-*+]\s+([A-Z][A-Z0-9]*_[A-Z0-9_]*=[^\s,;()]+)(?=[\s,;(]|$)")
"""A list item that begins with an assignment: `- SKIP_GPTQ=1, plain rounding`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCommand:
    """A command of a README with what its surroundings say.

    Attributes:
        command: the command and its environment.
        heading: text of the heading above, or "".
        note: the line of prose or the comment right above, or "".
        listing: the block only lists assignments; no command runs in it.
    """

    command: Command
    heading: str
    listing: bool
    note: str = ""

    @property
    def is_aside(self) -> bool:
        """Whether what stands above it speaks of a side run."""
        return bool(_ASIDE.search(self.heading) or _ASIDE.search(self.note))

    def rank(self, script: str) -> tuple[int, ...]:
        """Return how likely this is the claimed run; larger is likelier.

        In order: it names the script, it runs on 8 GPUs, what stands above it speaks of the run and not of an
        aside ("Ablation", "To disable …", "Optional").
        """
        heading = 1 if _MAIN.search(self.heading) else 0
        aside = -1 if self.is_aside else 0
        processes = self.command.processes
        runs = self.command.runs(script)
        return (
            int(not self.listing and (runs or bool(self.command.environment))),
            2 * int(runs) + int(self.command.runs_python_file),
            2 if processes == 8 else 1 if processes is None else 0,
            heading + 2 * aside,
        )


def is_aside(path: str) -> bool:
    """Whether a file's name says that it is of a side run: an ablation, a smoke test, a sweep."""
    return _ASIDE.search(re.sub(r"[_\-.]", " ", path.rpartition("/")[2])) is not None


def readme_commands(text: str) -> list[FoundCommand]:
    """Return the commands of a Markdown text in order."""
    found: list[FoundCommand] = []
    heading = prose = ""
    lines = text.replace("\r\n", "\n").split("\n")
    index = 0
    while index < len(lines):
        line = lines[index]
        fence = _FENCE.match(line)
        if fence is not None:
            end = index + 1
            while end < len(lines) and not lines[end].lstrip().startswith(fence[1]):
                end += 1
            if fence[2].lower() in _LANGUAGES:
                found.extend(_block("\n".join(lines[index + 1 : end]), index + 2, heading, prose))
            index, prose = end + 1, ""
            continue
        title = _HEADING.match(line)
        if title is not None:
            heading, prose = title[1] or title[2], ""
        elif line.startswith(("    ", "\t")) and not line.lstrip().startswith(("-", "*", "|")):
            end = index
            while end < len(lines) and (lines[end].startswith(("    ", "\t")) or not lines[end].strip()):
                end += 1
            found.extend(
                _block("\n".join(item.strip() for item in lines[index:end]), index + 1, heading, prose)
            )
            index = end
            continue
        else:
            prose = line if line.strip() else prose
            item = _ITEM.match(line)
            if item is not None:
                found.extend(_block(item[1], index + 1, heading, ""))
            for match in _INLINE.finditer(line):
                found.extend(_block(match[1], index + 1, heading, prose))
        index += 1
    return found


def _block(text: str, first_line: int, heading: str, prose: str) -> list[FoundCommand]:
    """Read one block of code: commands that run Python, or a bare list of assignments."""
    commands = read_commands(text, first_line)

    def found(command: Command, *, listing: bool = False) -> FoundCommand:
        return FoundCommand(command=command, heading=heading, listing=listing, note=command.note or prose)

    running = [command for command in commands if command.runs_python_file]
    if running:
        return [found(command) for command in running]
    rows = [row for row in text.split("\n") if row.strip() and not row.lstrip().startswith("#")]
    if rows and all(_ASSIGNMENT_LINE.match(row) for row in rows):
        return [found(command, listing=True) for command in commands if not command.words]
    return [found(command) for command in commands if command.environment and _is_launcher(command)]


def _is_launcher(command: Command) -> bool:
    return bool(command.words) and command.words[0] in (
        "torchrun",
        "python",
        "python3",
        "accelerate",
        "modal",
        "uv",
    )
