"""A review of a pull request as JSON."""

from __future__ import annotations

from auditor.pull_request.review import Review
from auditor.report.json import as_object


def review_object(review: Review) -> dict[str, object]:
    """A review as a JSON value; keys are only ever added."""
    return {
        "schema": 1,
        "target": {"kind": "pull_request", "ref": review.ref, "head": review.head, "base": review.base},
        "scope": {
            "new_folders": list(review.scope.new_folders),
            "changed_folders": list(review.scope.changed_folders),
            "other_paths": [{"status": c.status, "path": c.path} for c in review.scope.others],
            "findings": [found.to_json() for found in review.scope.findings],
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
        "records": [folder.records.to_json() for folder in review.folders],
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
