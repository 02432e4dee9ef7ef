"""Files of a run as they lie on this machine when it is over; hostile code may have put links in their place."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Final

from auditor.replay.full.launch import Launch
from auditor.replay.runs.left_files import Refused, open_left
from auditor.replay.runs.observations import Observations

MAX_BYTES: Final = 64 << 20
"""Of one file that is copied."""


def left_sizes(launch: Launch, observations: Observations) -> dict[str, int]:
    """Sizes of the files that a run opened, as they were left, by their path inside."""
    found: dict[str, int] = {}
    for file in observations.files:
        if file.refused or file.path in found:
            continue
        with contextlib.suppress(OSError, Refused), open_here(launch, file.path, limit=1 << 50) as opened:
            found[file.path] = os.fstat(opened.fileno()).st_size
    return found


def open_here(launch: Launch, path: str, *, limit: int = MAX_BYTES) -> io.BufferedReader:
    """Open a file of a run by its path inside, through no link.

    Raises:
        Refused: it is no regular file, or larger than the limit.
        OSError: it is not there, or only the run could see it.
    """
    for folder in ("job", "tmp"):
        inside = launch.inside(launch.root / folder) + "/"
        if path.startswith(inside):
            return open_left(launch.root / folder, path[len(inside) :], limit=limit)
    if launch.options.rung.has_own_files:
        raise FileNotFoundError(path)
    return open_left(Path("/"), path.lstrip("/"), limit=limit)
