"""The collector: takes what runs send in the order in which it comes, stamps it by its own clock, and keeps it.

It runs in the fork server, out of reach of the run. A run can send what it likes, but it can take nothing back; what
it sends is written to files only when no process of it lives.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from auditor.replay.inside.channel import ARRAY, EVENT, HEAD, LAST, PLACE
from auditor.replay.runs.job import ARRAYS, BROKEN, EVENTS, OUTCOME, PLACES, PRINTED

CHUNK: Final = 1 << 20
MAX_BYTES: Final = 800 << 20
"""Of all frames of one process."""

MAX_PRINTED: Final = 4 << 20
"""Of standard output and error of one process; then the run is ended."""

NAMES: Final = frozenset(
    [
        "position",
        "loss",
        "distribution",
        "used",
        "leaves",
        "sum_node",
        "sum_size",
        "sum_member",
        "sum_value",
        "union_node",
        "union_size",
        "union_child",
    ]
)
TYPES: Final = frozenset(("<i8", "<f8", "|b1"))


class Malformed(Exception):
    """A run sent what its recorder never sends."""


class Collected:
    """What one process of a run has sent.

    Attributes:
        open: ends of the two pipes that may still bring something.
        broken: what it sent that its recorder never sends, or "".
        too_much: why what it printed is more than is kept, or "".
    """

    def __init__(self, line: int, printed: int) -> None:
        """Take the reading ends of its pipe of frames, and of its standard output and error."""
        self.line, self.printed = line, printed
        self._waiting = bytearray()
        self._events: list[bytes] = []
        self._stamps: list[float] = []
        self._places: list[bytes] = []
        self._arrays: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = {}
        self._outcome = b""
        self._shown = bytearray()
        self._taken = 0
        self._began_s = time.monotonic()
        self.broken = self.too_much = ""
        self.open = {line, printed}
        for end in (line, printed):
            os.set_blocking(end, False)

    def take(self, end: int) -> bool:
        """Read what one of the two pipes holds; whether it was anything. An end that is over leaves `open`."""
        try:
            content = os.read(end, CHUNK)
        except BlockingIOError:
            return False
        if not content:
            self.open.discard(end)
        elif end == self.printed:
            left = MAX_PRINTED - len(self._shown)
            self._shown += content[:left]
            if len(content) > left:
                self.too_much = f"it printed more than {MAX_PRINTED >> 20} MiB"
        elif not self.broken:
            self._take_frames(content)
        return bool(content)

    def _take_frames(self, content: bytes) -> None:
        self._taken += len(content)
        self._waiting += content
        try:
            if self._taken > MAX_BYTES:
                raise Malformed("more was sent than is recorded")
            for kind, body in self._frames():
                self._keep(kind, body)
        except (Malformed, ValueError, TypeError, struct.error) as error:
            self.broken = f"{type(error).__name__}: {error}"[:200]

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        at = 0
        while len(self._waiting) - at >= HEAD.size:
            length, kind = HEAD.unpack_from(self._waiting, at)
            if length > MAX_BYTES:
                raise Malformed("a frame is too long")
            end = at + HEAD.size + length
            if len(self._waiting) < end:
                break
            yield kind, bytes(self._waiting[at + HEAD.size : end])
            at = end
        del self._waiting[:at]

    def _keep(self, kind: int, body: bytes) -> None:
        if self._outcome:
            raise Malformed("a record after the last one")
        if kind == EVENT:
            self._events.append(body.replace(b"\n", b" "))
            self._stamps.append(time.monotonic() - self._began_s)
        elif kind == PLACE:
            self._places.append(body)
        elif kind == LAST:
            self._outcome = body
        elif kind == ARRAY:
            self._keep_array(body)
        else:
            raise Malformed(f"no kind of record: {kind}")

    def _keep_array(self, body: bytes) -> None:
        (length,) = struct.unpack_from("<I", body)
        name, type_, shape = json.loads(body[4 : 4 + length])
        if name not in NAMES or type_ not in TYPES or not all(isinstance(n, int) and n >= 0 for n in shape):
            raise Malformed(f"no array of a recorder: {str(name)[:40]}")
        array = np.frombuffer(body[4 + length :], dtype=type_).reshape(shape)
        held = self._arrays.setdefault(name, [])
        if held and (held[0].dtype != array.dtype or held[0].shape[1:] != array.shape[1:]):
            raise Malformed(f"arrays of {name} do not fit together")
        held.append(array)

    def drain(self) -> None:
        """Read both pipes to their ends; for when every process that wrote to them is gone."""
        for end in (self.line, self.printed):
            while self.take(end):
                pass
            os.close(end)

    def write(self, out: Path, rank: int) -> None:
        """Write everything to the folder of results, as `run_record` reads it."""
        (out / f"{rank}-{PRINTED}").write_bytes(bytes(self._shown))
        folder = out / f"rank{rank}"
        folder.mkdir()
        if self.broken:
            (folder / BROKEN).write_text(self.broken, encoding="utf-8")
        if self.broken or not self._outcome:
            return
        (folder / EVENTS).write_bytes(b"\n".join([*self._events, b""]))
        (folder / PLACES).write_bytes(b"[" + b",".join(self._places) + b"]")
        joined = {name: np.concatenate(parts) for name, parts in self._arrays.items()}
        joined["stamp"] = np.array(self._stamps, dtype=np.float64)
        with (folder / ARRAYS).open("wb") as file:
            np.savez(file, **joined)  # type: ignore[arg-type]
        (folder / OUTCOME).write_bytes(self._outcome)
