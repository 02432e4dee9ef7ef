"""Validate a records folder: read its facts, run every check, sort the findings.

The command `auditor records`, the record rules and `auditor pr` all start here. Significance needs another
entry to compare with, so it is judged in `auditor.pull_request`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from auditor.records import run_json
from auditor.records.byte_checks import check_bytes
from auditor.records.byte_evidence import ByteEvidence, byte_evidence
from auditor.records.claim import Claim
from auditor.records.claim_checks import check_claims
from auditor.records.code_checks import check_code, check_embedded_source
from auditor.records.data_checks import check_data
from auditor.records.evidence_checks import check_evidence
from auditor.records.facts import FolderFacts, read_folder
from auditor.records.findings import RecordFinding, Severity
from auditor.records.log_model import Run
from auditor.records.seed_checks import check_seeds
from auditor.records.size_checks import check_sizes
from auditor.records.statistics_checks import check_statistics
from auditor.records.time_checks import check_times
from auditor.submission.model import Folder, Submission

_ORDER = (Severity.FAIL, Severity.WARN, Severity.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsResult:
    """What the validator says of a folder.

    Attributes:
        findings: worst first, then by code and place.
        runs: one per distinct log.
        problems: files that could not be read.
        outside: slugs that were judged from outside the folder (`pr-scope`, `significance`).
        measured: what the logs prove about the denominator of bits per byte; None if they do not tell.
    """

    facts: FolderFacts
    findings: tuple[RecordFinding, ...]
    runs: tuple[Run, ...]
    claim: Claim
    problems: tuple[str, ...] = ()
    outside: frozenset[str] = frozenset()
    measured: ByteEvidence | None = None

    @property
    def failed(self) -> bool:
        return any(finding.severity is Severity.FAIL for finding in self.findings)

    def of_rule(self, slug: str) -> tuple[RecordFinding, ...]:
        """The findings that belong to a rule."""
        return tuple(finding for finding in self.findings if finding.rule == slug)

    def with_finding(self, found: RecordFinding) -> RecordsResult:
        """The same with one more finding, which only a look at the program could give."""
        return replace(self, findings=_ordered([*self.findings, found]))

    def to_json(self) -> dict[str, object]:
        """As DESIGN's `auditor records --format json`."""
        return {
            "schema": 1,
            "folder": self.facts.folder.path or self.facts.folder.target.path,
            "track": self.facts.folder.track.value,
            "findings": [finding.to_json() for finding in self.findings],
            "runs": [run_json.run_to_json(run, self.facts) for run in self.runs],
            "claim": run_json.claim_to_json(self.claim),
            "code": {
                "entry": self.facts.entry,
                "loaded": list(self.facts.loaded),
                "shipped_bytes": self.facts.shipped_code_bytes,
            },
            "problems": list(self.problems),
        }


def validate_folder(
    target: Folder | Submission,
    extra: Iterable[RecordFinding] = (),
    outside: Iterable[str] = (),
) -> RecordsResult:
    """Validate a folder, or the folder of a submission.

    Args:
        extra: findings from outside the folder (scope, significance) to sort in.
        outside: the slugs that `extra` answers for, findings or none.
    """
    folder = target.contents if isinstance(target, Submission) else target
    facts = read_folder(folder)
    findings = list(extra)
    for check in (
        check_evidence,
        check_claims,
        check_statistics,
        check_bytes,
        check_data,
        check_sizes,
        check_code,
        check_embedded_source,
        check_times,
        check_seeds,
    ):
        findings += check(facts)
    return RecordsResult(
        facts=facts,
        findings=_ordered(findings),
        runs=facts.distinct,
        claim=facts.claim,
        problems=facts.problems,
        outside=frozenset(outside),
        measured=byte_evidence(facts),
    )


def _ordered(findings: Iterable[RecordFinding]) -> tuple[RecordFinding, ...]:
    """Each finding once, worst first, then by code and place."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda found: (_ORDER.index(found.severity), found.code, found.where)))
