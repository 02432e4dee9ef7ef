"""Is an entry's gain significant against the record of its date.

The frontier comes from the leaderboard in the root README at the base point; its logs from the repository,
its printed score where they are not to be had. Only the record track is held against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.pull_request.board import BoardRow, date_of_folder, frontier_row, read_board
from auditor.records.facts import read_folder
from auditor.records.findings import RecordFinding, finding
from auditor.records.sample import folder_sample
from auditor.stats.compare import Comparison, Sample, compare, values_sample
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.loaded import LoadResult
from auditor.submission.model import Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """An entry against the record it had to beat."""

    row: BoardRow
    comparison: Comparison
    from_logs: bool

    def sentence(self) -> str:
        """The difference in both units and the tests, in one sentence."""
        made = self.comparison
        nats = made.difference_nats_per_token
        amount = f"{made.difference_bpb:+.5f} bpb" + (
            f" ({nats:+.5f} nats per token)" if nats is not None else ""
        )
        tests = []
        if made.welch is not None:
            tests.append(f"Welch t = {made.welch.t:.4f}, df = {made.welch.df:.4f}, p = {made.welch.p:.3g}")
        if made.welch_margin is not None:
            tests.append(f"with the margin p = {made.welch_margin.p:.3g}")
        if made.welch is None and made.one_sample is not None:
            tests.append(f"one-sample t = {made.one_sample.t:.4f}, p = {made.one_sample.p:.3g}")
        told = "; ".join(tests) or "no test can be made"
        return f"{amount} against {_name(self.row)} ({made.old.mean:.5f}, n = {len(made.old.values)}): {told}"


def _name(row: BoardRow) -> str:
    return f"#{row.pull_request}" if row.pull_request is not None else f"{row.name!r}"


def significance_findings(
    folder: Folder, loaded: LoadResult, *, git_dir: str | None
) -> tuple[RecordFinding, ...]:
    """The significance finding of a folder in a repository; () where nothing can be compared."""
    if git_dir is None or not folder.track.is_record:
        return ()
    with ObjectStore(git_dir) as store:
        found = judge_significance(store, folder, loaded)
    return findings_of(found) if found is not None else ()


def findings_of(found: Significance) -> tuple[RecordFinding, ...]:
    """`improvement_not_significant` when the README's policy is not met."""
    policy = found.comparison.policies[0]
    if policy.met is not False:
        return ()
    return (
        finding(
            "improvement_not_significant",
            "submission.json",
            f"{found.sentence()}. {policy.policy} is not met: {policy.because}",
        ),
    )


def judge_significance(store: ObjectStore, folder: Folder, loaded: LoadResult) -> Significance | None:
    """Compare a folder with the frontier at the base point of its pull request.

    None for tracks without records, without a leaderboard or earlier row, and for entries without a score.
    """
    if not folder.track.is_record or loaded.head is None:
        return None
    named = not any(change.path.startswith(f"{folder.path}/") for change in loaded.changed_paths)
    at = loaded.head if named or loaded.base is None else loaded.base
    try:
        new = folder_sample(read_folder(folder))
    except InputError:
        return None
    row = frontier_row(
        _board(store, at),
        folder=folder.path,
        date=date_of_folder(folder.path) if named else None,
        pull_request=_pull_request(folder.target.ref),
        score=new.mean,
    )
    if row is None:
        return None
    old, from_logs = frontier_sample(store, row, at=at)
    return Significance(row=row, comparison=compare(old, new), from_logs=from_logs)


def _pull_request(ref: str | None) -> int | None:
    found = re.search(r"refs/pull/(\d+)/", ref or "")
    return int(found.group(1)) if found is not None else None


def board_at(git_dir: str, base: str) -> tuple[BoardRow, ...]:
    """The leaderboard at the tip of a branch; none where the branch or its README has none."""
    with ObjectStore(git_dir) as store:
        tip = store.resolve(base) or store.resolve(f"refs/remotes/origin/{base}")
        return _board(store, tip) if tip is not None else ()


def _board(store: ObjectStore, commit: str) -> tuple[BoardRow, ...]:
    for entry in store.root_entries(commit):
        if entry.path == "README.md":
            return read_board(store.blob(entry.oid).decode("utf-8", errors="replace"))
    return ()


def frontier_sample(store: ObjectStore, row: BoardRow, *, at: str) -> tuple[Sample, bool]:
    """The scores of a board row from its folder or pull request; else its printed score alone."""
    name = _name(row)
    sources = [(at, [row.folder])] if row.folder is not None else []
    if row.pull_request is not None:
        sources.append((f"refs/pull/{row.pull_request}/head", []))
    for ref, folders in sources:
        try:
            loaded = load_ref(store, ref, folders=[f for f in folders if f], require_script=False)
        except InputError:
            continue
        for folder in loaded.folders:
            if not folder.track.is_record:
                continue
            try:
                sample = folder_sample(read_folder(folder), name=name)
            except InputError:
                continue
            # A folder that was rerun or holds other runs does not speak for the row.
            if abs(sample.mean - row.score) <= MATCHING_BPB:
                return sample, True
    return values_sample(name, [row.score]), False


MATCHING_BPB = 0.0006
"""How far the mean of a row's logs may lie from its printed score: four decimals, and best-of-seeds rows."""
