"""Submissions that go for the recorder: what they do is named, and none of it gives a green verdict."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor.replay.inside.channel import ARRAY, EVENT, HEAD, LAST, Channel
from auditor.replay.inside.collector import Collected
from auditor.replay.probes.outcome import Outcome, ReplayResult
from auditor.replay.replay import ReplayOptions, replay_submission
from auditor.replay.runs.observations import Observations
from auditor.replay.runs.run_record import RENUMBERED, RunRecord, run_record
from auditor.replay.runs.session import Session
from auditor.submission.load import load_path

FLAT = Path(__file__).parents[1] / "specimens" / "flat.py"
MAIN = 'if __name__ == "__main__":\n'
TELEPHONE = """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=1)
except OSError:
    pass
"""

Attack = Callable[[str], ReplayResult]


@pytest.fixture
def attack(session: Session, tmp_path: Path) -> Attack:
    """Replays the flat specimen with code put before its end."""

    def run(top: str) -> ReplayResult:
        path = tmp_path / "train_gpt.py"
        path.write_text(FLAT.read_text(encoding="utf-8").replace(MAIN, top + "\n\n" + MAIN), encoding="utf-8")
        chosen = ReplayOptions(seed=1, shrink=False)
        return replay_submission(load_path(str(path)).submissions[0], options=chosen, session=session)

    return run


def named(result: ReplayResult) -> str:
    assert not any(c.outcome is Outcome.PASS for c in result.conditions.values()), result.conditions
    return " ".join([*(s.why for s in result.suspicions), *(c.why for c in result.conditions.values())])


@pytest.mark.sandbox
@pytest.mark.slow
class TestInTheProcess:
    def test_rewritten_files_of_the_record_change_nothing(self, attack: Attack) -> None:
        """No file holds a record while the submission lives."""
        result = attack(f"""
from pathlib import Path
plain_write, plain_open = Path.write_text, Path.open
def write_text(self, data, *args, **kwargs):
    kept = [line for line in data.splitlines() if "access" not in line]
    return plain_write(self, "\\n".join(kept), *args, **kwargs)
Path.write_text = write_text
{TELEPHONE}
""")
        assert "192.0.2.1" in named(result)

    def test_asking_for_all_objects_is_tampering(self, attack: Attack) -> None:
        result = attack(f"""
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == "Watch":
        try:
            thing._inside = True
        except AttributeError:
            pass
{TELEPHONE}
""")
        assert "gc.get_objects" in named(result)
        assert result.suspicions[0].kind == "tampering"

    def test_method_of_the_recorder_exchanged_through_the_frames_is_named(self, attack: Attack) -> None:
        result = attack("""
import sys
frame = sys._getframe()
while frame is not None:
    recorder = frame.f_locals.get("recorder")
    if recorder is not None:
        type(recorder).reached = lambda self, line: None
    frame = frame.f_back
""")
        assert "Recorder.reached" in named(result)

    @pytest.mark.parametrize("what", ["noise", "an event of its own", "an end of its own"])
    def test_forged_record_is_named(self, what: str, attack: Attack) -> None:
        """Written straight into every pipe that the process holds."""
        body = {
            "noise": 'b"\\xff" * 64',
            "an event of its own": 'struct.pack("<IB", 38, 1) + b\'{"i": 3, "kind": "print", "text": "xxx"}\'[:38]',
            "an end of its own": 'struct.pack("<IB", 2, 4) + b"{}"',
        }[what]
        result = attack(f"""
import os
import stat
import struct
for number in range(3, 64):
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            os.write(number, {body})
    except OSError:
        pass
""")
        assert any(s.kind == "tampering" for s in result.suspicions), named(result)

    def test_harness_is_in_no_table_of_modules(self, attack: Attack) -> None:
        result = attack("""
