"""Audits through the store: what was answered for the same content by the same program is taken from there.

What was read of a script is kept beside the answer. It hangs on the evaluator, not on the rules: after a change of a
rule, of a policy or of how verdicts are made, it is judged anew without being evaluated again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from auditor.audit.pipeline import audit_submission, judge_submission, target_of
from auditor.cache.codec import Unkept, decode, encode
from auditor.cache.keys import reading_key, submission_key
from auditor.cache.store import Store
from auditor.judgement.result import AuditResult
from auditor.reading.explored import Explored, NotExplored, explored
from auditor.reading.gc_pause import patient_collector
from auditor.reading.grounds import Grounds, grounds_of
from auditor.reading.reading import Reading, read_submission, records_of
from auditor.solver.expressions import reset_caches
from auditor.submission.model import Submission
from rules.core.rule import Policy

Value = TypeVar("Value")


def audit_once(
    store: Store | None,
    submission: Submission,
    *,
    policy: Policy = Policy.RULINGS,
    overrides: Mapping[str, str] | None = None,
    read: Callable[[], Reading] | None = None,
) -> AuditResult:
    """As `audit_submission`, made now or taken from the store.

    Args:
        store: None to keep nothing.
        read: gives what `read_submission` does, where the caller needs that too.

    Raises:
        AuditorError: the script itself cannot be read, or the store cannot be used.
    """
    key = under = None
    if store is not None:
        key = submission_key(submission, policy=policy.value, overrides=overrides or {})
        under = reading_key(submission, overrides=overrides or {})
    if store is None or key is None or under is None:
        return audit_submission(
            submission, overrides=overrides, policy=policy, reading=read() if read is not None else None
        )
    if (known := _known(store, key, AuditResult)) is not None:
        return replace(known, target=target_of(submission))  # it may have come under another name
    started = time.perf_counter()
    result = _judged_anew(store, under, submission, policy)
    if result is None:
        reading = read() if read is not None else read_submission(submission, overrides=overrides)
        told = reading.exploration is not None and reading.exploration.alternatives_so_far is not None
        grounds = grounds_of(reading)
        result = audit_submission(submission, policy=policy, reading=reading, grounds=grounds)
        if not result.crashed:
            turned = None if reading.exploration is None else explored(reading.exploration, told=told)
            _keep(store, under, (grounds, turned))
    result = replace(result, seconds=time.perf_counter() - started)
    if not result.crashed:
        _keep(store, key, result)
    return result


@patient_collector()
def _judged_anew(store: Store, key: str, submission: Submission, policy: Policy) -> AuditResult | None:
    """The verdict on what is kept of a reading; None where that is nothing, or less than the rules ask for."""
    reset_caches()
    kept = _known(store, key, tuple)
    if kept is None or len(kept) != 2:
        return None
    grounds, turned = kept
    if not isinstance(grounds, Grounds) or not isinstance(turned, Explored | None):
        return None
    records = records_of(submission)
    if records is not None and grounds.foreign_log is not None:
        records = records.with_finding(grounds.foreign_log)
    with contextlib.suppress(NotExplored):
        return judge_submission(submission, grounds, turned, records, policy=policy)
    return None


def _keep(store: Store, key: str, value: object) -> None:
    with contextlib.suppress(Unkept):  # an answer that cannot be kept is an answer
        store.put(key, encode(value))


def _known(store: Store, key: str, kind: type[Value]) -> Value | None:
    content = store.get(key)
    if content is None:
        return None
    try:
        found = decode(content)
    except Unkept:
        store.forget(key)
        return None
    return found if isinstance(found, kind) else None
