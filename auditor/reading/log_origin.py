"""Whether the shipped script can have made the log that gives the claimed number.

A log that other code made earns the script nothing: what the auditor finds out about the script says nothing of
that number. Two things tell it. No text of the script can make the line with the number; or the log counts another
amount of code than is shipped, and between training and the number it has lines that no text of the script can make.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.errors import AuditorError
from auditor.program.printable import Printable
from auditor.program.printed_texts import printables

if TYPE_CHECKING:
    from auditor.program.model import Program
    from auditor.records.facts import FolderFacts
    from auditor.records.findings import RecordFinding
    from auditor.records.log_model import MetricLine, Run
    from auditor.submission.model import Submission

MAX_SHOWN = 3
"""Lines of a log that are shown."""

_MEASURED = re.compile(r"^\s*[A-Za-z][^\n]*?[:=]\s*\S*\d")
"""A line that gives a value a name, as scripts print what they do."""

_OF_LIBRARIES = re.compile(
    r"Warning|Error|\bwarn\b|%\||File \"|/torch/|^\s*\[?(?:rank\d+\]:)?[WIE]\d{4} |://"
)
_INCOMPLETE = frozenset(
    {"undecoded", "opaque", "unreached", "process", "outside", "cap", "syntax", "unreadable"}
)
"""Kinds of problems with which the texts of a program are not all known."""


def log_of_other_code(submission: Submission, program: Program, facts: FolderFacts) -> RecordFinding | None:
    """A finding where the log behind the claim was made by something else than the shipped script, or None."""
    from auditor.records.claim import How
    from auditor.records.findings import finding

    lines = facts.claim.lines
    if facts.claim.how in (How.NOT_FOUND, How.ASSUMED_LAST) or not lines or not _is_whole(program):
        return None
    texts = printables(program)
    script = posixpath.basename(submission.script.path)
    if not any(_can_print(texts, line) for line in _same_number(facts, lines)):
        shown = _raw(facts, lines[0])
        other = _who_prints(submission, shown)
        return finding(
            "log_of_other_code",
            f"{lines[0].path}:{lines[0].line}",
            f"{script} can print no line like {shown.strip()[:120]!r}, which gives the claimed number"
            + (f"; {other} can" if other else ""),
        )
    run = next((run for run in facts.distinct if run.path == lines[0].path), None)
    if run is None or not _counts_other_code(run, facts):
        return None
    foreign = _foreign_lines(run, lines[0], facts, texts)
    if not foreign:
        return None
    return finding(
        "log_of_other_code",
        f"{run.path}:{foreign[0][0]}",
        f"the log counts code of another size than {script} has, and {script} cannot print "
        + ", ".join(repr(text.strip()[:100]) for _, text in foreign[:MAX_SHOWN]),
    )


def _is_whole(program: Program) -> bool:
    """Whether all texts of the program are known."""
    readable = all(layer.module is not None for layer in program.layers)
    return readable and not any(problem.kind in _INCOMPLETE for problem in program.problems)


def _same_number(facts: FolderFacts, lines: Sequence[MetricLine]) -> Iterator[str]:
    """The lines of the logs that give what a claimed line gives, as they stand there."""
    for line in lines:
        run = next((run for run in facts.runs if run.path == line.path), None)
        for other in () if run is None else run.metrics:
            fewer = min(line.bpb_decimals, other.bpb_decimals)
            if abs(line.val_bpb - other.val_bpb) <= 0.51 * 10.0**-fewer:
                yield _raw(facts, other)


def _raw(facts: FolderFacts, line: MetricLine) -> str:
    return facts.log_texts[line.path].split("\n")[line.line - 1]


def _can_print(texts: Sequence[Printable], line: str) -> bool:
    """Whether one of the texts can make the line; a log may have lost the blanks before it."""
    lines = (line, line.split("\r")[-1])
    return any(
        text.could_print(each) or text.unindented.could_print(each.lstrip())
        for each in lines
        for text in texts
    )


def _who_prints(submission: Submission, line: str) -> str:
    """Another Python file of the folder that can print the line, or ""."""
    from auditor.program.unpacking.program import load_program

    for file in submission.siblings:
        try:
            program = load_program(file.path, file.data(), submission.read_sibling)
        except AuditorError:
            continue
        if _can_print(printables(program), line):
            return file.path
    return ""


def _counts_other_code(run: Run, facts: FolderFacts) -> bool:
    from auditor.records.code_checks import Counted, code_convention, counted_code

    return counted_code(run) is not None and code_convention(run, facts) is Counted.OTHER


def _foreign_lines(
    run: Run, claimed: MetricLine, facts: FolderFacts, texts: Sequence[Printable]
) -> list[tuple[int, str]]:
    """Lines between the last step of training and the claimed number that nothing in the program can print."""
    start = max((step.line for step in run.steps if step.line < claimed.line), default=run.first_line)
    lines = facts.log_texts[run.path].split("\n")
    return [
        (number, text)
        for number, text in enumerate(lines[start : claimed.line - 1], start + 1)
        if _MEASURED.match(text)
        and not _OF_LIBRARIES.search(text)
        and "%" not in text
        and not _can_print(texts, text)
    ]
