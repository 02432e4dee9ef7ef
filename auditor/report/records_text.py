"""A records result as terminal text or Markdown: findings first, then runs, then the claim.

JSON is `RecordsResult.to_json`. No colour is needed to read either form.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditor.records.byte_checks import scored_line
from auditor.records.claim import claimed_lines
from auditor.records.code_checks import code_convention
from auditor.records.findings import RecordFinding, Severity
from auditor.records.implied_bytes import imply
from auditor.records.log_model import Run
from auditor.records.size_checks import final_total, shipped_bytes
from auditor.records.time_checks import calibration_s, evaluation_s, training_s
from auditor.records.validate import RecordsResult
from auditor.report.clean import clean_line
from auditor.report.folding import WIDTH, hung
from auditor.report.markdown import cell

_HOW = {
    "mean": "the mean of {count} logs",
    "single_log": "the value of the one log",
    "one_of_logs": "the value of one of several logs",
    "subset_mean": "the mean of {count} of the logs",
    "not_found": "found in no log",
    "assumed_last": "assumed: the last final metric",
}


def summary(findings: Sequence[RecordFinding]) -> str:
    """How many findings of each severity, worst first."""
    counts = [(severity, sum(1 for f in findings if f.severity is severity)) for severity in Severity]
    told = [f"{count} {severity.value}" for severity, count in counts if count]
    return ", ".join(told) if told else "nothing found"


def claim_sentence(result: RecordsResult) -> str:
    """The claimed number and how the logs give it."""
    claim = result.claim
    how = _HOW[claim.how.value].format(count=len(claim.lines))
    label = f" under {clean_line(claim.label)!r}" if claim.label else ""
    if claim.value is None:
        if not claim.lines:
            return "no claim, and no log to read one from"
        return f"no claim; {claim.lines[0].val_bpb}{label} ({how})"
    return f"{clean_line(claim.text)} bpb ({clean_line(claim.key_path)}): {how}{label}"


def render_text(result: RecordsResult, *, brief: bool = False, width: int = WIDTH) -> str:
    """The result for a terminal, plain lines of at most `width` characters."""
    folder = result.facts.folder
    lines = [
        f"{clean_line(folder.path or folder.target.path)}  ({folder.track.value})",
        f"claim: {claim_sentence(result)}",
    ]
    lines += [
        line
        for found in result.findings
        for line in (
            f"  {found.severity.value.upper():4} {found.code}  {clean_line(found.where)}",
            f"       {clean_line(found.message)}",
        )
    ]
    if not brief:
        lines += ["runs:", *(f"  {row}" for row in _run_rows(result))] if result.runs else []
        lines += [f"not read: {clean_line(problem)}" for problem in result.problems]
    lines.append(f"findings: {summary(result.findings)}")
    return "\n".join(hung(lines, width)) + "\n"


def _run_rows(result: RecordsResult) -> list[str]:
    rows = []
    for run in result.runs:
        parts = [f"{name} {value}" for name, value in run_facts(run, result)]
        rows.append(f"{clean_line(run.path)}: " + (", ".join(parts) or "no facts"))
    return rows


FACTS = ("bpb", "seed", "bytes by the log", "shipped", "train s", "calibration s", "eval s", "implied bytes")
"""The names that `run_facts` gives, in the order in which they are shown."""


def run_facts(run: Run, result: RecordsResult) -> list[tuple[str, str]]:
    """What a reader asks of a run, as words: score, seed, bytes, times, implied bytes."""
    facts = result.facts
    told: list[tuple[str, str]] = []
    line = scored_line(run, facts)
    headline = claimed_lines(facts.claim, facts.distinct).get(run.path, line)
    if headline is not None:
        told.append(("bpb", f"{headline.val_bpb}"))
    if run.seed is not None:
        told.append(("seed", str(run.seed.value)))
    total, shipped = final_total(run), shipped_bytes(run, facts)
    if total is not None:
        told.append(("bytes by the log", f"{total.size_bytes:,} ({code_convention(run, facts).words})"))
    if shipped is not None:
        told.append(("shipped", f"{shipped:,}"))
    times = {
        "train s": training_s(run),
        "calibration s": calibration_s(run),
        "eval s": evaluation_s(run, headline),
    }
    told += [(name, f"{timed[0]:.1f}") for name, timed in times.items() if timed is not None]
    implied = imply(run, line) if line is not None else None
    if implied is not None and implied.implied_bytes is not None:
        told.append(
            ("implied bytes", f"{implied.implied_bytes:,} ({implied.deviation:+.3%}, {implied.family})")
        )
    return told


def render_markdown(result: RecordsResult, *, heading: str = "##") -> str:
    """The result as Markdown that a maintainer can paste."""
    folder = result.facts.folder
    lines = [
        f"{heading} Records: {cell(folder.path or folder.target.path)}",
        "",
        f"Claim: {cell(claim_sentence(result))}",
        "",
    ]
    if result.findings:
        lines += ["| severity | code | where | what |", "|---|---|---|---|"]
        lines += [
            f"| {f.severity.value} | `{f.code}` | {cell(f.where)} | {cell(f.message)} |"
            for f in result.findings
        ]
    else:
        lines.append("Nothing found.")
    return "\n".join(lines) + "\n"
