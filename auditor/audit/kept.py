"""Audits through the store: what was answered for the same content by the same program is taken from there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from auditor.audit.pipeline import audit_submission, target_of
from auditor.cache.codec import Unkept, decode, encode
from auditor.cache.keys import submission_key
from auditor.cache.store import Store
from auditor.judgement.result import AuditResult
from auditor.reading.reading import Reading
from auditor.submission.model import Submission
from rules.core.rule import Policy


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
    key = None
    if store is not None:
        key = submission_key(submission, policy=policy.value, overrides=overrides or {})
    if store is not None and key is not None and (known := _known(store, key)) is not None:
        return replace(known, target=target_of(submission))  # it may have come under another name
    result = audit_submission(
        submission, overrides=overrides, policy=policy, reading=read() if read is not None else None
    )
    if store is not None and key is not None and not result.crashed:
        with contextlib.suppress(Unkept):  # an answer that cannot be kept is an answer
            store.put(key, encode(result))
    return result


def _known(store: Store, key: str) -> AuditResult | None:
    content = store.get(key)
    if content is None:
        return None
    try:
        found = decode(content)
    except Unkept:
        store.forget(key)
        return None
    return found if isinstance(found, AuditResult) else None
