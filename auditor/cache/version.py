"""What answers: digests of this program's own files and of the libraries that read for it.

One is of all of it. The other is of what reads and evaluates a script, without the rules and what comes after them:
what was read under the same one is judged anew without being read again.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import auditor

assert auditor.__file__ is not None
_ROOT: Final = Path(auditor.__file__).parents[1]
"""Where the packages `auditor` and `rules` lie."""

LIBRARIES: Final = ("brotli", "libcst", "numpy", "scipy", "tree-sitter", "tree-sitter-cpp", "zstandard")
"""Packages that take part in an answer."""

OTHERS: Final = {"__pycache__", "specimens", "examples"}
"""Folders that no answer hangs on."""


READERS: Final = {
    "native",
    "program",
    "reading",
    "records",
    "solver",
    "static",
    "stats",
    "submission",
    "trace",
}
"""The rooms of the auditor that `auditor.reading` is made of; it imports none of those above."""

RULE_TYPES: Final = Path("core", "rule.py")
"""The one file of the rules that is spoken of before any rule is asked."""


@functools.cache
def version() -> str:
    """The digest; another where a file of the rules or of the evaluator, a library or Python's version is."""
    return _digest(lambda path: True)


@functools.cache
def reading_version() -> str:
    """The digest of what reads and evaluates; rules, judgement, reports and commands are no part of it."""
    return _digest(reads)


def reads(path: Path) -> bool:
    """Whether a file, named from its package's root on, takes part in reading a script."""
    package, *inside = path.parts
    if package == "rules":
        return Path(*inside) == RULE_TYPES
    return len(inside) == 1 or inside[0] in READERS


def _digest(wanted: Callable[[Path], bool]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for name in LIBRARIES:
        digest.update(f"\0{name} {_installed(name)}".encode())
    for path in program_files():
        if wanted(path):
            digest.update(f"\0{path}\0".encode())
            digest.update(_of_file(path))
    return digest.hexdigest()


def program_files() -> list[Path]:
    """The files that an answer may hang on, each named from its package's root on."""
    return [
        path.relative_to(_ROOT)
        for package in ("auditor", "rules")
        for path in sorted((_ROOT / package).rglob("*"))
        if path.is_file() and not OTHERS.intersection(path.relative_to(_ROOT / package).parts)
    ]


@functools.cache
def _of_file(path: Path) -> bytes:
    return hashlib.sha256((_ROOT / path).read_bytes()).digest()


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
