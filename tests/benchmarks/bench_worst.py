"""Processor time and peak memory of the worst inputs, each read by a process of its own.

`python tests/benchmarks/bench_worst.py [NAME…]`; what is made is thrown away. Files of a gigabyte are holes.
"""

from __future__ import annotations

import bz2
import lzma
import os
import subprocess
import sys
import tempfile
import zlib
from base64 import b85encode
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEGAL = (ROOT / "auditor" / "specimens" / "legal_lora_ttt.py").read_bytes()
BLOCKS = b"".join(b" " * n + b"if x:\n" for n in range(90))
LOOPS = b"".join(b" " * n + b"for i in range(9):\n" for n in range(19))
KEYS = b'{"seed_results": {' + b", ".join(b'"%d": {"val_bpb": 1.1}' % n for n in range(40_000)) + b"}}"
LOG = b"final val_loss:3.0 val_bpb:1.1000\n"


def _script(content: bytes) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "train_gpt.py").write_bytes(content)
        return ["audit", "--quiet", str(folder / "train_gpt.py")]

    return make


def _packed(data: bytes, how: str) -> Callable[[Path], list[str]]:
    return _script(
        b"import base64,zlib,lzma,bz2\nexec(%s.decompress(base64.b85decode(%r)))\n"
        % (how.encode(), b85encode(data))
    )


def _entry(command: str, files: dict[str, bytes]) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        for name, content in {
            "train_gpt.py": LEGAL,
            "submission.json": b'{"val_bpb": 1.1}',
            "log.txt": LOG,
            **files,
        }.items():
            (folder / name).write_bytes(content)
        return [command, "--quiet", str(folder)]

    return make


def _hole(folder: Path) -> list[str]:
    arguments = _entry("audit", {})(folder)
    with open(folder / "log.txt", "wb") as stream:
        stream.truncate(1 << 30)
    return arguments


def _many_logs(folder: Path) -> list[str]:
    arguments = _entry("records", {})(folder)
    for number in range(40):
        (folder / f"log{number}.txt").write_bytes((LOG[:-1] + b" " * 160_000 + b"\n") * 95 + b"%d" % number)
    return arguments


def _many_files(folder: Path) -> list[str]:
    arguments = _entry("audit", {})(folder)
    for number in range(100_000):
        (folder / f"{number}.bin").touch()
    return arguments


INPUTS: dict[str, Callable[[Path], list[str]]] = {
    "specimen, to compare with": _script(LEGAL),
    "zlib bomb, 1 GiB": _packed(zlib.compress(bytes(1 << 30), 9), "zlib"),
    "lzma bomb, 256 MiB": _packed(lzma.compress(bytes(1 << 28), preset=0), "lzma"),
    "bz2 bomb, 256 MiB": _packed(bz2.compress(bytes(1 << 28)), "bz2"),
    "brackets, 30,000 deep": _script(b"x = " + b"(" * 30_000 + b")" * 30_000 + b"\n" + LEGAL),
    "blocks, 90 deep, 60 times": _script((BLOCKS + b" " * 90 + b"pass\n") * 60 + LEGAL),
    "script of 50 MB": _script(LEGAL + b"x = 1\n" * 8_400_000),
    "script of 30 MB, statements": _script(LEGAL + b"x = 1\n" * 5_000_000),
    "script of 30 MB, one string": _script(LEGAL + b"x = '" + b"y" * 30_000_000 + b"'\n"),
    "script of 1.9 MB, statements": _script(LEGAL + b"x = f(x)\n" * 210_000),
    "list of 990,000 numbers": _script(LEGAL + b"x = [" + b"1," * 990_000 + b"]\n"),
    "loop in a loop, 19 deep": _script(LEGAL + LOOPS + b" " * 19 + b"pass\n"),
    "log of 1 GiB": _hole,
    "two logs of 199,000 metric lines": _entry("audit", {"a.txt": LOG * 199_000, "b.txt": LOG * 199_000}),
    "log of 16 MB, one line": _entry("audit", {"log.txt": LOG + b"val_bpb: 1.1 " * 1_290_000}),
    "log of 32 MB": _entry("audit", {"log.txt": LOG * 950_000}),
    "40 logs of 15 MB, 100 lines": _many_logs,
    "submission.json of 1 MB": _entry("audit", {"submission.json": b'{"x": [' + b"1," * 500_000 + b"1]}"}),
    "submission.json of 1 MB, keys": _entry("audit", {"submission.json": KEYS}),
    "README of 1 MB, commands": _entry(
        "audit", {"README.md": b"`A=3 torchrun train_gpt.py` | 1.1 | p < 0.01\n" * 22_000}
    ),
    "README of 1 MB, fences": _entry(
        "audit", {"README.md": b"```bash\nA=3 torchrun train_gpt.py\n```\n" * 26_000}
    ),
    "run script of 1 MB": _entry("audit", {"run.sh": b"A=$A$A torchrun train_gpt.py\n" * 36_000}),
    "run script of 1 MB, one line": _entry(
        "audit", {"run.sh": b"A=1 " * 260_000 + b"torchrun train_gpt.py\n"}
    ),
    "100,000 files": _many_files,
    "C of 390 kB, braces": _entry(
        "audit", {"kernel.cpp": b"void f(){" + b"{" * 190_000 + b"}" * 190_000 + b"}"}
    ),
    "C of 390 kB, statements": _entry(
        "audit", {"kernel.cpp": b"void f(int* a){" + b"a[0] = a[1] + 1;" * 24_000 + b"}"}
    ),
}


MEASURE = """
import os, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CPU, (600, 600))
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(child.pid, 0)
code, spent = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
print(f"exit {code:3}  {spent:7.1f} s  {used.ru_maxrss / 1024:7.0f} MiB")
"""
"""In a small process between, since a child's peak counts what it shares with its parent before it becomes another."""


def measure(name: str) -> None:
    """Print exit code, CPU seconds and peak memory of one input."""
    with tempfile.TemporaryDirectory() as home:
        arguments = INPUTS[name](Path(home))
        command = [sys.executable, "-P", "-c", "from auditor.cli import main; main()", *arguments]
        told = subprocess.run(
            [sys.executable, "-c", MEASURE, *command],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    print(f"{name:34} {told.stdout.strip()}", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or INPUTS:
        measure(chosen)
