"""Bounds on what is read of a submission: hostile input must not cost memory or time.

Reaching a bound becomes a stated problem of the file or folder, never silence. Limits of later stages
(unpacking, evaluation) are not here.
"""

from __future__ import annotations

MAX_FILE_BYTES = 32 * 1024 * 1024
"""The largest file read into memory. The largest real script has 0.7 MB, the largest real log 12 MB; an
artifact may have 16 MB by the rules."""

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""The largest file read as text, a log or a script."""

MAX_NOTE_BYTES = 1024 * 1024
"""The largest README, run script or `submission.json`; real ones have tens of kilobytes."""

MAX_FOLDER_TEXT_BYTES = 128 * 1024 * 1024
"""Text read of one folder, all files together; what comes after is named and not read."""

MAX_FOLDER_FILES = 5_000
"""Files listed of one folder."""

MAX_FOLDER_DEPTH = 12
"""Directory levels walked below a local target."""

MAX_LINK_HOPS = 8
"""Links followed one after the other inside a folder."""

GIT_TIMEOUT_S = 120.0
"""For one git command; a blobless listing of the largest real tree takes 0.1 s."""
