"""Turn tree entries of a git object store into source files, links resolved inside their folder only.

The local counterpart is `local_files`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence

from auditor.submission.git_store import ObjectStore, TreeEntry
from auditor.submission.limits import MAX_FILE_BYTES, MAX_FOLDER_FILES, MAX_LINK_HOPS
from auditor.submission.model import SourceFile


def list_tree(
    store: ObjectStore, entries: Sequence[TreeEntry], *, root: str
) -> tuple[tuple[SourceFile, ...], tuple[str, ...]]:
    """Describe the entries of one folder, sorted by path, and say what was left out."""
    by_path = {entry.path: entry for entry in entries}
    problems = []
    if len(by_path) < len(entries):
        problems.append(f"{root or 'the tree'} holds two files of one name")
    if len(entries) > MAX_FOLDER_FILES:
        problems.append(
            f"{root or 'the tree'} holds {len(entries)} files; only the first {MAX_FOLDER_FILES} were listed"
        )
    chosen = sorted(by_path.values(), key=lambda entry: entry.path)[:MAX_FOLDER_FILES]
    return tuple(_describe(store, entry, by_path, root=root) for entry in chosen), tuple(problems)


def _describe(
    store: ObjectStore, entry: TreeEntry, by_path: Mapping[str, TreeEntry], *, root: str
) -> SourceFile:
    if entry.is_submodule:
        return SourceFile(
            path=entry.path, size_bytes=0, problem="a submodule, its files are in another repository"
        )
    link_target: str | None = None
    final = entry
    if entry.is_link:
        target = _follow(store, entry, by_path, root=root)
        if isinstance(target, str):
            return SourceFile(path=entry.path, size_bytes=0, problem=target, blob=entry.oid)
        final, link_target = target, target.path
    size_bytes = store.size_bytes(final.oid)
    problem = None
    if size_bytes is None:
        problem = f"its blob {final.oid} is absent from this clone"
    elif size_bytes > MAX_FILE_BYTES:
        problem = f"{size_bytes} bytes, more than the {MAX_FILE_BYTES} read"
    return SourceFile(
        path=entry.path,
        size_bytes=size_bytes or 0,
        problem=problem,
        blob=final.oid,
        link_target=link_target,
        reader=_reader(store, final.oid),
    )


def _follow(
    store: ObjectStore, link: TreeEntry, by_path: Mapping[str, TreeEntry], *, root: str
) -> TreeEntry | str:
    """Follow a link to a file of the same folder, or say why not."""
    entry = link
    for _ in range(MAX_LINK_HOPS):
        size_bytes = store.size_bytes(entry.oid)
        if size_bytes is None or size_bytes > 4096:
            return "a link whose target cannot be read"
        words = store.blob(entry.oid).decode("utf-8", errors="backslashreplace")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(entry.path), words))
        outside = words.startswith("/") or path == ".." or path.startswith("../")
        if outside or (root and not path.startswith(f"{root}/")):
            return f"a link that leads outside the folder: {words}"
        found = by_path.get(path)
        if found is None:
            return f"a link to {words}, which is no file of the folder"
        if not found.is_link:
            return found
        entry = found
    return f"a link that was not resolved after {MAX_LINK_HOPS} steps"


def _reader(store: ObjectStore, oid: str) -> Callable[[], bytes]:
    return lambda: store.blob(oid)
