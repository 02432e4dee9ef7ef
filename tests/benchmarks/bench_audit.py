"""What an audit costs, as ratios in one run: start-up, stages, a warm cache, length of the script, processes.

    make bench        (writes docs/benchmarks.json, which `make docs` shows in docs/benchmarks.md)

Everything is measured in processor seconds of processes of their own, several times, and the least is taken: other
work on the machine only adds. The yardstick of a script is LibCST's parse of the same text in the same run. The
scripts are the auditor's own specimens and ones made of them; `bench_static.py` does the same for real ones.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SPECIMENS: Final = ROOT / "auditor" / "specimens"
RESULTS: Final = ROOT / "docs" / "benchmarks.json"
TIMES: Final = 5
LENGTHS: Final = (1, 2, 4, 8)
JOBS: Final = (1, 2)
PULLS: Final = (2, 4, 8)

STAGES: Final = """
import gc, json, sys, time
import libcst
from auditor.audit.pipeline import audit_submission
from auditor.program.unpacking.program import load_program
from auditor.reading.reading import read_submission
from auditor.static.predict import trace_program
from auditor.submission.load import load_path
path = sys.argv[1]
data = open(path, "rb").read()
def seconds(call):
    gc.collect()
    start = time.process_time()
    value = call()
    return time.process_time() - start, value
for _ in range(2):  # the first time imports what it needs
    found = {"LibCST's parse": seconds(lambda: libcst.parse_module(data.decode()))[0]}
    found["unpack and parse"], program = seconds(lambda: load_program("train_gpt.py", data, lambda _: None))
    found["one trace"] = seconds(lambda: trace_program(program, {}))[0]
    (submission,) = load_path(path).submissions
    found["reading: traces of all switches"], reading = seconds(lambda: read_submission(submission))
    found["proof of the forward pass"] = seconds(lambda: reading.witness.forward_passes(reading.trace))[0]
    found["whole audit"] = seconds(lambda: audit_submission(submission))[0]
print(json.dumps(found))
"""
"""Runs in a process of its own; each stage includes what it needs, the whole audit everything from the bytes."""


def processor_s(command: Sequence[str], **settings: object) -> tuple[float, int, str]:
    """Processor seconds and peak memory (MiB) of a process with its children, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "AUDITOR_CACHE": ""}
    with tempfile.TemporaryFile("w+") as shown:
        process = subprocess.Popen(
            command, stdout=shown, stderr=subprocess.DEVNULL, env=environment, **settings
        )  # type: ignore[call-overload]
        _, _, used = os.wait4(process.pid, 0)
        shown.seek(0)
        return used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, shown.read()


def least(command: Sequence[str], times: int = TIMES) -> tuple[float, int]:
    """The least processor seconds of several runs, and the least of their peaks."""
    runs = [processor_s(command) for _ in range(times)]
    return min(run[0] for run in runs), min(run[1] for run in runs)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def auditor(*arguments: str) -> list[str]:
    return python("-m", "auditor", *arguments)


def start_up() -> dict[str, float]:
    """Commands that judge nothing, in units of Python's own start."""
    bare, _ = least(python("-c", "pass"))
    commands = {"--help": ["--help"], "rules": ["rules"], "audit --help": ["audit", "--help"]}
    return {
        "python -c pass (s)": bare,
        **{name: least(auditor(*words))[0] / bare for name, words in commands.items()},
    }


def stages(script: Path) -> dict[str, float]:
    """Stages of one audit, in units of LibCST's parse of the script."""
    runs = [json.loads(processor_s(python("-c", STAGES, str(script)))[2]) for _ in range(TIMES)]
    found = {name: min(run[name] for run in runs) for name in runs[0]}
    unit = found.pop("LibCST's parse")
    return {"LibCST's parse (s)": unit, **{name: value / unit for name, value in found.items()}}


def warm(script: Path, folder: Path) -> dict[str, float]:
    """The same command again with what it kept, in units of the first time; start-up is in both."""
    command = auditor("audit", str(script), "--quiet", "--cache", str(folder / "kept"))
    cold, _, _ = processor_s(command)
    again, _ = least(command)
    return {"cold (s)": cold, "warm": again / cold}


