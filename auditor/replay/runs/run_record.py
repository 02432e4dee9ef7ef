"""What a run left behind, read by the parent: the child's word, to be checked, never to be believed.

Files come from the sandbox. They are read with bounds and without unpickling; anything malformed makes the whole
record unreadable.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from auditor.replay.runs.array_files import read_arrays
from auditor.replay.runs.job import ARRAYS, BROKEN, EVENTS, OUTCOME, PLACES, PRINTED
from auditor.replay.runs.left_files import Refused, json_left, open_left, read_left, walk_left
from auditor.replay.runs.observations import Observations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_FILE_BYTES: Final = 400 << 20
MAX_OUTCOME_BYTES: Final = 1 << 20
MAX_EVENTS_BYTES: Final = 128 << 20
MAX_PLACES_BYTES: Final = 32 << 20
MAX_PRINTED_BYTES: Final = 4 << 20


RENUMBERED: Final = "the record (events are missing, repeated or out of order)"


class Unreadable(Exception):
    """The record of a run is missing or malformed; the message says what."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the submission: file number, function, line, and its running loops from the outside in.

    A loop is (line, column, entry, turn).
    """

    file: int
    function: str
    line: int
    loops: tuple[tuple[int, int, int, int], ...]


Frames = tuple[Frame, ...]
Forks = dict[tuple[int, int, str], tuple[str, str]]
"""Forks of a text by line, column and kind, each with the sides that ran in the last phase and in the whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """One call that made losses of validation tokens.

    Attributes:
        number: of the event.
        position: of each target in the split, -1 where unknown; [n].
        value: nats; [n].
        distribution: log-probabilities against a fixed vector, NaN where unknown; [n].
        plain: whether nothing was asked for but the cross-entropy of the target.
        picked: whether they were looked up by target, and are losses only if what was made of them agrees.
        collectives: how many collectives the process had begun before it.
    """

    number: int
    call: int
    gradient: bool
    position: NDArray[np.int64]
    value: NDArray[np.float64]
    distribution: NDArray[np.float64]
    plain: bool = True
    picked: bool = False
    collectives: int = 0


@dataclass(slots=True, kw_only=True)
class RankRecord:
    """What one process wrote down.

    Attributes:
        events: in order of time, as read.
        places: by number.
        used: for each `gradient` event the mask of losses through which a gradient flowed.
        forks: by number of a file, those of which not every side ran.
    """

    code: int
    error: str
    error_kind: str
    seconds: float
    tampered: tuple[str, ...]
    crossed: bool
    files: tuple[str, ...]
    complete: bool
    events: list[dict[str, Any]]
    places: list[Frames]
    losses: list[Losses] = field(default_factory=list)
    used: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    forks: dict[int, Forks] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> Iterator[dict[str, Any]]:
        return (event for event in self.events if event["kind"] in kinds)

    def at(self, event: Mapping[str, Any]) -> Frames:
        """Frames of an event, outermost first."""
        number = event.get("at", -1)
        return self.places[number] if 0 <= number < len(self.places) else ()


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """One run as the parent saw it.

    Attributes:
        reason: why it was ended from outside, or "".
        ranks: one record a process; empty if nothing readable came back.
        printed: what rank 0 wrote to its terminal.
        artifacts: digest of each file that the run left and that is no source or log, by path in the folder.
        seconds: wall-clock time by the parent's clock.
        processor_s: processor time of all its processes, by the server's account.
        left_behind: processes that had to be killed after the script had ended.
        withdrawn: whether training data were taken away at the phase boundary.
        observations: what the parent saw from outside.
        broken: what a process sent that its recorder never sends, one sentence each.
    """

    reason: str
    ranks: list[RankRecord]
    printed: str
    artifacts: dict[str, tuple[int, str]]
    seconds: float
    processor_s: float = 0.0
    left_behind: int = 0
    withdrawn: bool = False
    observations: Observations = field(default_factory=Observations)
    broken: tuple[str, ...] = ()

    @property
    def ran(self) -> bool:
        """Whether every process ended by itself and well."""
        return not self.reason and bool(self.ranks) and all(r.code == 0 and not r.error for r in self.ranks)

    @property
    def why_not(self) -> str:
        """Why it did not run, in one line."""
        if self.reason:
            return self.reason
        for rank in self.ranks:
            if rank.error:
                lines = [line for line in rank.error.strip().splitlines() if line.strip()]
                return lines[-1][:300] if lines else rank.error_kind
            if rank.code:
                return f"it ended with exit code {rank.code}"
        return "it ended without a record" if not self.ranks else ""


def run_record(
    out: Path,
    told: Mapping[str, Any],
    *,
    ranks: int,
    artifacts: dict[str, tuple[int, str]],
    seconds: float,
    withdrawn: bool,
    observations: Observations,
) -> RunRecord:
    """The run that left its records in a folder.

    Args:
        told: what the server said of it: `reason`, `processor_s`, `left_behind`, `signals`.
    """
    records: list[RankRecord] = []
    reason = str(told.get("reason", ""))
    broken: tuple[str, ...] = ()
    try:
        records = [read_rank(out, rank) for rank in range(ranks)]
    except Unreadable as error:
        # A map of training data that is read after they were taken away ends its process so: no reason from outside.
        lost = withdrawn and signal.SIGBUS in told.get("signals", ())
        reason = reason or ("" if lost else f"the record cannot be read: {error}")
        broken = () if isinstance(error.__cause__, FileNotFoundError) else (str(error)[:200],)
    return RunRecord(
        reason=reason,
        ranks=records,
        printed=printed_by(out),
        artifacts=artifacts,
        seconds=seconds,
        processor_s=float(told.get("processor_s", 0.0)),
        left_behind=int(told.get("left_behind", 0)),
        withdrawn=withdrawn,
        observations=observations,
        broken=tuple(why for rank in range(ranks) if (why := _broken(out, rank))) or broken,
    )


