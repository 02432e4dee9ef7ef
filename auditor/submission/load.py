"""Resolve a target to its submissions: the entrance of the line.

A target is a script or a folder on disk, or a ref of a git object store. One pull request may hold several
folders, one folder several scripts; each script is a submission. Nothing is judged here: what cannot be read
is reported as a problem and the rest is returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.errors import InputError
from auditor.submission import roles
from auditor.submission.folders import check_script, divide
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.loaded import LoadResult, check_scripts
from auditor.submission.local_files import list_local, shown_path
from auditor.submission.model import Submission, Target, Track, Unjudged


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
        require_script: raise when there is no script; a caller that can do without one looks at `unjudged`
            and `nothing_changed` itself.

    Raises:
        InputError: nothing at the path, an empty or binary script, a folder or ref with no script, an unknown
            ref or folder, a directory that is no git repository, a shallow clone, a path that is no text,
            an entry outside of `records/`, or contradictory arguments.
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
    if "\0" in path:
        raise InputError("a path cannot hold a NUL character")
    if place.is_dir():
        return _load_local_folder(place, require_script=require_script)
    if not place.exists():
        raise InputError(f"no file or folder at {shown_path(place)}")
    if not place.is_file():
        raise InputError(f"{shown_path(place)} is neither a file nor a folder")
    return _load_local_script(place)


def _load_local_script(place: Path) -> LoadResult:
    parent = place.parent
    whole = (parent / "submission.json").is_file()
    files, problems = list_local(parent, recursive=whole)
    script = next((file for file in files if file.path == shown_path(Path(place.name))), None)
    if script is None:
        raise InputError(f"cannot read {shown_path(place)}")
    check_script(script)
    track = Track.of_path(shown_path(place.resolve()))
    target = Target(kind="script", path=shown_path(place), home=shown_path(parent.resolve()))
    submission = Submission(target=target, folder=None, script=script, files=files, track=track)
    return LoadResult(submissions=(submission,), folders=(submission.contents,), problems=problems)


def _load_local_folder(place: Path, *, require_script: bool) -> LoadResult:
    """What lies under `records/` is an entry, so that one without a script is unjudged; elsewhere it is no target."""
    files, cut = list_local(place)
    resolved = shown_path(place.resolve())
    target = Target(kind="folder", path=shown_path(place), home=resolved)
    track = Track.of_path(resolved)
    found = divide(target, "", files, track=track)
    unjudged = [Unjudged(target=target, path="", folder="", track=track, reason=reason) for reason in cut]
    unjudged += found.unjudged
    if not found.submissions and roles.record_root(f"{resolved}/_") is None:
        unjudged = []
    result = LoadResult(
        submissions=found.submissions,
        folders=found.folders,
        problems=cut + found.problems,
        unjudged=tuple(unjudged),
    )
    if require_script:
        check_scripts(result, f"{target.path} holds")
    return result