import sys
assert not [name for name in sys.modules if name.split(".")[0] == "auditor"], "found out"
""")
        assert result.ran and result.proven, (result.reason, result.conditions, result.suspicions)


class Line:
    """A channel with its collector at the other end, in one process."""

    def __init__(self) -> None:
        read, self.write = os.pipe()
        shown, self.printed = os.pipe()
        self.channel, self.collected = Channel(self.write), Collected(read, shown)

    def send(self, number: int) -> None:
        self.channel.send(EVENT, json.dumps({"i": number, "kind": "print"}).encode())

    def end(self, out: Path) -> None:
        ended = {"code": 0, "error": "", "error_kind": "", "seconds": 1.0, "tampered": [], "crossed": False}
        self.channel.send(LAST, json.dumps({**ended, "files": [], "complete": True}).encode())
        self.close(out)

    def close(self, out: Path) -> None:
        os.close(self.write)
        os.close(self.printed)
        self.collected.drain()
        self.collected.write(out, 0)


def read(out: Path) -> RunRecord:
    told = {"reason": "", "processor_s": 0.0, "left_behind": 0}
    return run_record(
        out, told, ranks=1, artifacts={}, seconds=1.0, withdrawn=False, observations=Observations()
    )


class TestCollector:
    def test_what_was_sent_is_what_is_read(self, tmp_path: Path) -> None:
        line = Line()
        for number in range(3):
            line.send(number)
        parts = [np.arange(4, dtype=np.float64), np.zeros(0), np.array([2.5])]
        for part in parts:
            line.channel.send_array("loss", part)
        os.write(line.printed, b"val_bpb: 1.5\n")
        line.end(tmp_path)
        run = read(tmp_path)
        assert run.ran and not run.broken and run.printed == "val_bpb: 1.5\n"
        (record,) = run.ranks
        assert [event["i"] for event in record.events] == [0, 1, 2] and not record.tampered
        assert record.arrays["loss"].tolist() == [0.0, 1.0, 2.0, 3.0, 2.5]
        stamps = record.arrays["stamp"]
        assert len(stamps) == 3 and (np.diff(stamps) >= 0).all()

    @pytest.mark.parametrize("numbers", [(0, 2), (0, 0, 1), (1, 0)])
    def test_missing_repeated_and_turned_events_are_tampering(
        self, numbers: tuple[int, ...], tmp_path: Path
    ) -> None:
        line = Line()
        for number in numbers:
            line.send(number)
        line.end(tmp_path)
        run = read(tmp_path)
        assert run.ranks[0].tampered == (RENUMBERED,)

    @pytest.mark.parametrize(
        "frame",
        [
            HEAD.pack(5, 77) + b"hello",
            HEAD.pack((1 << 32) - 1, EVENT),
            HEAD.pack(8, ARRAY) + struct.pack("<I", 4000) + b"[]{}",
            HEAD.pack(2, LAST) + b"{}" + HEAD.pack(2, EVENT) + b"{}",
        ],
        ids=["kind", "length", "array", "after the end"],
    )
    def test_what_no_recorder_sends_breaks_the_record(self, frame: bytes, tmp_path: Path) -> None:
        line = Line()
        line.send(0)
        os.write(line.write, frame)
        line.close(tmp_path)
        run = read(tmp_path)
        assert run.broken and not run.ran

    def test_object_arrays_and_foreign_names_are_refused(self, tmp_path: Path) -> None:
        for name, values in (("loss", np.array(["x"])), ("tables", np.zeros(3))):
            line = Line()
            line.channel.send_array(name, values)
            (tmp_path / name).mkdir()
            line.close(tmp_path / name)
            assert read(tmp_path / name).broken

    def test_forked_process_says_nothing(self, tmp_path: Path) -> None:
        """A worker of the submission's own has the line too; its copy of the recorder would count anew."""
        line = Line()
        line.send(0)
        child = os.fork()
        if child == 0:
            line.send(1)
            os._exit(0)
        os.waitpid(child, 0)
        line.end(tmp_path)
        run = read(tmp_path)
        assert len(run.ranks[0].events) == 1 and not run.ranks[0].tampered
