"""Hyperparameters that a log shows to have been in force, by the name of the environment variable that sets
them.

Three sources of evidence: a dump (`Hyperparameters:` with a `name: value` or `name=value` per line, a dict or
dataclass repr), the lines the script's own f-strings print (`log_templates`), and lines that only one outcome of a
test prints (`log_branches`). Names that no read of the
environment feeds are left out, since the log cannot have set them.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.program.configuration.environment import EnvironmentRead
from auditor.program.configuration.log_branches import Branch
from auditor.program.configuration.log_templates import Template
from auditor.program.configuration.log_text import LogLine
from auditor.program.printable import Printable

_DUMP_HEADING: Final = re.compile(r"hyper-?param|^\s*(?:config|args|settings|env\w*)\s*:?\s*$", re.I)
_DUMP_LINE: Final = re.compile(r"^\s*(?:\[?[\w.]+\]?:?\s+)?([A-Za-z_]\w*)\s*[:=]\s*(.*?)\s*,?$")
_PAIR: Final = re.compile(
    r"(?<![\w.])[\"']?([A-Za-z_]\w*)[\"']?\s?[=:]\s?(\"[^\"]*\"|'[^']*'|\[[^\]]*\]|\([^)]*\)|[^\s,;(){}\[\]]+)"
)
_REPR: Final = re.compile(r"(?:\w+\(|\{)[\"']?\w+[\"']?\s?[=:]")
_WORLD_SIZE: Final = re.compile(r"\bworld_size\s*[:=]\s*(\d+)")
_JSON_LINE: Final = re.compile(r'^\s+"([A-Za-z_]\w*)":\s*("[^"]*"|true|false|-?\d[\d.eE+-]*)\s*,?$')
_NUMBER: Final = re.compile(r"^-?\d+(?:\.\d*)?(?:e[-+]?\d+)?$", re.I)
_MAX_DUMP_LINES: Final = 400
_MAX_VALUE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One variable as one log shows it; `decimals` is what the print was rounded to, None for all of it."""

    name: str
    value: str
    line: int
    decimals: int | None = None


def log_evidence(
    lines: list[LogLine],
    variables: Mapping[str, EnvironmentRead],
    templates: list[Template],
    branches: Sequence[Branch] = (),
    texts: Sequence[Printable] = (),
) -> dict[str, Evidence]:
    """Return variable → what the log shows, the first showing of each.

    Args:
        lines: what the run printed (`log_text.printed_lines`).
        variables: target name → the read that feeds it (`environment.variable_of`).
        templates: f-strings of the program.
        branches: what only one outcome of a test prints; weaker than a value that is printed.
        texts: all that the program can print, to tell such a line from others.
    """
    found: dict[str, Evidence] = {}

    def note(attribute: str, raw: str, line: int, decimals: int | None = None) -> None:
        read = variables.get(attribute)
        if read is None:
            return
        old = found.get(read.name)
        if old is not None and (old.decimals is None or decimals is not None):
            return
        value = environment_text(raw, read)
        if value is not None:
            found[read.name] = Evidence(name=read.name, value=value, line=line, decimals=decimals)

    for attribute, raw, line in _dumped(lines):
        note(attribute, raw, line)
    by_start: dict[str, list[Template]] = {}
    for template in templates:
        by_start.setdefault(template.pieces[0].strip()[:2], []).append(template)
    for item in lines:
        for template in _candidates(item.text, by_start):
            for attribute, (raw, decimals) in template.match(item.text).items():
                note(attribute, raw, item.number, decimals)
        if "WORLD_SIZE" not in found and (match := _WORLD_SIZE.search(item.text)) is not None:
            found["WORLD_SIZE"] = Evidence(name="WORLD_SIZE", value=match[1], line=item.number)
    for branch in branches:
        name = variables[branch.target].name
        if name in found:
            continue
        shown = branch.shown(lines, texts)
        if shown is not None:
            decimals = None if branch.exact else 0
            found[name] = Evidence(name=name, value=branch.value, line=shown.number, decimals=decimals)
    return found


def environment_text(raw: str, read: EnvironmentRead) -> str | None:
    """Return what the environment held for a value to print as `raw`, or None where that is not told.

    `True` and `False` become the texts the script compares with (`EnvironmentRead.true_text`), lists lose
    their brackets, quotes go.
    """
    value = raw.strip().rstrip(",").strip()
    if len(value) > _MAX_VALUE or value in ("None", "", "...") or "{" in value:
        return None
    if "(" in value[1:] and value[0] not in "[(\"'":
        return None
    if re.search(r"(?<!,)\s", value) and value[0] not in "[(\"'":
        return None  # words are a sentence about the setting and not its value
    if value in ("True", "true"):
        return read.true_text
    if value in ("False", "false"):
        return read.false_text
    if value[0] in "\"'" and value[-1] == value[0] and len(value) > 1:
        return value[1:-1]
    if value[0] in "[(" and value[-1] in "])":
        return ",".join(part.strip().strip("\"'") for part in value[1:-1].split(",") if part.strip())
    return value


def same_value(left: str, right: str) -> bool:
    """Whether two texts mean the same to a script that converts them: `0.010` and `0.01`, `1` and `true`."""
    if left == right:
        return True
    if _NUMBER.match(left) and _NUMBER.match(right):
        return abs(float(left) - float(right)) <= 1e-9 * max(abs(float(left)), abs(float(right)))
    truths = ({"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""})
    return any(left.lower() in truth and right.lower() in truth for truth in truths)


def _dumped(lines: list[LogLine]) -> Iterator[tuple[str, str, int]]:
    """Yield (name, text, line) of every dump of hyperparameters."""
    index = 0
    while index < len(lines):
        text = lines[index].text
        if _REPR.search(text) and (
            "yperparam" in text or "onfig" in text or text.count("=") + text.count(":") > 8
        ):
            for match in _PAIR.finditer(text):
                yield match[1], match[2], lines[index].number
        elif (member := _JSON_LINE.match(text)) is not None:
            yield member[1], member[2], lines[index].number
        elif _DUMP_HEADING.search(text):
            index = yield from _block(lines, index + 1)
            continue
        index += 1


def _block(lines: list[LogLine], start: int) -> Generator[tuple[str, str, int], None, int]:
    """Yield the `name: value` lines that follow a heading; ends at the first line of another shape."""
    index = start
    blanks = 0
    while index < len(lines) and index - start < _MAX_DUMP_LINES:
        text = lines[index].text
        if re.fullmatch(r"\s*[=\-*]{3,}\s*", text):
            blanks += 1
            if blanks > 1:
                break
        else:
            match = _DUMP_LINE.match(text)
            if match is None:
                break
            pairs = _PAIR.findall(text) if text.count("=") > 1 and ":" not in text else []
            if pairs:
                for name, value in pairs:
                    yield name, value, lines[index].number
            else:
                yield match[1], match[2], lines[index].number
        index += 1
    return index


def _candidates(text: str, by_start: Mapping[str, list[Template]]) -> Iterator[Template]:
    """Yield the templates whose literal start may stand at the start of the line, a rank prefix aside."""
    stripped = text.lstrip()
    for start, items in by_start.items():
        if stripped.startswith(start) or f" {start}" in stripped[:40] or f"]{start}" in stripped[:40]:
            yield from items
