"""A review in every format, each made from the one result: what `auditor pr` prints and what it writes beside it."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.judgement.record_findings import as_finding
from auditor.judgement.result import AuditResult
from auditor.pull_request.review import Review
from auditor.report import renderer
from auditor.report.clean import clean_line
from auditor.report.pull_request_comment import render_markdown
from auditor.report.pull_request_json import review_object
from auditor.report.pull_request_text import render as render_text
from auditor.trace.events import Place
from rules.core.rule import Finding


def render_review(review: Review, name: str) -> str:
    """The review in one of `auditor.report.FORMATS`."""
    if name == "markdown":
        return render_markdown(review)
    if name == "text":
        return render_text(review)
    if name == "json":
        return json.dumps(review_object(review), indent=2, ensure_ascii=False) + "\n"
    results, notes = results_of(review), (*review.problems, *review.told_accepted())
    if name == "sarif":
        from auditor.report.sarif import render as render_sarif

        return render_sarif(results, notes, about=findings_about(review))
    if name == "annotations":
        from auditor.report.annotations import render as render_annotations

        return render_annotations(results, notes, about=findings_about(review))
    if name == "codequality":
        from auditor.report.codequality import render as render_code_quality

        return render_code_quality(results, notes, about=findings_about(review))
    told = [clean_line(finding.message) for finding in findings_about(review)]
    return renderer(name)(results, [*notes, *told])


def results_of(review: Review) -> Sequence[AuditResult]:
    """The audits in order, entries without a script that could be read last."""
    return [*(audit for audit, _ in review.audits), *review.unjudged]


def findings_about(review: Review) -> list[Finding]:
    """What no audit of one script can tell, each with a place: scope, and significance against the record."""
    return list(_about(review))


def _about(review: Review) -> Iterator[Finding]:
    scope = review.scope
    touched = [*(change.path for change in scope.others), *scope.changed_folders, *scope.new_folders]
    for found in scope.findings:
        path = found.where if found.where != "." else next(iter(touched), ".")
        yield replace(as_finding(found), locations=(Place(path, 0, 1),))
    for folder in review.folders:
        for found in folder.records.of_rule("significance"):
            path = posixpath.join(folder.records.facts.folder.path, found.where)
            yield replace(as_finding(found), locations=(Place(path, 0, 1),))
