"""Name one folder or script for a comparison: a local path, or REF:path with a git store."""

from __future__ import annotations

from auditor.errors import InputError
from auditor.submission.git_store import ObjectStore
from auditor.submission.load import LoadResult, load_path, load_ref
from auditor.submission.model import Folder


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
