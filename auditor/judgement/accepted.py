"""Findings that somebody has accepted: by an exception with a reason and an end, or because they were there before.

What is accepted stays in every report and in the verdict. It does not count to the exit code any more, and each report
says what was accepted, by whom it is so, and until when.
"""

from __future__ import annotations

import datetime
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.exit_codes import ExitCode, worst_exit
from auditor.judgement.fingerprint import fingerprint, record_fingerprint
from auditor.judgement.result import AuditResult, RuleResult, Verdict
from auditor.judgement.verdict import exit_code, exit_of
from auditor.records.findings import RecordFinding, Severity
from rules.core.rule import Finding, Kind, Outcome

_OBJECTIONS = (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One exception of a settings file.

    Attributes:
        rule: slug of a rule or finding code.
        path: pattern (fnmatch) for the path of the script or folder.
        reason: why, in the words of whoever made it.
        expires: the last day on which it holds.
    """

    rule: str
    reason: str
    expires: datetime.date
    path: str = "*"

    def fits(self, names: Sequence[str], path: str) -> bool:
        return self.rule in names and fnmatch.fnmatchcase(path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What is accepted on a day.

    Attributes:
        baseline: fingerprints of findings that were there before.
    """

    exceptions: tuple[Waiver, ...] = ()
    baseline: frozenset[str] = frozenset()
    today: datetime.date

    def why(self, names: Sequence[str], path: str, mark: str) -> str:
        """Why a finding is accepted, "" if it is not.

        Args:
            names: what an exception may call it: its rule, its code.
            path: of the script or folder.
            mark: its fingerprint, or "".
        """
        for one in self.exceptions:
            if one.fits(names, path) and self.today <= one.expires:
                return f"{one.reason} (until {one.expires.isoformat()})"
        return "it stands in the baseline" if mark and mark in self.baseline else ""

    def exit_of(self, results: Sequence[AuditResult]) -> ExitCode:
        """The exit code of a target, what is accepted aside."""
        if all(result.verdict in (Verdict.NOTHING, Verdict.COMPLIANT) for result in results):
            return exit_of(results)
        return worst_exit(self._exit_code(result) for result in results)

    def _exit_code(self, result: AuditResult) -> ExitCode:
        if result.crashed or result.verdict in (Verdict.COMPLIANT, Verdict.NOTHING):
            return exit_code(result)
        left = {answer.outcome for answer in _objections(result) if not self._answer(answer, result)}
        if Outcome.FAIL in left:
            return ExitCode.VIOLATION
        return ExitCode.REVIEW if left or result.doubts else ExitCode.CLEAN

    def _answer(self, answer: RuleResult, result: AuditResult) -> list[str]:
        """Why a rule's objection is accepted, a reason a finding; none where one finding is not, or there is none."""
        own = [f for f in result.findings if f.rule == answer.rule and f.outcome is answer.outcome]
        if not own:
            reason = self.why((answer.rule,), result.target.path, "")
            return [reason] if reason else []
        reasons = [self._finding(finding, result) for finding in own]
        return reasons if all(reasons) else []

    def _finding(self, finding: Finding, result: AuditResult) -> str:
        names = (finding.rule, finding.code)
        return self.why(names, result.target.path, fingerprint(finding, result))

    def record(self, finding: RecordFinding, folder: str) -> str:
        """Why a finding of the records validator is accepted, or ""."""
        names = (finding.code, finding.rule or "")
        return self.why(names, folder, record_fingerprint(finding, folder))

    def failed(self, findings: Sequence[RecordFinding], folder: str) -> bool:
        """Whether a failed finding of a folder is not accepted."""
        return any(f.severity is Severity.FAIL and not self.record(f, folder) for f in findings)

    def told(self, results: Sequence[AuditResult]) -> Iterator[str]:
        """One sentence for each accepted finding, and one for each exception that has ended."""
        for result in results:
            for answer in _objections(result):
                for reason in dict.fromkeys(self._answer(answer, result)):
                    yield f"accepted: {answer.rule} ({answer.outcome.value}) of {result.target.path}: {reason}"
        yield from self.ended()

    def told_of_records(self, findings: Sequence[RecordFinding], folder: str) -> Iterator[str]:
        """As `told`, for the findings of a folder or of a pull request."""
        for found in findings:
            if found.severity is Severity.FAIL and (reason := self.record(found, folder)):
                yield f"accepted: {found.code} of {folder or 'the pull request'}: {reason}"

    def ended(self) -> Iterator[str]:
        """Exceptions that no longer hold."""
        for one in self.exceptions:
            if self.today > one.expires:
                yield f"the exception for {one.rule} ended on {one.expires.isoformat()}: {one.reason}"


def _objections(result: AuditResult) -> list[RuleResult]:
    return [a for a in result.rules if a.kind is Kind.EVALUATION and a.outcome in _OBJECTIONS]
