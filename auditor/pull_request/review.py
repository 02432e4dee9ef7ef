"""Everything about one pull request: scope, audit, records, significance, lineage, joined to one result.

The stages are called and not repeated here; how the result is shown is the business of `comment`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from auditor.audit.kept import audit_once
from auditor.audit.unjudged import unjudged_result
from auditor.cache.store import Store
from auditor.errors import InputError
from auditor.exit_codes import ExitCode, worst_exit
from auditor.judgement.accepted import Accepted
from auditor.judgement.result import AuditResult
from auditor.judgement.verdict import exit_of
from auditor.program.unpacking.program import load_program
from auditor.pull_request.lineage import Lineage, fingerprints, lineage
from auditor.pull_request.scope import Scope, judge_scope, record_folders
from auditor.pull_request.significance import Significance, findings_of, judge_significance
from auditor.records.findings import RecordFinding, Severity
from auditor.records.validate import RecordsResult, validate_folder
from auditor.submission.git_store import ObjectStore
from auditor.submission.git_target import load_ref
from auditor.submission.loaded import LoadResult
from auditor.submission.model import Submission, Unjudged
from rules.core.rule import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReview:
    """One record folder: the validator's result and the gain over the record of its date, if any."""

    records: RecordsResult
    significance: Significance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A whole pull request.

    Attributes:
        audits: one per script, with the ruled pull requests it shares code with.
        unjudged: entries in which nothing could be judged, as results.
        problems: what could not be read, one sentence each.
        accepted: what does not count to the exit codes, or None; verdicts and findings stay as they are.
    """

    ref: str
    head: str
    base: str | None
    scope: Scope
    folders: tuple[FolderReview, ...]
    audits: tuple[tuple[AuditResult, Lineage], ...]
    unjudged: tuple[AuditResult, ...]
    problems: tuple[str, ...]
    accepted: Accepted | None = None

    @property
    def nothing_changed(self) -> bool:
        """Whether the pull request touches no entry at all."""
        return not (self.audits or self.unjudged or self.folders or self.scope.changed_folders)

    @property
    def problems_found(self) -> bool:
        """Whether a finding on the entry or the scope is a fail."""
        failed = any(folder.records.failed for folder in self.folders)
        return failed or any(found.severity is Severity.FAIL for found in self.scope.findings)

    def evaluation_exit_code(self) -> ExitCode:
        """The worst of the verdicts, the entry aside."""
        results = self._results()
        return exit_of(results) if self.accepted is None else self.accepted.exit_of(results)

    def exit_code(self) -> ExitCode:
        """The worse of the verdicts and of the failed findings."""
        failed = self.problems_found
        if failed and self.accepted is not None:
            failed = any(self.accepted.failed(findings, path) for path, findings in self._record_findings())
        return worst_exit([self.evaluation_exit_code(), ExitCode.VIOLATION if failed else ExitCode.CLEAN])

    def told_accepted(self) -> tuple[str, ...]:
        """What is accepted and why, one sentence each; every format shows them."""
        if self.accepted is None:
            return ()
        told = list(self.accepted.told(self._results()))
        for path, findings in self._record_findings():
            told += self.accepted.told_of_records(findings, path)
        return tuple(dict.fromkeys(told))

    def _results(self) -> list[AuditResult]:
        return [*(audit for audit, _ in self.audits), *self.unjudged]

    def _record_findings(self) -> list[tuple[str, Sequence[RecordFinding]]]:
        """The folders with their findings, and "" with those of the scope."""
        of_folders = [(f.records.facts.folder.path, f.records.findings) for f in self.folders]
        return [*of_folders, ("", self.scope.findings)]


def review_pull_request(
    git_dir: str,
    ref: str,
    *,
    base: str = "main",
    policy: Policy = Policy.RULINGS,
    store: Store | None = None,
    begin: Callable[[int, int, str], None] = lambda number, total, path: None,
) -> Review:
    """Review a pull request; a folder or script that cannot be read leaves the rest judged.

    Args:
        store: where answers are kept by content, or None.
        begin: called before each script with its number from 1, how many there are, and its path.

    Raises:
        InputError: the ref or the repository cannot be read at all.
    """
    with ObjectStore(git_dir) as objects:
        loaded = load_ref(objects, ref, base=base, require_script=False)
        assert loaded.head is not None
        before = objects.tree(loaded.base, "records") if loaded.base is not None else ()
        scope = judge_scope(loaded, record_folders([entry.path for entry in before]))
        if loaded.nothing_changed and not scope.changed_folders:
            scope = replace(scope, findings=())  # without an entry there is no scope that it could leave
        problems = list(loaded.problems)
        folders = tuple(_folder(objects, loaded, index, scope) for index in range(len(loaded.folders)))
        stock = _stock(objects, loaded)
        audits = []
        unread = list(loaded.unjudged)
        for number, submission in enumerate(loaded.submissions, 1):
            begin(number, len(loaded.submissions), submission.script.path)
            try:
                audit = audit_once(store, submission, policy=policy)
                audits.append((audit, _lineage(submission, ref, stock)))
            except InputError as error:
                problems.append(error.message)
                unread.append(
                    Unjudged(
                        target=submission.target,
                        path=submission.script.path,
                        folder=submission.folder,
                        track=submission.track,
                        reason=error.message,
                    )
                )
    return Review(
        ref=ref,
        head=loaded.head,
        base=loaded.base,
        scope=scope,
        folders=folders,
        audits=tuple(audits),
        unjudged=tuple(unjudged_result(entry, policy=policy) for entry in unread),
        problems=tuple(problems),
    )


def _folder(store: ObjectStore, loaded: LoadResult, index: int, scope: Scope) -> FolderReview:
    folder = loaded.folders[index]
    significance = judge_significance(store, folder, loaded)
    extra = findings_of(significance) if significance is not None else ()
    outside = ["pr-scope"] + (["significance"] if significance is not None else [])
    records = validate_folder(folder, extra=extra, outside=outside)
    return FolderReview(records=records, significance=significance)


def _stock(store: ObjectStore, loaded: LoadResult) -> frozenset[str]:
    """Fingerprints of the root script at the base point; none where it cannot be read."""
    entries = store.root_entries(loaded.base) if loaded.base is not None else ()
    for entry in entries:
        if entry.path == "train_gpt.py" and not entry.is_link:
            return frozenset(fingerprints(load_program(entry.path, store.blob(entry.oid), lambda _: None)))
    return frozenset()


def _lineage(submission: Submission, ref: str, stock: frozenset[str]) -> Lineage:
    number = re.search(r"refs/pull/(\d+)/", ref)
    program = load_program(submission.script.path, submission.script.data(), submission.read_sibling)
    return lineage(program, own=int(number.group(1)) if number is not None else None, stock=stock)
