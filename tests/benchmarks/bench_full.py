"""What watching costs a full run: the same script bare and watched in turn, as ratios of time and processor time.

    python -m tests.benchmarks.bench_full [--turns N]

The script imports torch, opens shards, multiplies matrices and prints steps. Processor time is that of the script's own
process and threads; the observer's is told apart.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import resource
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from auditor.replay.full.launch import lay_out, run_environment
from auditor.replay.full.options import FullOptions
from auditor.replay.full.supervise import supervise
from auditor.replay.full.telemetry import Telemetry
from auditor.replay.sandbox.isolation_levels import choose
from auditor.replay.sandbox.users import spare_user

SCRIPT = """
import time
begun, used = time.perf_counter(), time.process_time()
import glob, os, torch
torch.set_num_threads(1)
for path in sorted(glob.glob(os.environ["DATA_PATH"] + "/*.bin")) * 20:
    open(path, "rb").read()
started, spent = time.perf_counter(), time.process_time()
weights, rows = torch.randn(512, 512), torch.randn(256, 512)
for step in range(2000):
    rows = torch.tanh(rows @ weights)
    if step % 50 == 0:
        print(f"step:{step}/2000 train_loss:{rows.mean():.3f} train_time:{1e3 * (time.perf_counter() - started):.0f}ms")
print("MEASURED", started - begun, spent - used, time.perf_counter() - started, time.process_time() - spent)
"""


def measured(text: str) -> list[float]:
    """Seconds and processor seconds of the start, then of the steps."""
    found = re.search(r"MEASURED (\S+) (\S+) (\S+) (\S+)", text)
    assert found is not None, text
    return [float(word) for word in found.groups()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    rung, _ = choose()
    bare: list[list[float]] = []
    watched: list[list[float]] = []
    observer: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        folder = root / "data" / "datasets" / "x"
        folder.mkdir(parents=True)
        for kind in ("train", "val"):
            header = struct.pack("<iii", 20240520, 1, 100_000).ljust(1024, b"\0")
            (folder / f"fineweb_{kind}_000000.bin").write_bytes(header + bytes(200_000))
        options = FullOptions(data=root / "data", ranks=1, seconds=600, rung=rung)
        for turn in range(turns):
            work = root / f"run{turn}"
            launch = lay_out(work, {"t.py": SCRIPT.encode()}, "t.py", options, spare_user())
            environment = run_environment(launch, {}, 1)
            plain = {**environment, "DATA_PATH": str(folder), "TMPDIR": name, "HOME": name}
            done = subprocess.run(
                [sys.executable, "-u", str(work / "job" / "t.py")],
                env=plain,
                capture_output=True,
                text=True,
                check=True,
                cwd=os.sep,
            )
            bare.append(measured(done.stdout))
            before = resource.getrusage(resource.RUSAGE_SELF)
            with Telemetry(root / "telemetry.jsonl"):
                ended = supervise(launch, environment, {}, log=io.StringIO())
            after = resource.getrusage(resource.RUSAGE_SELF)
            watched.append(measured("\n".join(line.text for line in ended.trace.lines)))
            observer.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    for at, what in enumerate(("start, wall", "start, processor", "steps, wall", "steps, processor")):
        one, two = median(row[at] for row in bare), median(row[at] for row in watched)
        print(f"{what:<18} bare {one:7.3f} s  watched {two:7.3f} s  ratio {two / one:5.3f}")
    print(
        f"observer's own processor time {median(observer):.3f} s a run; sandbox {rung.value}; {turns} turns"
    )


if __name__ == "__main__":
    main()
