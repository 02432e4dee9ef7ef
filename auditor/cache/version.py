"""What answers: a digest of this program's own files and of the libraries that read for it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import sys
from pathlib import Path
from typing import Final

import auditor
import rules

LIBRARIES: Final = ("brotli", "libcst", "numpy", "scipy", "tree-sitter", "tree-sitter-cpp", "zstandard")
"""Packages that take part in an answer."""

OTHERS: Final = {"__pycache__", "specimens", "examples"}
"""Folders that no answer hangs on."""


@functools.cache
def version() -> str:
    """The digest; another where a file of the rules or of the evaluator, a library or Python's version is."""
    digest = hashlib.sha256(sys.version.encode())
    for name in LIBRARIES:
        digest.update(f"\0{name} {_installed(name)}".encode())
    for package in (auditor, rules):
        assert package.__file__ is not None
        root = Path(package.__file__).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and not OTHERS.intersection(path.relative_to(root).parts):
                digest.update(f"\0{path.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "none"
