"""The code that a log counted against the code that is shipped: how it counted, and whether it is the same script.

Logs count the script as it lies in the folder, the text that a packed script unpacks to, or a packed copy of a
script that the folder ships readable. A size that fits none of these belongs to another version of the script.
"""

from __future__ import annotations

import enum
import lzma
from collections import defaultdict
from collections.abc import Iterator
from typing import assert_never

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_model import Run, SizeLine
from auditor.records.size_checks import CAP_BYTES, final_model, final_total, shipped_bytes

LINE_END_BYTES = 2
"""A final newline, written or not."""
EDITED_SHARE = 0.01
"""Comments and defaults touched after the run move a script by less; so do 185 of 375 that differ."""
PACKED_RANGE = (0.5, 1.3)
"""A packed copy against xz and base85 of the readable text: minified before at one end, zlib at the other."""
_PRINTED_CHARACTERS = 200
_UNPACKS = ("b85decode", "b64decode", "a85decode", "decompress")


class Counted(enum.Enum):
    """Which text a log counted as code."""

    SHIPPED = "plain"
    UNPACKED = "unpacked"
    PACKED = "compressed"
    PRINTED = "printed"
    OTHER = "unknown"

    @property
    def words(self) -> str:
        """For readers."""
        match self:
            case Counted.SHIPPED:
                return "code as shipped"
            case Counted.UNPACKED:
                return "code as it unpacks"
            case Counted.PACKED:
                return "code packed"
            case Counted.PRINTED:
                return "code as the log prints it"
            case Counted.OTHER:
                return "code of another version"
        assert_never(self)


def counted_code(run: Run) -> SizeLine | None:
    """The code size that the log's total adds; without a total the last one printed."""
    total, model = final_total(run), final_model(run)
    if total is not None and model is not None:
        for code in run.codes:
            if code.size_bytes == total.size_bytes - model.size_bytes:
                return code
    return run.codes[-1] if run.codes else None


def code_convention(run: Run, facts: FolderFacts) -> Counted:
    """Which text the log counted."""
    counted = counted_code(run)
    if counted is None or not facts.sources:
        return Counted.OTHER
    size = counted.size_bytes
    if any(abs(size - shipped) <= LINE_END_BYTES for shipped in _shipped_sizes(facts)):
        return Counted.SHIPPED
    if counted.compressed:
        return Counted.PACKED
    if any(abs(size - len(text.encode())) <= LINE_END_BYTES for text in unpacked_texts(facts)):
        return Counted.UNPACKED
    if run.source is not None and abs(size - len(run.source.value.encode())) <= LINE_END_BYTES:
        return Counted.PRINTED
    text = facts.sources.get(facts.entry or "")
    if text is not None and size < len(text) // 2:
        packed = 1.25 * len(lzma.compress(text.encode()))
        if PACKED_RANGE[0] * packed <= size <= PACKED_RANGE[1] * packed:
            return Counted.PACKED
    return Counted.OTHER


def _shipped_sizes(facts: FolderFacts) -> set[int]:
    """Sizes of the scripts, alone and with what the entry loads; a checkout may have other line ends."""
    texts = facts.sources.values()
    sizes = {facts.sizes[path] for path in facts.sources} | {facts.shipped_code_bytes}
    sizes |= {len(text.encode()) for text in texts}
    return sizes | {len(text.replace("\n", "\r\n").encode()) for text in texts}


def unpacked_texts(facts: FolderFacts) -> tuple[str, ...]:
    """The texts that the entry unpacks and runs; () where it is readable itself."""
    text = facts.sources.get(facts.entry or "", "")
    if not any(word in text for word in _UNPACKS):
        return ()
    from auditor.program.unpacking.program import load_program

    program = load_program(facts.entry or "", text.encode(), lambda _: None)
    return tuple(layer.text for layer in program.layers[1:])


def check_code(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield logs whose code is not the shipped code, each difference once."""
    edited: dict[int, list[tuple[Run, SizeLine]]] = defaultdict(list)
    packed: list[tuple[Run, SizeLine]] = []
    for run in facts.distinct:
        code = counted_code(run)
        if code is None or not facts.sources or not run.metrics:
            continue
        shipped = _shipped_sizes(facts)
        same = any(abs(c.size_bytes - s) <= LINE_END_BYTES for c in run.codes for s in shipped)
        convention = code_convention(run, facts)
        if convention is Counted.PACKED and (shipped_bytes(run, facts) or 0) > CAP_BYTES:
            packed.append((run, code))
        if not same and convention in (Counted.OTHER, Counted.PACKED):
            nearest = min(run.codes, key=lambda c: min(abs(c.size_bytes - s) for s in shipped))
            if convention is Counted.OTHER or nearest is not code:
                edited[nearest.size_bytes].append((run, nearest))
    for size, runs in edited.items():
        yield _edited(size, runs, facts)
    if packed:
        yield _packed(packed, facts)


def _edited(size: int, runs: list[tuple[Run, SizeLine]], facts: FolderFacts) -> RecordFinding:
    entry = facts.entry or next(iter(facts.sources))
    candidates = {facts.sizes[path]: path for path in facts.sources} | {facts.sizes[entry]: entry}
    closest = min(candidates, key=lambda known: abs(known - size))
    gap = size - closest
    share = abs(gap) / max(closest, 1)
    others = f", {facts.shipped_code_bytes:,} with what it loads" if len(facts.loaded) > 1 else ""
    return finding(
        "code_size_differs",
        ", ".join(f"{run.path}:{code.line}" for run, code in runs),
        f"code of {size:,} bytes was run, {candidates[closest]} has {closest:,}{others}: "
        + (f"edited after the run by {abs(gap):,} bytes" if share <= EDITED_SHARE else "another version"),
        Severity.INFO if share <= EDITED_SHARE else Severity.WARN,
    )


def _packed(runs: list[tuple[Run, SizeLine]], facts: FolderFacts) -> RecordFinding:
    largest = max(shipped_bytes(run, facts) or 0 for run, _ in runs)
    return finding(
        "packed_code_counted",
        ", ".join(f"{run.path}:{code.line}" for run, code in runs),
        f"{runs[0][1].size_bytes:,} bytes of packed code are counted, the folder ships it readable "
        f"({facts.shipped_code_bytes:,}): as it lies there the artifact has {largest:,} bytes",
    )


def check_embedded_source(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield logs whose printed script is not the shipped one, logs with the same script together."""
    shipped = {_normal(text) for text in facts.sources.values()}
    printed: dict[str, list[str]] = defaultdict(list)
    for run in facts.distinct:
        if run.source is not None and shipped and len(run.source.value) >= _PRINTED_CHARACTERS:
            printed[_normal(run.source.value)].append(f"{run.path}:{run.source.line}")
    if printed.keys() <= shipped:
        return
    shipped |= {_normal(text) for text in unpacked_texts(facts)}
    for text, places in printed.items():
        if text not in shipped:
            yield finding(
                "code_differs_from_log",
                ", ".join(places),
                "the script printed in the log is none of the folder's scripts",
            )


def _normal(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\r", "").split("\n")]
    return "\n".join(line for line in lines if line)
