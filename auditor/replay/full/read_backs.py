"""Files that the run made and read again, and with which of them its evaluation began.

From outside a checkpoint that is loaded, trained on and saved again looks as an artifact does that is loaded,
trained on and saved: what tells them apart is what follows. So every first read of such a file after the last line
of the training loop is a candidate, and one is chosen: that of the file whose size the script prints as its model's,
else the first after which nothing that is read back is written any more. Where another candidate would judge the run
otherwise, that is said (`phases`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditor.records.log_lines import clean, read_sizes
from auditor.replay.full.run_trace import RunTrace, key_of
from auditor.replay.full.script_clock import last_step_line_s

MIN_BYTES: Final = 16
"""Less holds no model."""

LATE_S: Final = 0.5
"""How long after it was printed a line may be read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """A file that the run made, where it was first read after it was last written.

    Attributes:
        number: of that open, in the order of everything.
        seconds: of that open.
        written: number of the last open for writing before it.
        made: number of the first open for writing.
        size: bytes when it was read.
    """

    path: str
    key: tuple[int, int] | str
    number: int
    seconds: float
    written: int
    made: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where the evaluation began.

    Attributes:
        at: the read with which it began, None if nothing was read back.
        why: how it was chosen.
        others: the candidates that were not chosen.
    """

    at: ReadBack | None
    why: str
    others: tuple[ReadBack, ...] = ()


def read_backs(trace: RunTrace) -> list[ReadBack]:
    """Every file that the run made and read again, in order of the reads.

    A file that is open for both is read where it already held something. What was last changed before any of the
    data were opened holds nothing that was learnt.
    """
    written: dict[tuple[int, int] | str, int] = {}
    made: dict[tuple[int, int] | str, int] = {}
    found: dict[tuple[int, int] | str, ReadBack] = {}
    for file in trace.own_opens():
        key = key_of(file)
        known = key in written
        size = file.size or trace.left.get(file.path, 0)
        if file.read and known and size >= MIN_BYTES:
            if key not in found:
                found[key] = ReadBack(
                    path=file.path,
                    key=key,
                    number=file.number,
                    seconds=file.seconds,
                    written=written[key],
                    made=made[key],
                    size=size,
                )
        if file.write:
            made.setdefault(key, file.number)
            written[key] = file.number
            if not file.read:
                found.pop(key, None)
    data_s = trace.first_data_s()
    learnt = (one for one in found.values() if not trace.changed_before(one.key, data_s))
    return sorted(learnt, key=lambda one: one.number)


def boundary(trace: RunTrace) -> Boundary:
    """The open with which the evaluation began."""
    trained_s = last_step_line_s(trace.lines)
    found = [one for one in read_backs(trace) if trained_s is None or one.seconds >= trained_s - LATE_S]
    if not found:
        return Boundary(at=None, why="no file that the run made was read back after training")
    if len(found) == 1:
        return Boundary(at=found[0], why="the only file that was read back after training")
    printed = printed_sizes(trace)
    alike = [one for one in found if one.size in printed]
    if alike:
        chosen, why = alike[0], "its size is what the script prints as its model's"
    else:
        last = max(one.written for one in found)
        chosen = next((one for one in found if one.number >= last), found[-1])
        why = "nothing that was read back was written after it"
    return Boundary(at=chosen, why=why, others=tuple(one for one in found if one is not chosen))


def printed_sizes(trace: RunTrace) -> set[int]:
    """Sizes that the script prints as its compressed model's."""
    return {
        size.size_bytes
        for line in trace.lines
        for kind, size in read_sizes(clean(line.text), 0)
        if kind == "model"
    }
