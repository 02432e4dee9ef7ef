"""Gathers the effective configuration of a submission in the form the static witness reads.

Joins `auditor.program.configuration.precedence`, which weighs the places that tell a value, to the files of the folder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.errors import InputError
from auditor.submission.model import SourceFile, Submission

if TYPE_CHECKING:
    from auditor.program.configuration.precedence import Settings
    from auditor.program.model import Program
    from auditor.records.facts import FolderFacts
    from auditor.static.domain.settings import Setting

LEFT_OUT = "default left by the command"
"""Where the command of the run is known and does not set a variable, its default is not merely the source's word."""

_WORD = re.compile(r"[A-Z]+|[0-9]+")
_GENERIC = frozenset(
    {
        "ENABLED",
        "ENABLE",
        "USE",
        "RUN",
        "MODE",
        "EVAL",
        "STEPS",
        "EPOCHS",
        "LR",
        "RATE",
        "SIZE",
        "NUM",
        "MAX",
        "MIN",
    }
    | {"START", "END", "FRAC", "ONLY", "TRAIN", "MODEL"}
)
"""Words of names that say nothing of a technique."""

MAX_CONFLICTS = 5
"""Disagreements told per submission; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """A file's path and text, as the configuration wants them."""

    path: str
    text: str


def effective_settings(
    submission: Submission, program: Program, facts: FolderFacts | None, overrides: Mapping[str, str]
) -> tuple[Mapping[str, Setting], tuple[str, ...]]:
    """The settings in force by environment name, and a sentence for each place that lost or does not count."""
    from auditor.static.domain.settings import Setting

    gathered = gathered_settings(submission, program, facts, overrides)
    settings = {s.name: Setting(s.value, s.origin.value, s.path, s.line) for s in gathered}
    if gathered.command is not None:
        at = gathered.command
        for name in _left_out(gathered, submission):
            settings.setdefault(name, Setting(None, LEFT_OUT, at.path, at.line))
    told = [
        f"{c.name}: {c.lost.origin.value} says {c.lost.value!r}, "
        f"{c.won.origin.value} says {c.won.value!r} and counts"
        for c in gathered.conflicts
    ]
    more = [f"and {len(told) - MAX_CONFLICTS} more such disagreements"] if len(told) > MAX_CONFLICTS else []
    return settings, (*_withdrawal(facts), *told[:MAX_CONFLICTS], *more)


def _left_out(gathered: Settings, submission: Submission) -> list[str]:
    """The variables that the command of the run leaves at their defaults, as far as that is to be believed.

    A submission that carries a technique in its name and whose command does not switch it on may have been run
    otherwise: about such a switch the command says nothing.
    """
    title = submission.folder or submission.entry_name
    readme = _read(submission.readme)
    if readme is not None:
        title += " " + next((line for line in readme.text.splitlines() if line.lstrip().startswith("#")), "")
    spoken = set(_WORD.findall(title.upper()))
    return [
        read.name
        for read in gathered.reads
        if not spoken & (set(_WORD.findall(read.name.upper())) - _GENERIC)
    ]


def gathered_settings(
    submission: Submission, program: Program, facts: FolderFacts | None, overrides: Mapping[str, str]
) -> Settings:
    """All that the files of a submission say about its settings, weighed; of logs those behind the claim.

    A number that was taken back is no claim, and how to reproduce it says nothing about what is submitted.
    """
    from auditor.program.configuration.precedence import gather_settings

    if _withdrawal(facts):
        return gather_settings(
            program, overrides=overrides, logs=(), readme=None, run_scripts=(), submission_json=None
        )
    return gather_settings(
        program,
        overrides=overrides,
        logs=() if facts is None else [_Text(path=p, text=t) for p, t in facts.evidence_texts().items()],
        readme=_read(submission.readme),
        run_scripts=[text for file in _run_scripts(submission) if (text := _read(file)) is not None],
        submission_json=_read(submission.submission_json),
    )


def _withdrawal(facts: FolderFacts | None) -> tuple[str, ...]:
    """What is told where `submission.json` takes its number back; empty where it does not."""
    key = "" if facts is None or facts.submission is None else facts.submission.withdrawn()
    if not key:
        return ()
    return (
        f"the number is withdrawn (submission.json: {key}): the settings that README, run scripts and logs "
        "give for it do not count, those of the source do",
    )


def _run_scripts(submission: Submission) -> tuple[SourceFile, ...]:
    """Shell scripts and the like, and Python launchers of this script; for a bare script what lies beside it
    is not its own."""
    if submission.folder is None and submission.submission_json is None:
        return ()
    return submission.run_scripts + submission.launchers


def _read(file: SourceFile | None) -> _Text | None:
    if file is None:
        return None
    try:
        return _Text(path=file.path, text=file.text())
    except InputError:
        return None
