"""One seed's run with all that follows from it, made or read back."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from auditor.replay.full.ended import Ended
from auditor.replay.full.ending import ending
from auditor.replay.full.file_table import FileTable, file_table
from auditor.replay.full.findings import FullFinding
from auditor.replay.full.judgement import judge, printed_ratio
from auditor.replay.full.launch import Launch
from auditor.replay.full.left_behind import open_here
from auditor.replay.full.phases import Phases, phases
from auditor.replay.full.read_backs import ReadBack, read_backs
from auditor.replay.full.results import Result, claimed_result
from auditor.replay.full.run_trace import RunTrace, trace_from_object, trace_to_object
from auditor.replay.full.seal import is_sealed, seal
from auditor.replay.runs.left_files import Refused

RUN: Final = "run.json"
TRACE: Final = "trace.json.gz"
SEAL: Final = "seal"
LOG: Final = "log.txt"
TELEMETRY: Final = "telemetry.jsonl"
SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRun:
    """One seed.

    Attributes:
        table: files with what counts of them.
        result: the claimed score, None where none was printed.
        findings: with the seed in each.
        hashes: SHA-256 of each counted file, as it lay there at the end.
        kept: whether it was read back and not run.
    """

    seed: int
    ended: Ended
    phases: Phases
    table: FileTable
    result: Result | None
    findings: tuple[FullFinding, ...]
    hashes: Mapping[str, str]
    kept: bool = False

    @property
    def finished(self) -> bool:
        return not self.ended.reason and not self.ended.code


def seed_run(
    seed: int,
    ended: Ended,
    *,
    tokens_per_byte: float | None,
    artifact: str = "",
    label: str = "",
    hashes: Mapping[str, str] | None = None,
    kept: bool = False,
) -> SeedRun:
    """Divide, count and judge one run.

    Args:
        artifact: name of the file that the evaluation begins with, where someone says so.
        label: of the line that the submission claims, "" where it claims none.
    """
    trace = ended.trace
    divided = phases(trace, _named(trace, artifact))
    table = file_table(trace, divided.boundary.at)
    result = claimed_result(trace.lines, label)
    found = list(ending(ended))
    if not ended.reason and not ended.code:
        found += [*judge(trace, divided, table), *printed_ratio(result, tokens_per_byte)]
    return SeedRun(
        seed=seed,
        ended=ended,
        phases=divided,
        table=table,
        result=result,
        findings=tuple(replace(one, seed=seed) for one in found),
        hashes=dict(hashes or {}),
        kept=kept,
    )


def keep(folder: Path, key: str, run: SeedRun) -> None:
    """Write a run into its folder; the last file says that all of it is there."""
    ended = run.ended
    trace = gzip.compress(json.dumps(trace_to_object(ended.trace)).encode())
    (folder / TRACE).write_bytes(trace)
    for rank in sorted({line.rank for line in ended.trace.lines if line.rank is not None}):
        mine = "".join(f"{line.text}\n" for line in ended.trace.lines if line.rank == rank)
        (folder / f"rank{rank}.log").write_text(mine, encoding="utf-8", errors="replace")
    told = {
        "schema": SCHEMA,
        "key": key,
        "seed": run.seed,
        "code": ended.code,
        "reason": ended.reason,
        "culprit": ended.culprit,
        "last_lines": list(ended.last_lines),
        "slow": ended.slow,
        "hashes": dict(run.hashes),
    }
    written = folder / f".{RUN}"
    content = json.dumps(told, indent=1).encode()
    written.write_bytes(content)
    (folder / SEAL).write_text(seal(content, trace) + "\n", encoding="ascii")
    os.replace(written, folder / RUN)


def kept_run(
    folder: Path, key: str, *, tokens_per_byte: float | None, artifact: str = "", label: str = ""
) -> SeedRun | None:
    """The run that a folder keeps, if it came to its end under the same key and is as it was sealed; else None."""
    try:
        content, packed = (folder / RUN).read_bytes(), (folder / TRACE).read_bytes()
        if not is_sealed((folder / SEAL).read_text(encoding="utf-8"), content, packed):
            return None
        told: dict[str, Any] = json.loads(content)
        if told["key"] != key or told["code"] or told["reason"]:
            return None
        trace = trace_from_object(json.loads(gzip.decompress(packed)))
        ended = Ended(
            trace=trace,
            code=told["code"],
            reason=told["reason"],
            culprit=told["culprit"],
            last_lines=tuple(told["last_lines"]),
            slow=told["slow"],
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None
    return seed_run(
        told["seed"],
        ended,
        tokens_per_byte=tokens_per_byte,
        artifact=artifact,
        label=label,
        hashes=told["hashes"],
        kept=True,
    )


def copy_artifacts(run: SeedRun, launch: Launch, folder: Path) -> dict[str, str]:
    """Copy the files that count into a folder and give their digests, by their path inside."""
    found = {}
    for row in run.table.artifacts:
        with contextlib.suppress(OSError, Refused), open_here(launch, row.path) as opened:
            content = opened.read()
            folder.mkdir(exist_ok=True)
            (folder / row.path.rsplit("/", 1)[-1]).write_bytes(content)
            found[row.path] = hashlib.sha256(content).hexdigest()
    return found


def _named(trace: RunTrace, name: str) -> ReadBack | None:
    """The read of a file that someone named as the artifact."""
    if not name:
        return None
    return next((one for one in read_backs(trace) if one.path.endswith(f"/{name}")), None)
