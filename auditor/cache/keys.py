"""The key of an answer, or of a reading: a digest of everything that it is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from auditor.cache.store import READING
from auditor.cache.version import reading_version, version
from auditor.errors import InputError
from auditor.submission.model import SourceFile, Submission


def submission_key(submission: Submission, *, policy: str, overrides: Mapping[str, str]) -> str | None:
    """The key of a script's audit; None where a file has no content that could be told from another.

    The number and the commit of a pull request are no part of it; the path of a local target, which messages may
    name, is.
    """
    content = _everything_read(submission, overrides)
    return None if content is None else digest("audit", policy, *content)


def reading_key(submission: Submission, *, overrides: Mapping[str, str]) -> str | None:
    """The key of what is known of a script before any rule is asked: neither rules nor policy are part of it."""
    content = _everything_read(submission, overrides)
    return None if content is None else READING + digest(*content, program=reading_version())


def _everything_read(submission: Submission, overrides: Mapping[str, str]) -> list[object] | None:
    contents = submission.contents
    files = []
    for file in submission.files:
        content = _content(file)
        if content is None:
            return None
        files.append([contents.relative(file), content, file.size_bytes, file.problem, file.link_target])
    return [
        sorted(overrides.items()),
        submission.target.kind,
        None if submission.target.kind == "pull_request" else submission.target.path,
        submission.date,
        submission.entry_name,
        submission.folder,
        submission.track.value,
        submission.script.path,
        [launcher.path for launcher in submission.launchers],
        sorted(files, key=lambda row: str(row[0])),
    ]


def digest(*parts: object, program: str = "") -> str:
    """A digest of values that JSON can hold, and of the program that answers: all of it, or the digest given."""
    text = json.dumps([program or version(), *parts])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _content(file: SourceFile) -> str | None:
    """What tells a file's content: the blob's id, the SHA-256 of a local file, why it cannot be read."""
    if file.blob is not None:
        return f"blob {file.blob}"
    if file.problem is not None:
        return f"problem {file.problem}"
    try:
        return hashlib.sha256(file.data()).hexdigest()
    except InputError as error:
        return f"problem {error.message}"
    except OSError:
        return None
