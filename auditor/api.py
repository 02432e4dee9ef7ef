"""The auditor from Python: `from auditor.api import audit, compare, replay`.

What each command prints is a value here, typed and frozen: `AuditResult`, `ReplayResult`, `Comparison`. Input that
cannot be used is an `AuditorError` (`InputError`), as it is exit code 2 on the command line.

    >>> from auditor.api import audit
    >>> (result,) = audit("records/track_10min_16mb/2026-04-01_MyEntry")
    >>> result.verdict.value
    'compliant'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, InputError
from auditor.judgement.result import AuditResult, RecordVerdict, Verdict
from auditor.stats.compare import Comparison, Sample
from rules.core.rule import Finding, Outcome, Policy

if TYPE_CHECKING:
    from auditor.replay.probes.outcome import ReplayResult
    from auditor.replay.replay import ReplayOptions

__all__ = [
    "AuditResult",
    "AuditorError",
    "Comparison",
    "Finding",
    "InputError",
    "Outcome",
    "Policy",
    "RecordVerdict",
    "Verdict",
    "audit",
    "compare",
    "replay",
]

Scores = str | Path | Sequence[float]
"""A records folder, or scores in bits per byte, one a seed."""


def audit(
    target: str | Path | None = None,
    *,
    git: str | Path | None = None,
    ref: str | None = None,
    base: str = "main",
    folders: Sequence[str] = (),
    policy: Policy = Policy.RULINGS,
    config: Mapping[str, str] | None = None,
    with_replay: bool = False,
) -> tuple[AuditResult, ...]:
    """Judge a script, a records folder, or with `git` and `ref` a pull request: one result a script.

    Args:
        git: a repository or bare store; `ref` is read from it without a checkout, against `base`.
        folders: folders of that ref, changed or not.
        config: hyperparameters that outrank every other source.
        with_replay: run each in a sandbox too and join both witnesses.

    Returns:
        the results in order; none for a pull request that touches no entry.

    Raises:
        InputError: the target holds nothing to audit, or cannot be read.
    """
    from auditor.audit.targets import audit_target

    results, _ = audit_target(
        None if target is None else str(target),
        git_dir=None if git is None else str(git),
        ref=ref,
        base=base,
        folders=folders,
        overrides=config,
        policy=policy,
        replays=with_replay,
    )
    return tuple(results)


def replay(
    target: str | Path | None = None,
    *,
    git: str | Path | None = None,
    ref: str | None = None,
    base: str = "main",
    folders: Sequence[str] = (),
    config: Mapping[str, str] | None = None,
    options: ReplayOptions | None = None,
) -> tuple[ReplayResult, ...]:
    """Run each script of a target at toy size in a sandbox and prove or refute the four conditions.

    Raises:
        InputError: as `audit`.
        AuditorError: torch is not installed, or no sandbox works on this machine.
    """
    from auditor.extras import require
    from auditor.replay.replay import ReplayOptions, replay_submission
    from auditor.submission.load import load_submissions

    require("replay", "numpy", "torch")
    loaded = load_submissions(
        None if target is None else str(target),
        git_dir=None if git is None else str(git),
        ref=ref,
        base=base,
        folders=folders,
    )
    chosen = options or ReplayOptions()
    return tuple(
        replay_submission(submission, overrides=config, options=chosen) for submission in loaded.submissions
    )


def compare(old: Scores, new: Scores, *, tokens_per_byte: float | None = None) -> Comparison:
    """Test whether `new` scores lower than `old`, with the margin of the challenge.

    Args:
        tokens_per_byte: for bare scores; folders measure it from their logs.

    Raises:
        InputError: a folder gives no score, or a sample holds none.
    """
    from auditor.stats.compare import compare as compare_samples

    try:
        return compare_samples(_sample(old, "old", tokens_per_byte), _sample(new, "new", tokens_per_byte))
    except ValueError as error:
        raise InputError(str(error)) from error


def _sample(scores: Scores, name: str, tokens_per_byte: float | None) -> Sample:
    from auditor.pull_request.target import one_folder
    from auditor.records.facts import read_folder
    from auditor.records.sample import folder_sample
    from auditor.stats.compare import values_sample

    if isinstance(scores, str | Path):
        return folder_sample(read_folder(one_folder(str(scores), None)), name=str(scores))
    return values_sample(name, tuple(scores), tokens_per_byte)
