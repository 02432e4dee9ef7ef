"""Which files are the submission's own: those in its folders, but for libraries that lie below them.

A checkout or an environment may stand in the very folder that a run may write to, as `/tmp` is.
"""

from __future__ import annotations

import os
import sys

_PACKAGE = os.path.abspath(__file__).rsplit(os.sep, 4)[0]
LIBRARIES = tuple(
    os.path.abspath(folder) + os.sep
    for folder in (
        os.path.join(_PACKAGE, "auditor"),
        os.path.join(_PACKAGE, "rules"),
        sys.prefix,
        sys.base_prefix,
    )
)
"""Folders of the harness and of installed packages."""


def is_own_file(path: str, folders: tuple[str, ...]) -> bool:
    """Whether an absolute path is one of the submission's own files."""
    return path.startswith(folders) and not path.startswith(LIBRARIES)
