"""The run's end of the line to the collector: each record is sent when it is made, and is gone from here then.

A frame is a head (length and kind) and a body. A process that the submission forks from its own has this line too and
must not use it.
"""

from __future__ import annotations

import json
import os
import struct
import threading
from typing import Any, Final

import numpy as np

HEAD: Final = struct.Struct("<IB")
EVENT: Final = 1
ARRAY: Final = 2
PLACE: Final = 3
LAST: Final = 4
"""Kinds of frames: one event as JSON; an array with its name and type; one place as JSON; how the run ended."""

_write, _own_process = os.write, os.getpid


class Channel:
    """Sends frames.

    Args:
        line: descriptor of a pipe that the collector reads.
    """

    __slots__ = ("_line", "_lock", "_process")

    def __init__(self, line: int) -> None:
        self._line, self._process = line, _own_process()
        self._lock = threading.RLock()

    @property
    def lock(self) -> Any:
        """Held while records are numbered and sent, so that the order of both is one."""
        return self._lock

    def send(self, kind: int, body: bytes) -> None:
        """Send a frame; nothing from a process that was forked from the run's."""
        if _own_process() != self._process:
            return
        whole = memoryview(HEAD.pack(len(body), kind) + body)
        with self._lock:
            while len(whole):
                whole = whole[_write(self._line, whole) :]

    def send_array(self, name: str, values: Any) -> None:
        """Send an array under a name; arrays of one name are joined along their first axis."""
        array = np.ascontiguousarray(values)
        head = json.dumps([name, array.dtype.str, array.shape]).encode()
        self.send(ARRAY, struct.pack("<I", len(head)) + head + array.tobytes())
