"""What the record rules share: they ask the records validator for its findings and fold them.

Not a rule itself. A `fail` finding fails the rule; a `warn` finding is told beside a pass; a remark is a
note. Rules of the evaluation that logs can prove (`byte-accounting`) use `judge_findings` too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rules.core.rule import Evidence, Finding, Judgement, Kind, Level, Outcome, Rule

if TYPE_CHECKING:
    from auditor.records.findings import RecordFinding
    from auditor.records.validate import RecordsResult

_LEVELS = {"fail": Level.ERROR, "warn": Level.WARNING, "info": Level.NOTE}


def records_of(evidence: Evidence) -> RecordsResult | None:
    """The validator's result, None for a bare script."""
    from auditor.records.validate import RecordsResult

    return evidence.records if isinstance(evidence.records, RecordsResult) else None


def judge_findings(slug: str, found: tuple[RecordFinding, ...], clean: str) -> Judgement:
    """Fold findings into a judgement.

    Args:
        clean: the evidence of a pass, in one sentence.
    """
    findings = tuple(
        Finding(
            rule=slug,
            outcome=Outcome.FAIL if finding.severity.value == "fail" else Outcome.PASS,
            level=_LEVELS[finding.severity.value],
            message=finding.message,
            origin="records",
            code=finding.code,
            where=finding.where,
        )
        for finding in found
    )
    failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
    if failed:
        return Judgement(outcome=Outcome.FAIL, because=failed[0].message, findings=findings)
    return Judgement(outcome=Outcome.PASS, because=clean, findings=findings)


def judge_metric(slug: str, evidence: Evidence, clean: str) -> Judgement:
    """Fold what the validator says about the measure; without a log it may still speak of the claim's pair."""
    records = records_of(evidence)
    found = records.of_rule(slug) if records is not None else ()
    if records is None or not (found or any(run.metrics for run in records.runs)):
        because = "there is no log to measure the metric by"
        return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because)
    return judge_findings(slug, found, clean)


class RecordRule(Rule):
    """A rule about the entry: its findings are those of the validator under its slug.

    Attributes:
        clean: the evidence of a pass, in one sentence, where `seen` has none of its own.
        unseen: why the rule cannot be answered where nothing that it asks about is there.
    """

    kind: ClassVar[Kind] = Kind.RECORD
    condition: ClassVar[str] = "README"
    clean: ClassVar[str] = ""
    unseen: ClassVar[str] = "there is nothing to answer it by"
    needs_pull_request: ClassVar[bool] = False

    def seen(self, records: RecordsResult) -> str:
        """What was found in order, in one sentence with its figures; "" if there was nothing to look at."""
        return self.clean

    def judge(self, evidence: Evidence) -> Judgement:
        records = records_of(evidence)
        if records is None:
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because="a bare script has no records folder")
        if self.needs_pull_request and self.slug not in records.outside:
            because = "asks more than the folder holds: `auditor pr` judges it"
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because)
        seen = self.seen(records)
        judged = judge_findings(self.slug, records.of_rule(self.slug), seen)
        if judged.outcome is Outcome.PASS and not seen:
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=self.unseen, findings=judged.findings)
        return judged
