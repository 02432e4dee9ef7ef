"""Settings that the user gives over everything else: one that no script reads is a slip of the pen, not a setting."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, InputError
from auditor.submission.model import Submission

if TYPE_CHECKING:
    from auditor.program.model import Program

LAUNCHER = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})
"""Set by what starts the script; a library may read them where the script does not."""


def check_overrides(submissions: Iterable[Submission], overrides: Mapping[str, str]) -> tuple[str, ...]:
    """Check that every overridden name is a setting of some script.

    Returns:
        a sentence for each script that does not have a name which another has.

    Raises:
        InputError: no script has it; names that are near are given.
    """
    wanted = [name for name in overrides if name not in LAUNCHER]
    if not wanted:
        return ()
    missing: dict[str, list[str]] = {name: [] for name in wanted}
    known: set[str] = set()
    scripts = 0
    for submission in submissions:
        program = _program(submission)
        if program is None:
            continue
        scripts += 1
        known |= _names(program)
        for name in wanted:
            if not _mentions(program, name):
                missing[name].append(submission.script.path)
    for name, paths in missing.items():
        if scripts and len(paths) == scripts:
            near = difflib.get_close_matches(name, sorted(known), n=3)
            raise InputError(
                f"--config {name}: no setting of that name" + (f" in {paths[0]}" if scripts == 1 else ""),
                hint=f"did you mean {', '.join(near)}?"
                if near
                else "names are those of environment variables",
            )
    return tuple(f"{path} has no setting {name}" for name, paths in missing.items() for path in paths)


def _program(submission: Submission) -> Program | None:
    """The script unpacked, None where not all of it could be: what it reads is not known then."""
    from auditor.program.unpacking.program import load_program

    try:
        program = load_program(submission.script.path, submission.script.data(), submission.read_sibling)
    except AuditorError:
        return None
    return None if any(problem.kind == "opaque" for problem in program.problems) else program


def _names(program: Program) -> set[str]:
    from auditor.program.configuration.environment import environment_reads

    return {read.name for read in environment_reads(program)}


def _mentions(program: Program, name: str) -> bool:
    """Whether the name stands in the text, or its lower case, from which scripts make names of variables."""
    shape = re.compile(rf"\b(?:{re.escape(name)}|{re.escape(name.lower())})\b")
    return any(shape.search(layer.text) for layer in program.layers)
