"""The shipped bytes: totals against the cap, totals against their parts, the stub.

What is shipped is the script, every file it loads, and the compressed model. What a log counts as code is the
business of `code_checks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_model import Run, SizeLine
from auditor.submission import roles

CAP_BYTES = 16_000_000
"""Code plus compressed model, decimal megabytes (the challenge's README)."""
_STUB_BYTES = 8_000
"""A real training script, packed included, has more; the smallest real one has 11 kB."""


def check_sizes(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield what is over the cap, does not add up, or was not counted."""
    yield from _stub(facts)
    for run in facts.distinct:
        yield from _cap(run, facts)
        yield from _identity(run, facts)


def final_total(run: Run) -> SizeLine | None:
    """The total of the compressed submission: the last total line that is not the raw model's."""
    raw = {model.size_bytes for model in run.raw_models}
    codes = {code.size_bytes for code in run.codes}
    for total in reversed(run.totals):
        if total.size_bytes not in raw and not any(total.size_bytes - code in raw for code in codes):
            return total
    return None


def final_model(run: Run) -> SizeLine | None:
    """The last compressed model the log prints."""
    return run.models[-1] if run.models else None


def shipped_bytes(run: Run, facts: FolderFacts) -> int | None:
    """Script, every file it loads, and the log's compressed model."""
    model = final_model(run)
    return facts.shipped_code_bytes + model.size_bytes if model is not None and facts.loaded else None


def _cap(run: Run, facts: FolderFacts) -> Iterator[RecordFinding]:
    total = final_total(run)
    if total is None:
        model = final_model(run)
        if model is not None and run.metrics and facts.is_record:
            shipped = shipped_bytes(run, facts)
            yield finding(
                "total_size_missing",
                f"{run.path}:{model.line}",
                "no total submission size is printed"
                + (f"; shipped code and model make {shipped:,} bytes" if shipped is not None else ""),
            )
        return
    if total.size_bytes > CAP_BYTES:
        shipped = shipped_bytes(run, facts)
        within = shipped is not None and shipped <= CAP_BYTES
        told = (
            f"; the code as shipped and the model make {shipped:,} bytes, which is under it" if within else ""
        )
        severity = Severity.WARN if within else None
        yield finding(
            "artifact_over_cap",
            f"{run.path}:{total.line}",
            f"{total.size_bytes:,} bytes by the log, over the cap of 16,000,000{told}",
            severity if facts.speaks_for_claim(run) else Severity.INFO,
        )


def _identity(run: Run, facts: FolderFacts) -> Iterator[RecordFinding]:
    total = final_total(run)
    models = [model.size_bytes for model in (*run.models, *run.raw_models)]
    codes = [code.size_bytes for code in run.codes]
    if total is None or not run.models or not codes:
        return
    gaps = [total.size_bytes - model - code for model in models for code in (*codes, 0)]
    if 0 in gaps:
        return
    gap = min((gap for gap in gaps), key=abs)
    blob = _blob_of_size([total.size_bytes - model - code for model in models for code in codes], run, facts)
    if blob is not None:
        size, name = blob
        yield finding(
            "size_identity_broken",
            f"{run.path}:{total.line}",
            f"total minus code minus model leaves {size:,} bytes: {name}",
            Severity.WARN,
        )
        return
    yield finding(
        "size_identity_broken",
        f"{run.path}:{total.line}",
        f"the total {total.size_bytes:,} is not code plus model (closest sum is off by {gap:,} bytes)",
        None if facts.speaks_for_claim(run) else Severity.INFO,
    )


def _blob_of_size(gaps: Sequence[int], run: Run, facts: FolderFacts) -> tuple[int, str] | None:
    """A file of the folder or a line of the log that explains a gap to the byte."""
    for gap in gaps:
        if gap < 100:
            continue
        for path, size in facts.sizes.items():
            if size == gap:
                return gap, f"the file {path}"
        stated = re.search(
            rf"^.*(?<![\d,])(?:{gap}|{gap:,})(?![\d,]).*$", facts.log_texts[run.path], re.MULTILINE
        )
        if stated is not None:
            return gap, f"the log says {stated.group(0).strip()[:80]!r}"
    return None


def _stub(facts: FolderFacts) -> Iterator[RecordFinding]:
    if facts.entry is None or len(facts.loaded) < 2:
        return
    text = facts.sources[facts.entry]
    helper = next(path for path in facts.loaded if path != facts.entry)
    if roles.has_substance(text) or facts.sizes[facts.entry] > _STUB_BYTES:
        return
    others = facts.shipped_code_bytes - facts.sizes[facts.entry]
    left_out = [run for run in facts.distinct if _leaves_out(run, facts, others)]
    in_json = facts.submission.artifact_bytes() if facts.submission is not None else None
    models = {model.size_bytes for run in facts.distinct for model in run.models}
    json_is_model = in_json is not None and int(in_json.value) in models
    seed_is_model = facts.submission is not None and any(
        claim.artifact_bytes is not None and int(claim.artifact_bytes.value) in models
        for claim in facts.submission.seeds()
    )
    counted = not (left_out or json_is_model or seed_is_model)
    yield finding(
        "stub_train_gpt",
        f"{facts.entry}:1",
        f"{facts.entry} has {facts.sizes[facts.entry]:,} bytes and runs {helper}; together "
        f"with what they load they ship {facts.shipped_code_bytes:,} bytes of code"
        + ("" if counted else ", which the claimed bytes leave out"),
        Severity.WARN if counted else Severity.FAIL,
    )


def _leaves_out(run: Run, facts: FolderFacts, others: int) -> bool:
    """Whether the log's total has room for the entry alone."""
    total, model = final_total(run), final_model(run)
    if total is None or model is None or any(code.compressed for code in run.codes):
        return False
    return total.size_bytes - model.size_bytes < others // 2 and facts.entry is not None
