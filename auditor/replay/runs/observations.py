"""What the parent saw of a run from outside its processes: opened files, sockets, programs, the boundary.

Nothing here was said by the submission's process. Each kind of fact has a standing of its own, since a level of the
sandbox may enforce one and only observe another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Final

TRAINING: Final = re.compile(r"train[^/]*\.bin\Z")
"""A training shard's path."""

TEXTS: Final = (".py", ".txt", ".log", ".json", ".jsonl", ".md", ".csv", ".c", ".sh", ".tmp.out")
"""Names of files that a run may write and read besides its artifact, where they hold text."""


class Standing(Enum):
    """How far a fact can be relied on."""

    ENFORCED = "enforced"
    """The kernel refuses everything else: what is not listed did not happen."""

    OBSERVED = "observed"
    """Seen from outside, but a way past the observer is known: a finding counts, an absence does not."""

    CLAIMED = "claimed"
    """The submission's own process said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """One open of a file, or a try.

    Attributes:
        number: place in the order of everything that was observed in the run; from 0, without gaps.
        seconds: since the run began, by the parent's clock.
        rank: whose process tree.
        process: its number by the parent's count.
        path: inside the sandbox, links followed where the file was found.
        write: whether it may be written through this descriptor.
        read: whether it may be read through it.
        refused: errno that the process got, or 0.
        size: bytes when it was opened; 0 where that is not known.
        file: (device, inode) where the parent opened it itself, else None.
        after_boundary: whether training data had been taken away by then.
    """

    number: int
    seconds: float
    rank: int
    process: int
    path: str
    write: bool = False
    read: bool = True
    refused: int = 0
    size: int = 0
    file: tuple[int, int] | None = None
    after_boundary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketUse:
    """One socket that was asked for, connected or bound; fields as in `OpenedFile`.

    Attributes:
        call: "socket", "connect" or "bind".
        family: number of the address family.
        address: "host:port" or a path, "" for `socket`.
    """

    number: int
    seconds: float
    rank: int
    process: int
    call: str
    family: int
    address: str = ""
    refused: int = 0
    after_boundary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedProgram:
    """One program that was started; fields as in `OpenedFile`."""

    number: int
    seconds: float
    rank: int
    process: int
    path: str
    after_boundary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """When training data were taken away: before the artifact was read back for the first time.

    Attributes:
        number: of the open that was held until the data were gone.
        path: of the artifact inside the sandbox.
        size: its bytes then.
        sha256: of its content then.
        standing: `ENFORCED` where neither a new open nor a kept descriptor or map can read the data afterwards.
    """

    number: int
    seconds: float
    path: str
    size: int
    sha256: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """Everything that was observed of one run, in order.

    Attributes:
        opens: standing of the list of opened files, of those below the run's own folders and the data.
        network: standing of "nothing but what `sockets` lists was reached".
        boundary: None where no artifact was read back.
        missed: how many events there were beyond those that are kept.
        faults: errors of the observer itself while it answered a call, one sentence each.
        why: why a standing is not `ENFORCED`, one sentence each.
    """

    opens: Standing = Standing.CLAIMED
    network: Standing = Standing.CLAIMED
    files: tuple[OpenedFile, ...] = ()
    sockets: tuple[SocketUse, ...] = ()
    programs: tuple[StartedProgram, ...] = ()
    boundary: Boundary | None = None
    missed: int = 0
    faults: tuple[str, ...] = ()
    why: tuple[str, ...] = field(default=())

    def to_object(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return json.loads(json.dumps(asdict(self), default=lambda value: value.value))  # type: ignore[no-any-return]

    @classmethod
    def from_object(cls, read: Mapping[str, Any]) -> Observations:
        """What `to_object` gave.

        Raises:
            KeyError, TypeError, ValueError: it did not.
        """
        boundary = read["boundary"]
        return cls(
            opens=Standing(read["opens"]),
            network=Standing(read["network"]),
            files=tuple(
                OpenedFile(**{**one, "file": tuple(one["file"]) if one["file"] else None})
                for one in read["files"]
            ),
            sockets=tuple(SocketUse(**one) for one in read["sockets"]),
            programs=tuple(StartedProgram(**one) for one in read["programs"]),
            boundary=Boundary(**{**boundary, "standing": Standing(boundary["standing"])})
            if boundary
            else None,
            missed=int(read["missed"]),
            faults=tuple(map(str, read["faults"])),
            why=tuple(read["why"]),
        )

    @property
    def outside(self) -> tuple[SocketUse, ...]:
        """Uses of the network beyond this machine, refused or not."""
        return tuple(use for use in self.sockets if use.call == "connect" and not is_near(use.address))

    @property
    def late_training(self) -> tuple[OpenedFile, ...]:
        """Opens of training shards, and tries, when the artifact had been read back; or, where none was, when the
        last file of the run's own was begun: what was trained for is in it."""
        shards = tuple(file for file in self.files if TRAINING.search(file.path) and not file.write)
        if self.boundary is not None:
            return tuple(file for file in shards if file.after_boundary)
        written = max((file.number for file in self.files if _is_kept(file)), default=None)
        return tuple(file for file in shards if written is not None and file.number > written)


def _is_kept(file: OpenedFile) -> bool:
    return file.write and not file.refused and not file.path.endswith(TEXTS)


def is_near(address: str) -> bool:
    """Whether an address is on this machine."""
    return address.startswith(("127.", "[::1]", "[::ffff:127.", "0.0.0.0:", "[::]:", "/", "@")) or not address
