"""What the machine did during a run, once a second: processors, memory, disk, network, GPUs."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from auditor.replay.full.gpus import GpuSample

EVERY_S: Final = 1.0
_SECTOR: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment.

    Attributes:
        seconds: since the launch.
        cpu_percent: of all cores together, since the sample before.
        memory_bytes: in use on the machine.
        disk_bytes: read and written since the sample before.
        network_bytes: received and sent since the sample before, the loopback left out.
    """

    seconds: float
    cpu_percent: float
    memory_bytes: int
    disk_bytes: int
    network_bytes: int
    gpus: tuple[GpuSample, ...] = ()

    @classmethod
    def from_object(cls, read: dict[str, Any]) -> Sample:
        """What `asdict` gave."""
        return cls(**{**read, "gpus": tuple(GpuSample(**gpu) for gpu in read["gpus"])})


@dataclass(frozen=True, slots=True)
class _Counters:
    busy: float
    whole: float
    disk: int
    network: int


class Telemetry:
    """Samples in a thread of its own and writes each as a line of JSON.

    Args:
        file: takes the lines.
        gpus: what the GPUs do, asked anew for each sample.
    """

    def __init__(
        self, file: Path, gpus: Callable[[], list[GpuSample]] = list, *, every_s: float = EVERY_S
    ) -> None:
        self._file, self._gpus, self._every_s = file, gpus, every_s
        self._stop = threading.Event()
        self._began_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def __enter__(self) -> Telemetry:
        self._began_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        before = _counters()
        with self._file.open("w", encoding="utf-8") as out:
            while not self._stop.wait(self._every_s):
                now = _counters()
                whole = now.whole - before.whole
                sample = Sample(
                    seconds=round(time.monotonic() - self._began_s, 2),
                    cpu_percent=round(100.0 * (now.busy - before.busy) / whole, 1) if whole else 0.0,
                    memory_bytes=_memory_bytes(),
                    disk_bytes=now.disk - before.disk,
                    network_bytes=now.network - before.network,
                    gpus=tuple(self._gpus()),
                )
                before = now
                out.write(json.dumps(asdict(sample)) + "\n")
                out.flush()


def read_telemetry(file: Path) -> list[Sample]:
    """The samples of a file; a line that was not finished is left out."""
    found = []
    with contextlib.suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError):
                found.append(Sample.from_object(json.loads(line)))
    return found


def _counters() -> _Counters:
    """Counters of proc(5); 0 where the machine does not show them."""
    busy = whole = 0.0
    disk = network = 0
    with contextlib.suppress(OSError, ValueError):
        ticks = [float(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        whole, busy = sum(ticks), sum(ticks) - ticks[3] - ticks[4]
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/diskstats").read_text().splitlines():
            words = line.split()
            if len(words) > 9 and not words[2].startswith(("loop", "ram")):
                disk += (int(words[5]) + int(words[9])) * _SECTOR
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
            name, _, numbers = line.partition(":")
            if name.strip() != "lo":
                words = numbers.split()
                network += int(words[0]) + int(words[8])
    return _Counters(busy, whole, disk, network)


def _memory_bytes() -> int:
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        told = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines if len(line.split()) > 1}
        return told["MemTotal"] - told["MemAvailable"]
    return 0
