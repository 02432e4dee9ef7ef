"""Tells the collector what happens in a run, as it happens: events as JSON, arrays beside.

Every event says where in the submission it happened: the frames of its own files from the outside in, each with
the loops that are running in it. The recorder judges nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import numpy as np

from auditor.replay.inside.channel import EVENT, LAST, PLACE, Channel
from auditor.replay.inside.clock import real_time_s
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.provenance import Provenance

MAX_EVENTS: Final = 400_000
MAX_FRAMES: Final = 24


class Recorder:
    """Sends the events of one run; it keeps none of them.

    Attributes:
        files: names of compiled texts that belong to the submission, with the number used in events.
    """

    __slots__ = ("_begin_s", "_channel", "_count", "_places", "_reached", "files", "loops", "provenance")

    def __init__(self, loops: Loops, provenance: Provenance, channel: Channel) -> None:
        self.loops, self.provenance = loops, provenance
        self._channel = channel
        self.files: dict[str, int] = {}
        self._count = 0
        self._places: dict[tuple[Any, ...], int] = {}
        self._begin_s = real_time_s()
        self._reached: set[tuple[int, int]] = set()

    def event(self, kind: str, *, place: bool = True, **fields: Any) -> int:
        """Send an event and give its number."""
        with self._channel.lock:
            number = self._count
            self._count += 1
            if number >= MAX_EVENTS:
                return number
            told = {"i": number, "kind": kind, **fields}
            if place:
                told["at"] = self.place()
            self._send_nodes()
            self._channel.send(EVENT, json.dumps(told).encode())
            return number

    def reached(self, line: int) -> None:
        """Note that a marked line of the calling text was reached, once."""
        file = self.files.get(sys._getframe(1).f_code.co_filename, -1)
        if (file, line) not in self._reached:
            self._reached.add((file, line))
            self.event("reached", file=file, line=line)

    def array(self, name: str, values: Any) -> None:
        """Send values that belong to a named array."""
        self._channel.send_array(name, values)

    def _send_nodes(self) -> None:
        """Send what has been made of losses since the last time."""
        found = self.provenance
        if found.leaves:
            self.array("leaves", np.array(found.leaves, dtype=np.int64))
            found.leaves.clear()
        if found.sums:
            self.array("sum_node", np.array([node for node, _, _ in found.sums], dtype=np.int64))
            self.array("sum_size", np.array([len(members) for _, members, _ in found.sums], dtype=np.int64))
            self.array("sum_member", np.concatenate([members.numpy() for _, members, _ in found.sums]))
            self.array("sum_value", np.concatenate([values.numpy() for _, _, values in found.sums]))
            found.sums.clear()
        if found.unions:
            self.array("union_node", np.array([node for node, _ in found.unions], dtype=np.int64))
            self.array("union_size", np.array([len(c) for _, c in found.unions], dtype=np.int64))
            self.array("union_child", np.concatenate([np.array(c) for _, c in found.unions]))
            found.unions.clear()

    def place(self) -> int:
        """Number of the current place: frames of the submission with the loops running in them."""
        frames: list[Any] = []
        frame = sys._getframe(1)
        while frame is not None and len(frames) < MAX_FRAMES:
            file = self.files.get(frame.f_code.co_filename)
            if file is not None:
                frames.append((file, frame.f_code.co_name, frame.f_lineno, tuple(self.loops.around(frame))))
            frame = frame.f_back  # type: ignore[assignment]
        key = tuple(reversed(frames))
        number = self._places.get(key)
        if number is None:
            number = self._places[key] = len(self._places)
            self._channel.send(PLACE, json.dumps(key).encode())
        return number

    def finish(self, **outcome: Any) -> None:
        """Send how the run ended: the last record."""
        with self._channel.lock:
            self._send_nodes()
            outcome |= {
                "files": list(self.files),
                "seconds": real_time_s() - self._begin_s,
                "complete": self._count < MAX_EVENTS,
            }
            self._channel.send(LAST, json.dumps(outcome).encode())
