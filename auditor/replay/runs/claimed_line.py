"""Which of the lines that a run prints is the claimed number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auditor.replay.probes.coverage import statement_lines
from auditor.replay.runs.printed_numbers import BITS, Printed
from auditor.replay.runs.run_record import RankRecord
from auditor.replay.toy.target import ReplayTarget
from auditor.trace.events import Place

ASSUMED: Final = "assumed: the last result that is printed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedLine:
    """What the static side knows of the claimed number.

    Attributes:
        place: where it is printed, or None.
        lines: lines of the log that reproduce the claim.
        how: how the place was found.
        tied: whether something of the record says that it is this one; else the last result that is printed may
            be another, at a place that the static side does not know.
        known: every place at which the static side expects a result.
    """

    place: Place | None = None
    lines: tuple[str, ...] = ()
    how: str = ""
    tied: bool = True
    known: tuple[Place, ...] = ()


def claimed_printed(
    printed: Sequence[Printed], record: RankRecord, target: ReplayTarget, claim: ClaimedLine
) -> Printed | None:
    """The claimed line of a run.

    The last line printed at the claimed place counts, then the last whose text reads as a claimed log line does;
    only where nothing is claimed the last result counts. None if the claimed number was not printed.
    """
    results = [line for line in printed if any(BITS.search(label) for label, _, _ in line.numbers)]
    if claim.place is not None:
        files = layer_files(record, target)
        if not claim.tied and results and not _is_known(results[-1], files, claim.known, target):
            return results[-1]
        here = [line for line in printed if _is_known(line, files, (claim.place,), target)]
        if here:
            return _told_apart(here, claim.lines)
    for wanted in claim.lines:
        alike = [line for line in printed if shape(line.text) == shape(wanted)]
        if alike:
            return alike[-1]
    if claim.place is not None or claim.lines:
        return None
    fitting = results or list(printed)
    return fitting[-1] if fitting else None


def _told_apart(here: Sequence[Printed], lines: Sequence[str]) -> Printed:
    """Of lines printed at one place the last that reads as the log does, else the last."""
    wanted = {shape(line) for line in lines}
    fitting = [line for line in here if shape(line.text) in wanted]
    return (fitting or list(here))[-1]


def _is_known(
    line: Printed, files: dict[int, tuple[str, int]], places: Sequence[Place], target: ReplayTarget
) -> bool:
    """Whether a line was printed by a statement at one of the places, or by what it called."""
    frames = {(files.get(frame.file), frame.line) for frame in line.frames}
    for place in places:
        layer = (place.path, place.layer)
        first, last = statement_lines(target.texts.get(layer, ""), place.line)
        if any(file == layer and first <= at <= last for file, at in frames):
            return True
    return False


def layer_files(record: RankRecord, target: ReplayTarget) -> dict[int, tuple[str, int]]:
    """Path and layer of each text that the run compiled, by its number in events."""
    found: dict[int, tuple[str, int]] = {}
    for event in record.of_kind("text"):
        place = target.layers.get(str(event["digest"]))
        if place is not None:
            found[int(event["file"])] = place
    return found


def shape(text: str) -> str:
    """The text with numbers and spaces taken out."""
    return re.sub(
        r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?|\bnan\b|\binf\b|\s+",
        "",
        text.strip().splitlines()[0] if text.strip() else "",
    )
