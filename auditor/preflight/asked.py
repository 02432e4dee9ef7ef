"""What will be asked of the entry, and whether it is there, will come from the runs, or is missing.

What a log will be asked for is found by the reader of logs itself: every line that the script can print is read with
numbers in the places of its values, as if it stood in a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from auditor.program.model import Program
from auditor.program.printable import Kind, Part
from auditor.program.printed_texts import printables
from auditor.records.evidence_checks import RECORD_SEEDS
from auditor.records.facts import FolderFacts
from auditor.records.findings import Severity
from auditor.records.log_model import Run
from auditor.records.logs import parse_log
from auditor.records.validate import RecordsResult

LATER = frozenset({"missing_logs", "missing_claim", "fewer_than_3_seeds", "claim_not_in_logs"})
"""Findings that a folder has before its runs and loses by them."""

FIELDS = ("name", "author", "github_id", "date")
"""What a `submission.json` says besides its numbers: the challenge's README asks for name, GitHub id and metadata."""


class State(Enum):
    """Where something that is asked stands."""

    THERE = "there"
    LATER = "after the runs"
    UNSEEN = "not seen"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing that is asked of an entry, its state and why it is in it."""

    what: str
    state: State
    because: str = ""


def asked_of(records: RecordsResult, program: Program | None) -> tuple[Asked, ...]:
    """Everything that is asked, in the order in which it is made."""
    return tuple(_asked(records, program))


def _asked(records: RecordsResult, program: Program | None) -> Iterator[Asked]:
    facts = records.facts
    codes = {found.code: found.message for found in records.findings}
    for what, code in (("README.md", "missing_readme"), ("train_gpt.py", "missing_train_gpt")):
        missing = codes.get(code)
        yield Asked(what=what, state=State.MISSING if missing else State.THERE, because=missing or "")
    yield _fields(facts, codes)
    if "folder_name" in codes:
        yield Asked(what="the folder's name", state=State.MISSING, because=codes["folder_name"])
    yield from _printed(program)
    yield from _logs(facts)
    for found in records.findings:
        told = {
            "missing_readme",
            "missing_train_gpt",
            "missing_submission_json",
            "json_invalid",
            "folder_name",
        }
        if found.severity is Severity.FAIL and found.code not in LATER | told:
            yield Asked(what=found.code, state=State.MISSING, because=f"{found.where}: {found.message}")


def _fields(facts: FolderFacts, codes: dict[str, str]) -> Asked:
    what = "submission.json"
    if facts.submission is None or not facts.submission.data:
        because = codes.get("missing_submission_json") or codes.get("json_invalid") or "it holds nothing"
        return Asked(what=what, state=State.MISSING, because=f"{because} (`auditor init` writes one)")
    if "json_invalid" in codes:
        return Asked(what=what, state=State.MISSING, because=codes["json_invalid"])
    empty = [name for name in FIELDS if not str(facts.submission.data.get(name) or "").strip()]
    if empty:
        return Asked(what=what, state=State.MISSING, because=f"without {', '.join(empty)}")
    return Asked(what=what, state=State.THERE)


def _logs(facts: FolderFacts) -> Iterator[Asked]:
    wanted = RECORD_SEEDS if facts.is_record else 1
    runs = [run for run in facts.distinct if run.metrics]
    seeds = {run.seed.value for run in runs if run.seed is not None}
    what = f"{wanted} logs, each of a seed of its own" if wanted > 1 else "the log of the run"
    if len(runs) >= wanted and (wanted == 1 or len(seeds) >= wanted):
        yield Asked(what=what, state=State.THERE, because=", ".join(run.path for run in runs[:wanted]))
    else:
        because = f"{len(runs)} with metrics, {len(seeds)} seeds so far" if runs else ""
        yield Asked(what=what, state=State.LATER, because=because)
    claim = "val_bpb in submission.json: what the logs' last numbers give"
    there = facts.claim.value is not None
    yield Asked(what=claim, state=State.THERE if there else State.LATER, because=facts.claim.text)


def _printed(program: Program | None) -> Iterator[Asked]:
    """What the logs must show: does any text of the script make such a line?"""
    if program is None:
        return
    run = parse_log("the script's own texts", "\n".join(possible_lines(program)))
    found = {
        "the loss and the bits per byte of the result": any(
            line.val_loss is not None for line in run.metrics
        ),
        "the seed": _has(run, "seed"),
        "the training time": _has(run, "train_time_ms"),
        "the evaluation time": _has(run, "total_eval_s")
        or any(m.eval_time_ms is not None for m in run.metrics),
        "the size of the compressed model": bool(run.models),
        "the size of code and model together": bool(run.totals),
    }
    for what, there in found.items():
        because = "" if there else "the logs need it, and no text of the script is known to print it"
        yield Asked(what=f"printed: {what}", state=State.THERE if there else State.UNSEEN, because=because)


def _has(run: Run, name: str) -> bool:
    return any(getattr(section, name) is not None for section in (run, *run.earlier))


def possible_lines(program: Program) -> Iterator[str]:
    """The lines that the program's texts make, with numbers in the places of values: once broken ones, once whole.

    A value that names a setting is taken for the seed: a script that prints its settings prints that too.
    """
    for printable in printables(program):
        for number in ("1.23456789", "1000000"):
            yield "".join(_filled(part, number) for part in printable.parts)


def _filled(part: Part, number: str) -> str:
    if isinstance(part, str):
        return part
    return "seed" if part is Kind.NAME else number
