"""A target becomes submissions, and each is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult
from rules.core.rule import Policy

if TYPE_CHECKING:
    pass


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
) -> tuple[list[AuditResult], tuple[str, ...]]:
    """Audit every submission of a target.

    Args:
        replays: run each in a sandbox as well and join both witnesses (`auditor.replay`).

    Returns:
        the results in order, and what could not be read of the target, one sentence each.

    Raises:
        AuditorError: the target holds nothing to audit, or the arguments contradict each other.
    """
    from auditor.submission.load import load_submissions

    loaded = load_submissions(path, git_dir=git_dir, ref=ref, base=base, folders=folders)
    if replays:
        from auditor.audit.both_witnesses import audit_and_replay

        audit = partial(audit_and_replay, overrides=overrides, policy=policy)
    else:
        audit = partial(audit_submission, overrides=overrides, policy=policy)
    return [audit(submission) for submission in loaded.submissions], loaded.problems
