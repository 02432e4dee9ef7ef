"""The scope of a pull request: exactly one new folder under a track, and nothing else touched."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.records.findings import RecordFinding, finding
from auditor.submission import roles
from auditor.submission.git_store import ChangedPath
from auditor.submission.loaded import LoadResult
from auditor.submission.model import Track

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a pull request changes.

    Attributes:
        new_folders: record folders it adds (by their outermost folder below a track).
        changed_folders: record folders that stood before and that it changes.
        others: every other path it touches.
    """

    new_folders: tuple[str, ...]
    changed_folders: tuple[str, ...]
    others: tuple[ChangedPath, ...]
    findings: tuple[RecordFinding, ...]


def judge_scope(loaded: LoadResult, before: frozenset[str]) -> Scope:
    """Judge what changed.

    Args:
        before: the record folders at the base point.
    """
    inside: dict[str, list[ChangedPath]] = {}
    others: list[ChangedPath] = []
    for change in loaded.changed_paths:
        root = roles.record_root(change.path)
        standard = change.path.startswith("records/") and root is not None and root.count("/") >= 1
        if standard and root is not None:
            inside.setdefault(root, []).append(change)
        else:
            others.append(change)
    new = tuple(root for root in inside if root not in before)
    old = tuple(root for root in inside if root in before)
    scope = Scope(new_folders=new, changed_folders=old, others=tuple(others), findings=())
    return Scope(new_folders=new, changed_folders=old, others=tuple(others), findings=tuple(_findings(scope)))


def record_folders(paths: Sequence[str]) -> frozenset[str]:
    """The record folders among the paths of a tree."""
    roots = (roles.record_root(path) for path in paths if path.startswith("records/"))
    return frozenset(root for root in roots if root is not None)


def _findings(scope: Scope) -> Iterator[RecordFinding]:
    if len(scope.new_folders) > 1:
        yield finding(
            "multi_folder_pr",
            ".",
            f"adds {len(scope.new_folders)} folders: {_listed(scope.new_folders)}; an entry is one folder",
        )
    if scope.changed_folders:
        yield finding(
            "existing_record_changed",
            ".",
            f"changes folders that stand already: {_listed(scope.changed_folders)}",
        )
    if scope.others:
        named = [f"{change.status} {change.path}" for change in scope.others]
        paths = "1 path" if len(named) == 1 else f"{len(named)} paths"
        yield finding(
            "other_paths_changed", ".", f"touches {paths} outside records folders: {_listed(named)}"
        )
    for folder in scope.new_folders:
        if Track.of_path(folder) is Track.UNKNOWN or posixpath.dirname(folder).count("/") != 1:
            tracks = f"{Track.RECORD_10MIN_16MB.value} or {Track.NON_RECORD.value}"
            yield finding("wrong_track", folder, f"stands under neither records/{tracks}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
