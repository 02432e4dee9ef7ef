"""A review of a pull request as JSON."""

from __future__ import annotations

from auditor.judgement.fingerprint import record_fingerprint
from auditor.judgement.result import RecordVerdict, Verdict
from auditor.pull_request.review import Review
from auditor.records.findings import RecordFinding
from auditor.records.validate import RecordsResult
from auditor.report.json import as_object
from auditor.report.pull_request_comment import conclusion
from auditor.versions import made_by

_WORST_FIRST = (Verdict.VIOLATION, Verdict.REVIEW, Verdict.NOTHING, Verdict.COMPLIANT)


def review_object(review: Review) -> dict[str, object]:
    """A review as a JSON value; keys are only ever added."""
    return {
        "schema": 1,
        "tool": made_by(),
        "conclusion": conclusion(review),
        "verdict": _worst(review),
        "record_verdict": _record_verdict(review),
        "exit_code": int(review.exit_code()),
        "evaluation_exit_code": int(review.evaluation_exit_code()),
        "target": {"kind": "pull_request", "ref": review.ref, "head": review.head, "base": review.base},
        "scope": {
            "new_folders": list(review.scope.new_folders),
            "changed_folders": list(review.scope.changed_folders),
            "other_paths": [{"status": c.status, "path": c.path} for c in review.scope.others],
            "findings": [_marked(found, "") for found in review.scope.findings],
        },
        "submissions": [
            {
                **as_object(audit),
                "lineage": [relative.to_json() for relative in related.relatives],
                "lineage_common": {name: dict(counts) for name, counts in related.common.items()},
            }
            for audit, related in review.audits
        ]
        + [as_object(entry) for entry in review.unjudged],
        "records": [folder_object(folder.records) for folder in review.folders],
        "accepted": list(review.told_accepted()),
        "significance": [
            {
                "folder": folder.records.facts.folder.path,
                "against": folder.significance.row.name,
                "pull_request": folder.significance.row.pull_request,
                "from_logs": folder.significance.from_logs,
                **folder.significance.comparison.to_json(),
            }
            for folder in review.folders
            if folder.significance is not None
        ],
        "problems": list(review.problems),
    }


def _worst(review: Review) -> str | None:
    """The worst verdict of its scripts; None where it touches no entry. `nothing` stands only where all say so."""
    verdicts = {audit.verdict for audit, _ in review.audits} | {entry.verdict for entry in review.unjudged}
    if len(verdicts) > 1:
        verdicts.discard(Verdict.NOTHING)
    worst = next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)
    return None if worst is None else str(worst.value)


def _record_verdict(review: Review) -> str | None:
    if not review.folders and not review.problems_found:
        return None
    return str((RecordVerdict.PROBLEMS if review.problems_found else RecordVerdict.COMPLETE).value)


def folder_object(records: RecordsResult) -> dict[str, object]:
    """What the validator says of a folder, each finding with its fingerprint."""
    path = records.facts.folder.path or records.facts.folder.target.path
    return {**records.to_json(), "findings": [_marked(found, path) for found in records.findings]}


def _marked(found: RecordFinding, folder: str) -> dict[str, object]:
    """A finding with its fingerprint, by which a baseline knows it."""
    return {**found.to_json(), "fingerprint": record_fingerprint(found, folder)}
