"""List the files of a local target, never outside it.

Links that stay inside are followed, links that lead outside are listed with that problem; special files are
never opened. The git counterpart is `git_files`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from auditor.errors import InputError
from auditor.submission.limits import MAX_FILE_BYTES, MAX_FOLDER_DEPTH, MAX_FOLDER_FILES
from auditor.submission.model import SourceFile

_SKIPPED_FOLDERS = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__"})


def list_local(root: Path, *, recursive: bool = True) -> tuple[tuple[SourceFile, ...], tuple[str, ...]]:
    """List the files below a directory, sorted by path, and say what was left out.

    Without `recursive` folders are entered that hold a Python package, and no others.

    Returns:
        the files, their paths relative to `root`; the problems, one sentence each.
    """
    inside = root.resolve()
    files: list[SourceFile] = []
    problems: list[str] = []
    for path in _walk(root, recursive=recursive, problems=problems):
        if len(files) == MAX_FOLDER_FILES:
            problems.append(
                f"{shown_path(root)} holds more than {MAX_FOLDER_FILES} files; the rest was not listed"
            )
            break
        files.append(_describe(path, root=root, inside=inside))
        if not _is_text(path):
            problems.append(f"a name is not UTF-8 text: {files[-1].path}")
    return tuple(sorted(files, key=lambda file: file.path)), tuple(problems)


def _is_package(folder: Path) -> bool:
    """Whether a script beside the folder imports it under its name, before any library of that name."""
    try:
        return any(name.startswith("__init__.") for name in os.listdir(folder))
    except OSError:
        return False


def _is_text(path: Path) -> bool:
    try:
        os.fsencode(path.name).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def shown_path(path: Path) -> str:
    """A local path as text whatever the locale says, bytes that are no UTF-8 as escapes."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _walk(root: Path, *, recursive: bool, problems: list[str]) -> Iterator[Path]:
    """Yield the entries that are not directories, top down; a linked directory is yielded, not entered."""

    def failed(error: OSError) -> None:
        problems.append(f"cannot list {shown_path(Path(error.filename))}: {error.strerror}")

    for directory, folders, names in os.walk(root, onerror=failed):
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        depth = len(Path(directory).relative_to(root).parts)
        if recursive and depth == MAX_FOLDER_DEPTH and len(folders) > len(links):
            problems.append(
                f"{shown_path(Path(directory))} is {depth} levels deep; what is below was not listed"
            )
        below = set(folders) - set(links) - _SKIPPED_FOLDERS if depth < MAX_FOLDER_DEPTH else set()
        folders[:] = sorted(f for f in below if recursive or _is_package(Path(directory) / f))
        yield from (Path(directory) / name for name in sorted(names + (links if recursive else [])))


def _describe(path: Path, *, root: Path, inside: Path) -> SourceFile:
    name = shown_path(path.relative_to(root))
    link_target: str | None = None
    try:
        real = path.resolve(strict=True) if path.is_symlink() else path
        status = real.stat()
    except OSError as error:
        return SourceFile(path=name, size_bytes=0, problem=f"cannot be opened ({error.strerror})")
    except RuntimeError:
        return SourceFile(path=name, size_bytes=0, problem="a link that leads to itself")
    if path.is_symlink():
        if not real.is_relative_to(inside):
            return SourceFile(
                path=name,
                size_bytes=0,
                problem=f"a link that leads outside the folder: {shown_path(path.readlink())}",
            )
        link_target = shown_path(real.relative_to(inside))
    if stat.S_ISDIR(status.st_mode):
        return SourceFile(path=name, size_bytes=0, problem="a link to a directory", link_target=link_target)
    if not stat.S_ISREG(status.st_mode):
        return SourceFile(path=name, size_bytes=0, problem="not a regular file")
    problem = None
    if status.st_size > MAX_FILE_BYTES:
        problem = f"{status.st_size} bytes, more than the {MAX_FILE_BYTES} read"
    return SourceFile(
        path=name,
        size_bytes=status.st_size,
        problem=problem,
        link_target=link_target,
        reader=_reader(real, shown=name),
    )


def _reader(path: Path, *, shown: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise InputError(f"cannot read {shown}: {error.strerror}") from error
        if len(content) > MAX_FILE_BYTES:
            raise InputError(f"cannot read {shown}: more than {MAX_FILE_BYTES} bytes")
        return content

    return read