def _broken(out: Path, rank: int) -> str:
    """Why the collector threw a record away, or ""."""
    try:
        return read_left(out, f"rank{rank}/{BROKEN}", limit=MAX_OUTCOME_BYTES).decode("utf-8", "replace")
    except (OSError, Refused):
        return ""


def read_rank(out: Path, rank: int) -> RankRecord:
    """Read the record of one process.

    Args:
        out: the folder that results go to.

    Raises:
        Unreadable: something is missing, too large or malformed.
    """

    def read(name: str, limit: int) -> bytes:
        return read_left(out, f"rank{rank}/{name}", limit=limit)

    try:
        outcome = json_left(read(OUTCOME, MAX_OUTCOME_BYTES))
        events = _events(read(EVENTS, MAX_EVENTS_BYTES))
        places = [_frames(place) for place in json_left(read(PLACES, MAX_PLACES_BYTES))]
        with open_left(out, f"rank{rank}/{ARRAYS}", limit=MAX_FILE_BYTES) as file:
            arrays = read_arrays(file, limit=MAX_FILE_BYTES)
        numbered = all(int(event["i"]) == number for number, event in enumerate(events))
        record = RankRecord(
            code=int(outcome["code"]),
            error=str(outcome["error"]),
            error_kind=str(outcome["error_kind"]),
            seconds=float(outcome["seconds"]),
            tampered=(*map(str, outcome["tampered"]), *(() if numbered else (RENUMBERED,))),
            crossed=bool(outcome["crossed"]),
            files=tuple(map(str, outcome["files"])),
            complete=bool(outcome["complete"]),
            events=events,
            places=places,
            arrays=arrays,
        )
        _split(record)
    # Bytes from a hostile hand: whatever reading them raises makes them unreadable, and nothing else.
    except Exception as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    return record


def _events(content: bytes) -> list[dict[str, Any]]:
    """One JSON object a line, read as one text so that one bound holds for all of them."""
    lines = [line for line in content.splitlines() if line.strip()]
    events = json_left(b"[" + b",".join(lines) + b"]")
    if len(events) != len(lines) or not all(isinstance(event["kind"], str) for event in events):
        raise Refused("a line is no event")
    return events  # type: ignore[no-any-return]


def _frames(place: Any) -> Frames:
    return tuple(
        Frame(
            int(f), str(function), int(line), tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in loops)
        )
        for f, function, line, loops in place
    )


def _split(record: RankRecord) -> None:
    """Cut the joined arrays into calls."""
    arrays = record.arrays
    at = 0
    for event in record.of_kind("losses"):
        count = int(event["count"])
        part = slice(at, at + count)
        if at + count > len(arrays["position"]):
            raise ValueError("fewer losses than events")
        record.losses.append(
            Losses(
                number=int(event["i"]),
                call=int(event["call"]),
                gradient=bool(event["gradient"]),
                position=arrays["position"][part],
                value=arrays["loss"][part],
                distribution=arrays["distribution"][part],
                plain=bool(event["plain"]),
                picked=bool(event["picked"]),
                collectives=int(event["collectives"]),
            )
        )
        at += count
    at = 0
    for event in record.of_kind("gradient"):
        count = len(record.losses[int(event["call"])].position)
        record.used[int(event["i"])] = arrays["used"][at : at + count]
        at += count
    for event in record.of_kind("forks"):
        record.forks[int(event["file"])] = {
            (int(line), int(column), str(kind)): (_sides(last), _sides(ever))
            for line, column, kind, last, ever in event["forks"]
        }


def _sides(text: Any) -> str:
    if not isinstance(text, str) or set(text) - {"0", "1"}:
        raise Refused("no sides of a fork")
    return text


def artifacts_in(folder: Path, given: Collection[str]) -> dict[str, tuple[int, str]]:
    """Size and digest of each file in a folder that is not among those given, nor source, log or text.

    A file that is too large to be read has its size in place of a digest.

    Raises:
        Refused: there are too many files, or they lie too deep.
    """
    skipped = (".py", ".pyc", ".txt", ".log", ".json", ".jsonl", ".md", ".csv", ".so", ".c")
    found: dict[str, tuple[int, str]] = {}
    for name, status in sorted(walk_left(folder), key=lambda left: left[0]):
        if name in given or name.endswith(skipped):
            continue
        try:
            with open_left(folder, name, limit=MAX_FILE_BYTES) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except Refused:
            digest = f"not read: {status.st_size} bytes"
        except OSError as error:
            digest = f"not read: {error.strerror}"
        found[name] = status.st_size, digest
    return found


def printed_by(out: Path) -> str:
    """What rank 0 wrote to its terminal, cut at a bound."""
    try:
        with open_left(out, f"0-{PRINTED}", limit=1 << 62) as file:
            return file.read(MAX_PRINTED_BYTES).decode("utf-8", errors="replace")
    except (OSError, Refused):
        return ""
