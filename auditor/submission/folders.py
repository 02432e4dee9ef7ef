"""Divide the files of a root into record folders, find the scripts of each, and say what cannot be judged.

Called by `load` with listed files of either kind. What is unreadable never disappears: a script that cannot be
read, or an entry without one, becomes an `Unjudged`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.program.configuration.shell import Command, read_commands
from auditor.submission import roles
from auditor.submission.model import Folder, SourceFile, Submission, Target, TextBudget, Track, Unjudged

NO_SCRIPT = "it holds no training or evaluation script"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the files of one root hold; the fields as in `load.LoadResult`."""

    submissions: tuple[Submission, ...]
    folders: tuple[Folder, ...]
    unjudged: tuple[Unjudged, ...]
    problems: tuple[str, ...]


def divide(
    target: Target,
    root: str,
    files: Sequence[SourceFile],
    *,
    track: Track | None = None,
    present: frozenset[str] | None = None,
) -> Found:
    """Divide files into record folders and find the scripts of each.

    Args:
        track: of all folders; read from their paths if not given.
        present: when given, only folders with a path among these count.
    """
    by_path = {file.path: file for file in files}
    submissions: list[Submission] = []
    folders: list[Folder] = []
    unjudged: list[Unjudged] = []
    problems: list[str] = []
    for home, paths in roles.split_folders(root, tuple(by_path)).items():
        if present is not None and present.isdisjoint(paths):
            continue
        folder = Folder(
            target=target,
            path=home,
            files=tuple(by_path[path] for path in paths),
            track=track or Track.of_path(home),
        )
        folders.append(folder)
        readable, unreadable = _python_texts(folder)
        problems += [reason for _, reason in unreadable]
        found = _scripts(folder, readable)
        missing = [*_unread_scripts(folder, unreadable), *_run_otherwise(folder)]
        if not found and not missing and _is_entry(folder):
            missing = [_unjudged(folder, home, NO_SCRIPT)]
        submissions += found
        unjudged += missing
    return Found(
        submissions=tuple(submissions),
        folders=tuple(folders),
        unjudged=tuple(unjudged),
        problems=tuple(problems),
    )


def _python_texts(folder: Folder) -> tuple[dict[str, str], list[tuple[SourceFile, str]]]:
    """The texts of the Python files by path, and the files that have none, with the reason."""
    texts: dict[str, str] = {}
    unreadable: list[tuple[SourceFile, str]] = []
    budget = TextBudget()
    for file in folder.python_files:
        try:
            check_script(file)
            texts[file.path] = budget.text(file)
        except InputError as error:
            if file.name != "__init__.py":
                unreadable.append((file, error.message))
    return texts, unreadable


def _scripts(folder: Folder, texts: dict[str, str]) -> list[Submission]:
    by_path = {file.path: file for file in folder.python_files}
    found = roles.classify(texts, root=folder.path)
    return [
        Submission(
            target=folder.target,
            folder=folder.path,
            script=by_path[path],
            files=folder.files,
            track=folder.track,
            launchers=tuple(by_path[launcher] for launcher in found.launchers.get(path, ())),
        )
        for path in found.scripts
    ]


def _unread_scripts(folder: Folder, unreadable: Sequence[tuple[SourceFile, str]]) -> Iterator[Unjudged]:
    """Files that are scripts by their names; what a helper's absence means is for the reading of its user."""
    for file, reason in unreadable:
        if roles.is_script_name(file.path, root=folder.path):
            yield _unjudged(folder, file.path, reason)


def _run_otherwise(folder: Folder) -> Iterator[Unjudged]:
    """Files that a run script hands to Python although their names are not those of Python files."""
    by_path = {folder.relative(file): file for file in folder.files if file.suffix != ".py"}
    for launcher in folder.run_scripts:
        home = posixpath.dirname(folder.relative(launcher))
        for command in _commands(launcher):
            if command.runs_python_file or not any(map(_INTERPRETER.search, command.words)):
                continue
            for word in command.words:
                file = by_path.get(posixpath.normpath(posixpath.join(home, word)))
                if file is not None and _is_script(file):
                    yield _unjudged(folder, file.path, f"{launcher.path} runs it, and it is no .py file")


_INTERPRETER = re.compile(r"(?:^|/)(?:python[\d.]*|torchrun|accelerate|deepspeed)$")


def _commands(launcher: SourceFile) -> list[Command]:
    try:
        return read_commands(launcher.text())
    except InputError:
        return []


def _is_script(file: SourceFile) -> bool:
    try:
        return roles.has_substance(file.text())
    except InputError:
        return True


def _is_entry(folder: Folder) -> bool:
    """Whether the folder claims or runs something: pictures and prose alone are no entry."""
    return bool(
        folder.submission_json is not None or folder.python_files or folder.run_scripts or folder.logs
    )


def _unjudged(folder: Folder, path: str, reason: str) -> Unjudged:
    return Unjudged(target=folder.target, path=path, folder=folder.path, track=folder.track, reason=reason)


def check_script(file: SourceFile) -> None:
    """Check that a file can be a Python script at all.

    Raises:
        InputError: it cannot be read, is empty, is binary, or is by its name no Python.
    """
    content = file.data()
    if not content.strip():
        raise InputError(f"{file.path} is empty")
    if file.suffix not in (".py", ""):
        raise InputError(
            f"{file.path} is not a Python script", hint="name a .py file or the folder that holds it"
        )
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        at = content.index(b"\0")
        raise InputError(f"{file.path} is binary (a NUL byte at offset {at}), not a Python script")
