"""One line of a corpus run: what is kept of a submission's audit, as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from dataclasses import dataclass

from auditor.json_value import Json
from auditor.judgement.result import AuditResult, Verdict
from auditor.versions import made_by
from rules.core.rule import Kind, Outcome

MAX_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """A ruled pull request that a script shares functions with; `shared` is how many."""

    pr: int
    label: str
    shared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a file as it stands in the head commit, `path` from the repository's root."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One submission of a corpus.

    Attributes:
        verdict: None after an error.
        failed, review, unknown: slugs of the evaluation and record rules with that outcome on the claimed
            report.
        reason: what decided, in one sentence.
        error: why there is no verdict, or which rule crashed; "" otherwise.
        crashed: whether the auditor itself failed on it, in contrast to input that cannot be audited.
        date: of the head commit (ISO day), or "".
        page: file name of the submission's HTML report, or "".
        bpb: the claimed number, or None.
        nothing: whether the pull request holds no script, and so nothing that could be judged.
        key: a digest of everything that the row hangs on, or "" where it was not known.
        related: ruled pull requests that share its code, the most shared first; asked for with reports alone.
        author: of the head commit, as it says itself.
        lines: where what decided stands, at most `MAX_LINES`; none in packed code.
    """

    pr: int
    head: str
    path: str
    verdict: str | None
    record_verdict: str | None = None
    failed: tuple[str, ...] = ()
    review: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    reason: str = ""
    date: str = ""
    page: str = ""
    crashed: bool = False
    bpb: float | None = None
    nothing: bool = False
    key: str = ""
    related: tuple[Related, ...] = ()
    author: str = ""
    lines: tuple[Line, ...] = ()


def row_of(
    result: AuditResult,
    *,
    pr: int,
    date: str,
    page: str,
    author: str = "",
    key: str = "",
    related: tuple[Related, ...] = (),
) -> Row:
    """What is kept of a result."""
    wanted = {
        Verdict.VIOLATION: (Outcome.FAIL,),
        Verdict.REVIEW: (Outcome.REVIEW, Outcome.UNKNOWN),
        Verdict.COMPLIANT: (),
        Verdict.NOTHING: (),
    }[result.verdict]
    deciding = [a for a in result.rules if a.kind is Kind.EVALUATION and a.outcome in wanted]
    home = posixpath.dirname(result.target.path) + "/"
    reasons = [f"{a.rule}: {a.because.replace(home, '')}" for a in deciding]
    if result.verdict in (Verdict.REVIEW, Verdict.NOTHING):
        reasons += result.doubts
    crashes = "; ".join(f"rule {a.rule} crashed: {a.crashed}" for a in result.crashed)
    return Row(
        pr=pr,
        head=result.target.head or "",
        path=result.target.path,
        verdict=result.verdict.value,
        record_verdict=result.record_verdict.value if result.record_verdict else None,
        failed=result.slugs(Outcome.FAIL),
        review=result.slugs(Outcome.REVIEW),
        unknown=result.slugs(Outcome.UNKNOWN),
        seconds=round(result.seconds, 3),
        error=crashes,
        reason="; ".join(reasons),
        date=date,
        page=page,
        crashed=bool(result.crashed),
        bpb=result.claim.val_bpb,
        key=key,
        related=related,
        author=author,
        lines=tuple(_lines(result, {answer.rule for answer in deciding})),
    )


def _lines(result: AuditResult, rules: set[str]) -> list[Line]:
    """The first place of each finding of the deciding rules, in their order; each once."""
    found: dict[Line, None] = {}
    for finding in result.findings:
        if finding.rule in rules:
            places = [*(step.place for step in finding.steps), *finding.locations]
            for place in [at for at in places if at.line and not at.layer][:1]:
                found.setdefault(Line(path=place.path, line=place.line))
    return list(found)[:MAX_LINES]


def to_json(row: Row) -> str:
    """One JSON object on one line; an empty error is null."""
    shown: dict[str, Json] = dataclasses.asdict(row)
    shown["error"] = row.error or None
    shown["tool"] = made_by()
    return json.dumps(shown)


def from_json(line: str) -> Row:
    """The row of a line that `to_json` wrote."""
    read = json.loads(line)
    read.pop("tool", None)
    for name in ("failed", "review", "unknown"):
        read[name] = tuple(read[name])
    read["error"] = read["error"] or ""
    read["lines"] = tuple(Line(**entry) for entry in read.get("lines", ()))
    read["related"] = tuple(Related(**entry) for entry in read.get("related", ()))
    return Row(**read)
