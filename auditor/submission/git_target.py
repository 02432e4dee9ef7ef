"""Resolve a ref of a git object store to its submissions: the base point, the changed folders, the root script.

Called by `load`; the files of a folder are divided in `folders`.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Sequence

from auditor.errors import InputError
from auditor.submission import roles
from auditor.submission.folders import check_script, divide
from auditor.submission.git_files import list_tree
from auditor.submission.git_store import EMPTY_TREE, ChangedPath, ObjectStore, TreeEntry
from auditor.submission.loaded import LoadResult, check_scripts
from auditor.submission.model import Folder, Submission, Target, Track, Unjudged

ROOT_SCRIPTS = ("train_gpt.py", "train_gpt_mlx.py")


def load_ref(
    store: ObjectStore,
    ref: str,
    *,
    base: str = "main",
    folders: Sequence[str] = (),
    require_script: bool = True,
) -> LoadResult:
    """Load the submissions of a ref from an open store; see `load_submissions`."""
    head = store.commit(ref)
    problems: list[str] = []
    base_commit, changed = _changes(store, head, base=base, named=bool(folders), problems=problems)
    target = Target(
        kind="pull_request", path=store.path, ref=ref, head=head, base=base_commit, date=store.date(head)
    )
    present = frozenset(change.path for change in changed if change.status != "D")
    submissions: list[Submission] = []
    loaded: list[Folder] = []
    unjudged = [_unjudged(target, root, _INSTEAD) for root in sorted(present & {"records"})]
    for root, entries in _chosen_roots(store, target, present, folders).items():
        if not folders and _is_loose(root):
            # The folders below are roots of their own; what stands here is a loose script, or no folder at all.
            instead = [e for e in entries if e.path in present and (e.is_link or e.is_submodule)]
            unjudged += [_unjudged(target, entry.path, _INSTEAD) for entry in instead]
            entries = tuple(entry for entry in entries if entry not in instead)
            if not any(entry.path in present and entry.path.endswith(".py") for entry in entries):
                continue
        files, cut = list_tree(store, entries, root=root)
        found = divide(target, root, files, present=None if folders else present)
        submissions += found.submissions
        loaded += found.folders
        unjudged += [*(_unjudged(target, root, reason) for reason in cut), *found.unjudged]
        problems += [*cut, *found.problems]
    if not submissions and not folders:
        scripts, unread = _root_scripts(store, target, present)
        submissions += scripts
        unjudged += unread
        if not submissions and not unjudged:
            unjudged += _left_over(target, changed)
    if folders and not submissions:
        unjudged = [entry for entry in unjudged if roles.record_root(f"{entry.path}/_") is not None]
    result = LoadResult(
        submissions=tuple(submissions),
        folders=tuple(loaded),
        problems=tuple(problems),
        unjudged=tuple(unjudged),
        changed_paths=changed,
        head=head,
        base=base_commit,
    )
    if require_script:
        check_scripts(result, f"{ref}: {' '.join(folders) or 'the changes'} hold")
    return result


_INSTEAD = "a link or a submodule stands where a folder should, so its files are not in this repository"


def _is_loose(root: str) -> bool:
    """Whether a root is `records` or a track folder itself."""
    return posixpath.basename(root) == "records" or posixpath.basename(root).startswith("track_")


def _unjudged(target: Target, path: str, reason: str) -> Unjudged:
    return Unjudged(target=target, path=path, folder=None, track=Track.of_path(path), reason=reason)


def _left_over(target: Target, changed: Sequence[ChangedPath]) -> list[Unjudged]:
    """What a pull request without any script did below `records/`: deleted or wrote something else there.

    Raises:
        InputError: it brings an entry that stands outside of `records/`, where no one looks for it.
    """
    roots = {roles.record_root(change.path) for change in changed}
    found = sorted(root for root in roots if root is not None)
    outside = [
        change.path
        for change in changed
        if change.status != "D"
        and (roles.is_script_name(change.path) or posixpath.basename(change.path) == "submission.json")
    ]
    if outside and not found:
        raise InputError(
            f"{outside[0]} looks like an entry, but stands outside of records/",
            hint=f"--folder {posixpath.dirname(outside[0]) or '.'} audits it where it is",
        )
    return [_unjudged(target, root, "what was changed there holds no script") for root in found]


def _changes(
    store: ObjectStore, head: str, *, base: str, named: bool, problems: list[str]
) -> tuple[str | None, tuple[ChangedPath, ...]]:
    """Find the base point and what changed since; with named folders a missing base is no obstacle."""
    if store.is_shallow and not named:
        raise InputError(
            f"{store.path} is a shallow clone: what a pull request changes cannot be known",
            hint="git fetch --unshallow, or fetch-depth: 0 where a workflow checks it out",
        )
    tip = store.resolve(base) or store.resolve(f"refs/remotes/origin/{base}")
    if tip is None:
        if named:
            return None, ()
        raise InputError(f"{store.path} has no base branch named {base!r}", hint="name it with --base")
    point = store.base_point(tip, head)
    if point is not None:
        return point, store.changed_paths(point, head)
    if store.contains(tip, head):
        return None, store.changed_paths(EMPTY_TREE, head)
    problems.append(f"{head[:12]} shares no commit with {base}; compared with the tip of {base} instead")
    changed = store.changed_paths(tip, head)
    return None, tuple(change for change in changed if change.status != "D")


def _chosen_roots(
    store: ObjectStore, target: Target, present: frozenset[str], folders: Sequence[str]
) -> dict[str, tuple[TreeEntry, ...]]:
    """The entries of each folder that was named, or that holds a changed file."""
    assert target.head is not None
    if folders:
        named = {}
        for folder in folders:
            root = posixpath.normpath(folder).strip("/")
            named["" if root == "." else root] = store.tree(target.head, "" if root == "." else root)
        for root, entries in named.items():
            if not entries:
                raise InputError(
                    f"{target.ref} has no folder {root!r}", hint=_similar_folders(store, target, root)
                )
        return named
    roots = {roles.record_root(path) for path in present}
    listed = {
        root: store.tree(target.head, root) for root in sorted(root for root in roots if root is not None)
    }
    return {
        root: tuple(e for e in entries if not _is_loose(root) or posixpath.dirname(e.path) == root)
        for root, entries in listed.items()
    }


def _similar_folders(store: ObjectStore, target: Target, root: str) -> str:
    assert target.head is not None
    known = {posixpath.dirname(entry.path) for entry in store.tree(target.head, "records")}
    by_name = {posixpath.basename(folder): folder for folder in sorted(known)}
    close = difflib.get_close_matches(posixpath.basename(root), by_name, n=1, cutoff=0.5)
    return f"did you mean {by_name[close[0]]}?" if close else "folders are named from the repository root"


def _root_scripts(
    store: ObjectStore, target: Target, present: frozenset[str]
) -> tuple[list[Submission], list[Unjudged]]:
    """The changed scripts at the root of the repository; their folder is the root without `records/`."""
    assert target.head is not None
    touched = present.intersection(ROOT_SCRIPTS)
    if not touched:
        return [], []
    files, _ = list_tree(store, store.root_entries(target.head), root="")
    submissions, unread = [], []
    for file in files:
        if file.path in touched:
            try:
                check_script(file)
            except InputError as error:
                unread.append(_unjudged(target, file.path, error.message))
                continue
            submissions.append(
                Submission(target=target, folder=None, script=file, files=files, track=Track.UNKNOWN)
            )
    missing = touched - {file.path for file in files}
    unread += [
        _unjudged(target, path, "it is no file, or not among the files that were listed") for path in missing
    ]
    return submissions, unread
