"""The result of an entry in which nothing can be judged: a review, whatever else is in order.

No rule was asked, so none passes; the rule about code that cannot be read carries the reason.
"""

from __future__ import annotations

from auditor.audit.pipeline import TRACKS
from auditor.judgement.result import AuditResult, AuditTarget, Claim, RuleResult, Verdict
from auditor.submission.model import Unjudged
from auditor.trace.events import Place
from rules import ALL
from rules.core.rule import Finding, Level, Outcome, Policy
from rules.opaque_code import OpaqueCode


def unjudged_result(entry: Unjudged, *, policy: Policy) -> AuditResult:
    """The result of one such entry; `judged` is false."""
    target = entry.target
    path = entry.path
    if target.kind == "folder":
        path = f"{target.path.rstrip('/')}/{path}".rstrip("/")
    told = f"{path} was not judged: {entry.reason}"
    return AuditResult(
        target=AuditTarget(
            kind=target.kind, path=path, ref=target.ref, head=target.head, folder=entry.folder
        ),
        policy=policy,
        track=TRACKS[entry.track],
        language="python",
        verdict=Verdict.REVIEW,
        record_verdict=None,
        claim=Claim(),
        rules=tuple(
            RuleResult(
                rule=rule.slug,
                kind=rule.kind,
                outcome=Outcome.UNKNOWN if rule is OpaqueCode else Outcome.NOT_APPLICABLE,
                because=told if rule is OpaqueCode else "nothing was read that it could be asked about",
            )
            for rule in ALL
        ),
        findings=(
            Finding(
                rule=OpaqueCode.slug,
                outcome=Outcome.UNKNOWN,
                level=Level.WARNING,
                message=told,
                locations=(Place(path, 0, 1),),
            ),
        ),
        reports=(),
        configuration=(),
        trace=None,
        doubts=(told,),
        judged=False,
    )
