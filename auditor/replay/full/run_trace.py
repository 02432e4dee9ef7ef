"""What was seen of one run from outside, in order of time: opens, programs, sockets, printed lines, held shards.

Every question about a run (phases, bytes, withdrawal) is a function of this, and can be asked again of a kept run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from auditor.replay.runs.observations import Observations, OpenedFile

TRAINING: Final = re.compile(r"train[^/]*\.bin\Z")
"""Name of a training shard, below the data folder."""

VALIDATION: Final = re.compile(r"val[^/]*\.bin\Z")
"""Name of a validation shard or of its sidecar, below the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A printed line.

    Attributes:
        seconds: since the launch, when the parent had read it.
        rank: that printed it; None for the launcher's own.
        text: without the launcher's prefix.
    """

    seconds: float
    rank: int | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A training shard that a process had open at a moment.

    Attributes:
        seconds: since the launch.
        process: by the parent's count.
        path: of the shard inside the sandbox.
        mapped: whether it is a memory map; else a descriptor.
        reached: the descriptor's position, or how many bytes of the map are in memory.
    """

    seconds: float
    process: int
    path: str
    mapped: bool
    reached: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders inside the sandbox, each with `/` at the end.

    Attributes:
        job: the script's own folder.
        data: with `datasets/` and `tokenizers/`.
        caches: where compilers keep what they made.
        logs: where the launcher keeps what the ranks print.
        libraries: let in by whoever runs it, and those of Python where the run cannot write; not counted.
    """

    job: str
    data: str
    caches: str
    logs: str
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrace:
    """One run as it was seen.

    Attributes:
        given: size of each file of the submission, by path inside.
        seen: opens, programs and sockets.
        launcher: processes and threads of the program that starts the ranks; empty where there is one rank.
        names_itself: whether a name that is looked up by datagrams is that of another machine.
        changed: when a file that the run made was last seen to change, by (device, inode); in seconds since the
            launch, from the time that the kernel keeps (ctime).
        left: size of each file outside the served folders that was opened, as it lay there afterwards.
        in_names: most bytes that were seen in names, links and attributes in the run's own folders.
        ended_s: when the last process ended.
    """

    places: Places
    given: Mapping[str, int]
    seen: Observations
    lines: tuple[Line, ...] = ()
    held: tuple[Held, ...] = ()
    launcher: frozenset[int] = frozenset()
    names_itself: bool = True
    changed: Mapping[tuple[int, int], float] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    in_names: int = 0
    ended_s: float = 0.0

    def is_training(self, file: OpenedFile) -> bool:
        """Whether a training shard was opened, or tried."""
        return file.path.startswith(self.places.data) and TRAINING.search(file.path) is not None

    def is_validation(self, file: OpenedFile) -> bool:
        """Whether a validation shard was opened, or tried."""
        return (
            file.path.startswith(self.places.data)
            and VALIDATION.search(file.path) is not None
            and not self.is_training(file)
        )

    def training_reads(self) -> Iterator[OpenedFile]:
        """Opens of training shards, refused ones too."""
        return (file for file in self.seen.files if self.is_training(file))

    def first_data_s(self) -> float:
        """When anything of the data but the tokenizer was first opened; minus infinity if nothing was."""
        tokenizers = f"{self.places.data}tokenizers/"
        return next(
            (
                file.seconds
                for file in self.seen.files
                if file.path.startswith(self.places.data) and not file.path.startswith(tokenizers)
            ),
            -math.inf,
        )

    def changed_before(self, key: tuple[int, int] | str, seconds: float) -> bool:
        """Whether a file is known to have last changed before a time.

        By the time that the kernel keeps: what was opened to be written may be written for as long as it is open.
        """
        return isinstance(key, tuple) and self.changed.get(key, math.inf) < seconds

    def own_opens(self) -> Iterator[OpenedFile]:
        """Opens that succeeded, of files that are not the data's, the launcher's or a compiler's."""
        for file in self.seen.files:
            if file.refused or file.path.startswith(
                (self.places.data, self.places.caches, *self.places.libraries)
            ):
                continue
            if file.process in self.launcher:
                continue
            yield file


def key_of(file: OpenedFile) -> tuple[int, int] | str:
    """What tells a file from others: its inode where the parent opened it, else its path."""
    return file.file if file.file is not None else file.path


def trace_to_object(trace: RunTrace) -> dict[str, Any]:
    """Plain values for JSON."""
    return {
        "places": asdict(trace.places),
        "given": dict(trace.given),
        "seen": trace.seen.to_object(),
        "lines": [[line.seconds, line.rank, line.text] for line in trace.lines],
        "held": [[h.seconds, h.process, h.path, h.mapped, h.reached] for h in trace.held],
        "launcher": sorted(trace.launcher),
        "names_itself": trace.names_itself,
        "changed": [[device, inode, seconds] for (device, inode), seconds in trace.changed.items()],
        "left": dict(trace.left),
        "in_names": trace.in_names,
        "ended_s": trace.ended_s,
    }


def trace_from_object(read: Mapping[str, Any]) -> RunTrace:
    """What `trace_to_object` gave.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    return RunTrace(
        places=Places(**{**read["places"], "libraries": tuple(read["places"].get("libraries", ()))}),
        given={str(path): int(size) for path, size in read["given"].items()},
        seen=Observations.from_object(read["seen"]),
        lines=tuple(Line(seconds=s, rank=rank, text=text) for s, rank, text in read["lines"]),
        held=tuple(
            Held(seconds=s, process=process, path=path, mapped=mapped, reached=reached)
            for s, process, path, mapped, reached in read["held"]
        ),
        launcher=frozenset(map(int, read["launcher"])),
        names_itself=bool(read["names_itself"]),
        changed={(int(device), int(inode)): float(s) for device, inode, s in read["changed"]},
        left={str(path): int(size) for path, size in read["left"].items()},
        in_names=int(read.get("in_names", 0)),
        ended_s=float(read["ended_s"]),
    )
