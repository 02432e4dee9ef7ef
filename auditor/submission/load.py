"""Resolve a target to its submissions: the entrance of the line.

A target is a script or a folder on disk, or a ref of a git object store. One pull request may hold several
folders, one folder several scripts; each script is a submission. Nothing is judged here: what cannot be read
is reported as a problem and the rest is returned.
"""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import InputError
from auditor.submission import roles
from auditor.submission.git_files import list_tree
from auditor.submission.git_store import EMPTY_TREE, ChangedPath, ObjectStore, TreeEntry
from auditor.submission.local_files import list_local
from auditor.submission.model import Folder, SourceFile, Submission, Target, Track

ROOT_SCRIPTS = ("train_gpt.py", "train_gpt_mlx.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What a target holds.

    Attributes:
        submissions: one per script, by folder and path.
        folders: every record folder met, also those without a script.
        problems: what could not be read or was left out, one sentence each.
        changed_paths: what differs between base and head, empty for local targets.
        head, base: full commit ids, None for local targets; `base` is None too for unrelated histories.
    """

    submissions: tuple[Submission, ...]
    folders: tuple[Folder, ...]
    problems: tuple[str, ...]
    changed_paths: tuple[ChangedPath, ...] = ()
    head: str | None = None
    base: str | None = None

    @property
    def without_script(self) -> tuple[Folder, ...]:
        """Record folders that claim something and hold no script that could have made it."""
        judged = {submission.folder for submission in self.submissions}
        return tuple(
            folder
            for folder in self.folders
            if folder.path not in judged and folder.submission_json is not None
        )


def load_submissions(
    path: str | None = None,
    *,
    git_dir: str | None = None,
    ref: str | None = None,
    base: str = "main",
    folders: Sequence[str] = (),
    require_script: bool = True,
) -> LoadResult:
    """Load a script, a folder, or (with `git_dir` and `ref`) the submissions of a commit.

    Args:
        base: the branch that the pull request is against.
        folders: folders of the ref to take, changed or not; without them the changed ones are taken.
        require_script: raise when there is no script; the records validator reads folders without one.

    Raises:
        InputError: nothing at the path, an empty or binary script, a folder or ref with no script, an unknown
            ref or folder, a directory that is no git repository, or contradictory arguments.
    """
    if (path is None) == (git_dir is None):
        raise InputError(
            "give either a script or folder, or --git DIR with --ref REF",
            hint="e.g. records/track_10min_16mb/2026-04-01_MyEntry, or --git DIR --ref refs/pull/N/head",
        )
    if git_dir is not None:
        if ref is None:
            raise InputError(
                "--git needs --ref", hint="e.g. --ref refs/pull/N/head, or --ref main --folder F"
            )
        return load_ref(ObjectStore(git_dir), ref, base=base, folders=folders, require_script=require_script)
    if ref is not None or folders:
        raise InputError("--ref and --folder need --git DIR")
    assert path is not None
    return load_path(path, require_script=require_script)


def load_path(path: str, *, require_script: bool = True) -> LoadResult:
    """Load a local script or folder; see `load_submissions`."""
    place = Path(path)
    if place.is_dir():
        return _load_local_folder(place, require_script=require_script)
    if not place.exists():
        raise InputError(f"no file or folder at {path}")
    if not place.is_file():
        raise InputError(f"{path} is neither a file nor a folder")
    return _load_local_script(place)


def _load_local_script(place: Path) -> LoadResult:
    parent = place.parent
    whole = (parent / "submission.json").is_file()
    files, problems = list_local(parent, recursive=whole)
    script = next((file for file in files if file.path == place.name), None)
    if script is None:
        raise InputError(f"cannot read {place}")
    check_script(script)
    track = Track.of_path(place.resolve().as_posix())
    target = Target(kind="script", path=str(place))
    submission = Submission(target=target, folder=None, script=script, files=files, track=track)
    return LoadResult(submissions=(submission,), folders=(submission.contents,), problems=problems)


def _load_local_folder(place: Path, *, require_script: bool) -> LoadResult:
    files, problems = list_local(place)
    target = Target(kind="folder", path=str(place))
    track = Track.of_path(place.resolve().as_posix())
    found, loaded, more = _load_folder(target, "", files, track=track)
    if require_script and not found:
        raise InputError(
            f"{place} holds no training or evaluation script" + _unreadable(more),
            hint="a record folder holds a train_gpt.py; name a script itself to audit it",
        )
    return LoadResult(submissions=found, folders=loaded, problems=problems + more)


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
    target = Target(kind="pull_request", path=store.path, ref=ref, head=head, base=base_commit)
    submissions: list[Submission] = []
    loaded: list[Folder] = []
    for root, entries in _chosen_roots(store, target, changed, folders).items():
        files, more = list_tree(store, entries, root=root)
        problems += more
        found, held, more = _load_folder(
            target, root, files, track=None, changed=None if folders else changed
        )
        submissions += found
        loaded += held
        problems += more
    if not submissions and not folders:
        submissions += _root_scripts(store, target, changed, problems)
    if require_script and not submissions:
        what = " ".join(folders) if folders else "the changes"
        raise InputError(
            f"{ref}: {what} hold no training or evaluation script" + _unreadable(problems),
            hint="--folder F names any folder of that ref",
        )
    return LoadResult(
        submissions=tuple(submissions),
        folders=tuple(loaded),
        problems=tuple(problems),
        changed_paths=changed,
        head=head,
        base=base_commit,
    )


def _unreadable(problems: Sequence[str]) -> str:
    return f" ({'; '.join(problems[:3])})" if problems else ""


def _changes(
    store: ObjectStore, head: str, *, base: str, named: bool, problems: list[str]
) -> tuple[str | None, tuple[ChangedPath, ...]]:
    """Find the base point and what changed since; with named folders a missing base is no obstacle."""
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
    store: ObjectStore, target: Target, changed: Sequence[ChangedPath], folders: Sequence[str]
) -> dict[str, tuple[TreeEntry, ...]]:
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
    roots = {roles.record_root(change.path) for change in changed if change.status != "D"}
    listed = {
        root: store.tree(target.head, root) for root in sorted(root for root in roots if root is not None)
    }
    kept = {}
    for root, entries in listed.items():
        # A track folder or `records` itself holds loose files only; the folders below are roots of their own.
        loose = posixpath.basename(root) == "records" or posixpath.basename(root).startswith("track_")
        kept[root] = tuple(e for e in entries if not loose or posixpath.dirname(e.path) == root)
    return kept


def _similar_folders(store: ObjectStore, target: Target, root: str) -> str:
    assert target.head is not None
    known = {posixpath.dirname(entry.path) for entry in store.tree(target.head, "records")}
    by_name = {posixpath.basename(folder): folder for folder in sorted(known)}
    close = difflib.get_close_matches(posixpath.basename(root), by_name, n=1, cutoff=0.5)
    return f"did you mean {by_name[close[0]]}?" if close else "folders are named from the repository root"


def _load_folder(
    target: Target,
    root: str,
    files: Sequence[SourceFile],
    *,
    track: Track | None,
    changed: Sequence[ChangedPath] | None = None,
) -> tuple[tuple[Submission, ...], tuple[Folder, ...], tuple[str, ...]]:
    """Divide files into record folders and find the scripts of each.

    Args:
        changed: when given, only folders with a path among these count.
    """
    submissions: list[Submission] = []
    loaded: list[Folder] = []
    problems: list[str] = []
    by_path = {file.path: file for file in files}
    present = {change.path for change in changed or () if change.status != "D"}
    for home, paths in roles.split_folders(root, tuple(by_path)).items():
        if changed is not None and present.isdisjoint(paths):
            continue
        folder = Folder(
            target=target,
            path=home,
            files=tuple(by_path[path] for path in paths),
            track=track or Track.of_path(home),
        )
        loaded.append(folder)
        found = _folder_scripts(folder, problems)
        submissions += found
        if not found and home and folder.submission_json is not None:
            problems.append(f"{home} holds no training or evaluation script: not judged")
    return tuple(submissions), tuple(loaded), tuple(problems)


def _folder_scripts(folder: Folder, problems: list[str]) -> list[Submission]:
    by_path = {file.path: file for file in folder.python_files}
    sources = {}
    for file in by_path.values():
        try:
            check_script(file)
            sources[file.path] = file.text()
        except InputError as error:
            if file.name != "__init__.py":
                problems.append(error.message)
    found = roles.classify(sources, root=folder.path)
    return [
        Submission(
            target=folder.target,
            folder=folder.path,
            script=by_path[path],
            files=folder.files,
            track=folder.track,
            launchers=tuple(by_path[launcher] for launcher in found.launchers.get(path, ())),
        )
        for path in found.scripts
    ]


def _root_scripts(
    store: ObjectStore, target: Target, changed: Sequence[ChangedPath], problems: list[str]
) -> list[Submission]:
    """The changed scripts at the root of the repository; their folder is the root without `records/`."""
    assert target.head is not None
    touched = {change.path for change in changed if change.status != "D" and change.path in ROOT_SCRIPTS}
    if not touched:
        return []
    files, more = list_tree(store, store.root_entries(target.head), root="")
    problems += more
    submissions = []
    for file in files:
        if file.path in touched:
            try:
                check_script(file)
            except InputError as error:
                problems.append(error.message)
                continue
            submissions.append(
                Submission(target=target, folder=None, script=file, files=files, track=Track.UNKNOWN)
            )
    return submissions


def check_script(file: SourceFile) -> None:
    """Check that a file can be a Python script at all.

    Raises:
        InputError: it cannot be read, is empty, is binary, or is by its name no Python.
    """
    content = file.data()
    if not content.strip():
        raise InputError(f"{file.path} is empty")
    if file.suffix not in (".py", ""):
        raise InputError(
            f"{file.path} is not a Python script", hint="name a .py file or the folder that holds it"
        )
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        at = content.index(b"\0")
        raise InputError(f"{file.path} is binary (a NUL byte at offset {at}), not a Python script")
