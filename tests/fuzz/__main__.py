"""Fuzz the readers: `python -m tests.fuzz --seconds 60 [--target NAME] [--seed N] [--findings DIR]`, `make fuzz`.

Each input runs for at most 30 seconds of processor time and with 4 GiB. An input that breaks something is kept as a
file, one a cause.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS, FuzzTarget

INPUT_S = 30
MEMORY_BYTES = 4 << 30


class Hang(BaseException):
    """An input took longer than `INPUT_S`; no reader catches it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("out/fuzz"))
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _hang)
    names = options.target or list(TARGETS)
    causes: dict[str, Path] = {}
    runs = dict.fromkeys(names, 0)
    slowest = dict.fromkeys(names, 0.0)
    end = time.monotonic() + options.seconds
    for number in itertools.count():
        name = names[number % len(names)]
        target = TARGETS[name]
        if time.monotonic() > end:
            break
        data = one_input(target, random.Random(f"{options.seed}:{number}"))
        started = time.monotonic()
        cause = tried(target, data)
        runs[name] += 1
        slowest[name] = max(slowest[name], time.monotonic() - started)
        if cause and f"{name}: {cause}" not in causes:
            options.findings.mkdir(parents=True, exist_ok=True)
            path = options.findings / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            causes[f"{name}: {cause}"] = path
            print(f"{name}: {cause}\n  {path}", flush=True)
    for name in names:
        print(f"{name:16} {runs[name]:7} inputs, slowest {slowest[name]:.1f} s")
    print(f"{len(causes)} causes of failure")
    return 1 if causes else 0


def one_input(target: FuzzTarget, random_: random.Random) -> bytes:
    return mutated(random_.choice(target.seeds), random_, target.seeds)


def tried(target: FuzzTarget, data: bytes) -> str:
    """Why an input breaks the target: the error and the line of ours it comes from, or ""."""
    signal.setitimer(signal.ITIMER_PROF, INPUT_S)
    try:
        target(data)
    except (Exception, Hang) as error:  # noqa: BLE001  (that is what is looked for)
        frames = traceback.extract_tb(error.__traceback__)
        ours = [
            frame
            for frame in frames
            if "site-packages" not in frame.filename and "fuzz" not in frame.filename
        ]
        last = (ours or list(frames))[-1]
        return f"{type(error).__name__} at {last.filename.rpartition('auditor/')[2]}:{last.lineno}: {str(error)[:160]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _hang(signum: int, frame: FrameType | None) -> None:
    raise Hang


if __name__ == "__main__":
    sys.exit(main())
