"""Name one folder or script for a comparison: a local path, or REF:path with a git store."""

from __future__ import annotations

from auditor.errors import InputError
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.load import load_path
from auditor.submission.loaded import LoadResult
from auditor.submission.model import Folder, Submission


def load_named(text: str, store: ObjectStore | None) -> LoadResult:
    """Load `REF:path` or `REF` from a store, or a local path without one.

    Raises:
        InputError: nothing is found there.
    """
    if store is None:
        return load_path(text, require_script=False)
    ref, _, path = text.partition(":")
    return load_ref(store, ref, folders=[path] if path else [], require_script=False)


def one_folder(text: str, store: ObjectStore | None) -> Folder:
    """The one record folder that a text names.

    Raises:
        InputError: there is none, or several.
    """
    folders = load_named(text, store).folders
    if not folders:
        raise InputError(f"{text} names no records folder")
    if len(folders) > 1:
        named = ", ".join(folder.path for folder in folders[:4])
        raise InputError(f"{text} holds {len(folders)} folders: {named}", hint="name one as REF:folder")
    return folders[0]


def one_submission(text: str, store: ObjectStore | None) -> Submission:
    """The one script that a text names; of several in a folder the `train_gpt.py`.

    Raises:
        InputError: there is none, or several and none of that name.
    """
    if store is not None:
        ref, _, path = text.partition(":")
        if path.endswith(".py"):
            folder, _, name = path.rpartition("/")
            found = load_ref(store, ref, folders=[folder or "."], require_script=False).submissions
            found = tuple(submission for submission in found if submission.script.path == path)
            if not found:
                raise InputError(f"{ref} has no script {path}", hint=f"{name} must be a training script")
            return found[0]
    submissions = load_named(text, store).submissions
    if len(submissions) > 1:
        named = [submission for submission in submissions if submission.script.name == "train_gpt.py"]
        submissions = tuple(named) if len(named) == 1 else submissions
    if len(submissions) != 1:
        shown = ", ".join(submission.script.path for submission in submissions[:4])
        raise InputError(f"{text} holds {len(submissions) or 'no'} scripts{': ' if shown else ''}{shown}")
    return submissions[0]