def growth(folder: Path) -> dict[str, dict[str, float]]:
    """Longer scripts: the same evaluation beside more and more functions of which each is called once."""
    text = (SPECIMENS / "legal_lora_ttt.py").read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = {}
    base = 0.0
    for times in LENGTHS:
        path = folder / f"train_{times}.py"
        path.write_text(longer(text, times), encoding="utf-8")
        used, peak = least(auditor("audit", str(path), "--quiet"), times=3)
        base = base or used
        found[f"{times} x"] = {
            "lines": len(path.read_text(encoding="utf-8").splitlines()),
            "time": used / base,
            "peak (MiB)": peak,
        }
    return found


def longer(text: str, times: int) -> str:
    """A script of so many times the lines, with helpers that its training calls."""
    lines = text.count("\n")
    made, calls = [], []
    for number in range((times - 1) * lines // 8):
        made.append(
            f"\n\ndef helper_{number}(values, scale=1.0):\n    total = 0.0\n    for value in values:\n"
            f"        if value > {number}:\n            total += value * scale\n    return total\n"
        )
        calls.append(f"helper_{number}([1.0, 2.0])\n")
    return f"{text}{''.join(made)}\n\n{''.join(calls)}"


def corpus(folder: Path) -> dict[str, dict[str, float]]:
    """More pull requests, and more processes, in units of one process on the fewest; then all of them again."""
    store = _repository(folder / "store", max(PULLS))
    found: dict[str, dict[str, float]] = {}
    base = 0.0
    for count in PULLS:
        for jobs in JOBS:
            cache = folder / f"cache-{count}-{jobs}"
            words = ["corpus", "--git", str(store), "--pr", f"1-{count}", "--jobs", str(jobs), "--quiet"]
            command = auditor(*words, "--cache", str(cache), "-o", str(folder / "rows.jsonl"))
            used, _, _ = processor_s(command)
            base = base or used
            again, _, _ = processor_s(command)
            found[f"{count} pull requests, {jobs} at once"] = {"time": used / base, "again": again / base}
    return found


def _repository(path: Path, count: int) -> Path:
    """A repository with so many pull requests, each with another script."""
    text = (SPECIMENS / "legal_lora_ttt.py").read_text(encoding="utf-8")
    who = {
        f"GIT_{role}_{what}": "a@example.org"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }

    def git(*arguments: str) -> None:
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", "-C", str(path), *arguments], check=True, capture_output=True, env=environment)

    path.mkdir()
    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "start")
    for number in range(1, count + 1):
        git("checkout", "--quiet", "-b", f"pr{number}", "main")
        entry = path / "records" / "track_10min_16mb" / f"2026-04-{number:02}_Entry"
        entry.mkdir(parents=True)
        (entry / "train_gpt.py").write_text(f"{text}\n\nNUMBER = {number}\n", encoding="utf-8")
        git("add", ".")
        git("commit", "--quiet", "-m", f"entry {number}")
        git("update-ref", f"refs/pull/{number}/head", "HEAD")
    git("checkout", "--quiet", "main")
    return path


def measured() -> dict[str, object]:
    """All of it."""
    told: Callable[[str], None] = lambda what: print(what, file=sys.stderr, flush=True)  # noqa: E731
    found: dict[str, object] = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
    }
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as made:
        folder = Path(made)
        told("start-up")
        found["start"] = start_up()
        for name in ("legal_lora_ttt", "train_before_score"):
            told(f"stages of {name}")
            found[f"stages of {name}.py"] = stages(SPECIMENS / f"{name}.py")
        told("warm cache")
        found["cache"] = warm(SPECIMENS / "legal_lora_ttt.py", folder)
        told("length")
        found["length"] = growth(folder)
        told("corpus")
        found["corpus"] = corpus(folder)
    found["peak of this program (MiB)"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    RESULTS.parent.mkdir(exist_ok=True)
    parser.parse_args().output.write_text(json.dumps(measured(), indent=1) + "\n", encoding="utf-8")
