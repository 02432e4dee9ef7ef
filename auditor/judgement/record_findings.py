"""Carries the findings of the records validator into the audit's result.

Findings that belong to a rule that was asked come through that rule; the others would be lost without this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor.judgement.result import RecordVerdict, RuleResult
from auditor.judgement.verdict import fold_records
from rules.core.rule import Finding, Kind, Level, Outcome, Rule

if TYPE_CHECKING:
    from auditor.records.findings import RecordFinding
    from auditor.records.validate import RecordsResult

UNRULED = "records"
"""Stands for the rule of remarks that belong to none."""


def record_findings(records: RecordsResult | None, rules: Sequence[type[Rule]]) -> list[Finding]:
    """Findings whose rule is not among the record rules asked; remarks of level info are left out."""
    if records is None:
        return []
    return [as_finding(found) for found in _outside(records, rules) if found.severity.value != "info"]


def fold_folder(records: RecordsResult, answers: Sequence[RuleResult]) -> RecordVerdict:
    """The verdict on the folder: by the record rules asked, and by the findings that none of them carries."""
    asked = {answer.rule for answer in answers if answer.kind is Kind.RECORD}
    failed = any(f.severity.value == "fail" for f in records.findings if f.rule not in asked)
    return fold_records(answers, failed=failed)


def _outside(records: RecordsResult, rules: Sequence[type[Rule]]) -> list[RecordFinding]:
    asked = {rule.slug for rule in rules if rule.kind is Kind.RECORD}
    return [found for found in records.findings if found.rule not in asked]


def as_finding(found: RecordFinding) -> Finding:
    """A finding of the validator in the form that every finding of an audit has."""
    failed = found.severity.value == "fail"
    return Finding(
        rule=found.rule or UNRULED,
        outcome=Outcome.FAIL if failed else Outcome.PASS,
        level=Level.ERROR if failed else Level.WARNING,
        message=found.message,
        origin="records",
        code=found.code,
        where=found.where,
    )
