"""Writes down what happens in a run: one JSON line an event, arrays beside.

Every event says where in the submission it happened: the frames of its own files from the outside in, each with
the loops that are running in it. The recorder judges nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np

from auditor.replay.inside.clock import real_time_s
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.provenance import Provenance

MAX_EVENTS: Final = 400_000
MAX_FRAMES: Final = 24


class Recorder:
    """Collects the events of one run.

    Attributes:
        files: names of compiled texts that belong to the submission, with the number used in events.
    """

    def __init__(self, loops: Loops, provenance: Provenance) -> None:
        self.loops, self.provenance = loops, provenance
        self.files: dict[str, int] = {}
        self._lines: list[str] = []
        self._arrays: dict[str, list[np.ndarray[Any, Any]]] = {}
        self._places: dict[tuple[Any, ...], int] = {}
        self._begin_s = real_time_s()
        self._full = False
        self._reached: set[tuple[int, int]] = set()

    def event(self, kind: str, *, place: bool = True, **fields: Any) -> int:
        """Write an event down and give its number."""
        number = len(self._lines)
        if number >= MAX_EVENTS:
            self._full = True
            return number
        told = {"i": number, "kind": kind, **fields}
        if place:
            told["at"] = self.place()
        self._lines.append(json.dumps(told))
        return number

    def reached(self, line: int) -> None:
        """Note that a marked line of the calling text was reached, once."""
        file = self.files.get(sys._getframe(1).f_code.co_filename, -1)
        if (file, line) not in self._reached:
            self._reached.add((file, line))
            self.event("reached", file=file, line=line)

    def array(self, name: str, values: Any) -> None:
        """Append to a named array."""
        self._arrays.setdefault(name, []).append(np.asarray(values))

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
        return number

    def save(self, folder: Path, **outcome: Any) -> None:
        """Write everything: `events.jsonl`, `places.json`, `arrays.npz`, `outcome.json` (last)."""
        joined = {name: np.concatenate(parts) for name, parts in self._arrays.items() if parts}
        provenance = self.provenance
        if provenance.leaves:
            joined["leaves"] = np.array(provenance.leaves, dtype=np.int64)
        if provenance.sums:
            joined["sum_node"] = np.array([node for node, _, _ in provenance.sums], dtype=np.int64)
            joined["sum_size"] = np.array([len(members) for _, members, _ in provenance.sums], dtype=np.int64)
            joined["sum_member"] = np.concatenate([members.numpy() for _, members, _ in provenance.sums])
            joined["sum_value"] = np.concatenate([values.numpy() for _, _, values in provenance.sums])
        if provenance.unions:
            joined["union_node"] = np.array([node for node, _ in provenance.unions], dtype=np.int64)
            joined["union_size"] = np.array([len(c) for _, c in provenance.unions], dtype=np.int64)
            joined["union_child"] = np.concatenate([np.array(c) for _, c in provenance.unions])
        (folder / "events.jsonl").write_text("\n".join(self._lines) + "\n", encoding="utf-8")
        (folder / "places.json").write_text(json.dumps(list(self._places)), encoding="utf-8")
        with (folder / "arrays.npz").open("wb") as file:
            np.savez(file, **joined)  # type: ignore[arg-type]
        outcome |= {
            "files": list(self.files),
            "seconds": real_time_s() - self._begin_s,
            "complete": not self._full,
        }
        (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
