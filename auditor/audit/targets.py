"""A target becomes submissions, and each is audited."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from auditor.audit.kept import audit_once
from auditor.audit.unjudged import unjudged_result
from auditor.cache.store import Store
from auditor.extras import require
from auditor.judgement.result import AuditResult
from auditor.reading.overrides import check_overrides
from rules.core.rule import Policy


def audit_target(
    path: str | None = None,
    *,
    git_dir: str | None = None,
    ref: str | None = None,
    base: str = "main",
    folders: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    policy: Policy = Policy.RULINGS,
    replays: bool = False,
    store: Store | None = None,
    runs: Path | None = None,
    begin: Callable[[int, int, str], None] = lambda number, total, path: None,
) -> tuple[list[AuditResult], tuple[str, ...]]:
    """Audit every submission of a target.

    Args:
        replays: run each in a sandbox as well and join both witnesses (`auditor.replay`).
        store: where static answers are kept by content, or None.
        runs: folder in which the replays' runs are kept, or None.
        begin: called before each script with its number from 1, how many there are, and its path.

    Returns:
        the results in order, entries without a script that could be read last, and what could not be read of the
        target, one sentence each. A pull request that changes no entry has no result, and a note that says so.

    Raises:
        AuditorError: the target holds nothing to audit, or the arguments contradict each other.
    """
    from auditor.submission.load import load_submissions
    from auditor.submission.loaded import NOTHING_CHANGED, check_scripts

    loaded = load_submissions(
        path, git_dir=git_dir, ref=ref, base=base, folders=folders, require_script=False
    )
    if loaded.nothing_changed:
        return [], (*loaded.problems, NOTHING_CHANGED)
    if not loaded.unjudged:
        check_scripts(loaded, f"{ref}: the changes hold" if ref is not None else f"{path} holds")
    notes = check_overrides(loaded.submissions, overrides or {})
    if replays:
        require("replay", "numpy", "torch")
        from auditor.audit.both_witnesses import audit_and_replay

        audit = partial(audit_and_replay, overrides=overrides, policy=policy, store=store, runs=runs)
    else:
        audit = partial(audit_once, store, overrides=overrides, policy=policy)
    results = []
    for number, submission in enumerate(loaded.submissions, 1):
        begin(number, len(loaded.submissions), submission.script.path)
        results.append(audit(submission))
    return [*results, *(unjudged_result(entry, policy=policy) for entry in loaded.unjudged)], (
        *loaded.problems,
        *notes,
    )
