"""A records folder, as the challenge asks for it: script, one log per seed, `submission.json`, README.

The script is generated (`single_file`) and then run, one fresh process per seed, in the folder itself:
every number in the JSON and the README is read back from the logs that these runs wrote.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from reference_impl.artifact import SIZE_LIMIT_BYTES
from reference_impl.roster import Evaluation
from reference_impl.single_file import write_script

SCRIPT = "train_gpt.py"
PATHS = ("DATA_PATH", "TOKENIZER_PATH")  # given as seen from here; the runs start in the folder


class SubmissionError(RuntimeError):
    """A run failed or its log lacks a line that the folder needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who submits what, and how it is run."""

    name: str
    author: str
    github_id: str
    date: datetime.date
    track: str
    blurb: str
    evaluation: Evaluation
    seeds: tuple[int, ...]
    environment: dict[str, str]  # what the runs set besides SEED, LOG_PATH and ARTIFACT_PATH
    processes: int
    pack: bool = False  # ship the script compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """What one log says."""

    seed: int
    val_loss: float
    val_bpb: float
    model_bytes: int
    code_bytes: int
    steps: int
    train_ms: int
    eval_ms: int


def command(entry: Entry, variables: dict[str, str]) -> str:
    """Return the shell command of one run."""
    launcher = (
        f"torchrun --standalone --nproc_per_node={entry.processes}" if entry.processes > 1 else "python"
    )
    assignments = " ".join(f"{key}={value}" for key, value in variables.items())
    return f"{assignments} {launcher} {SCRIPT}".strip()


def run_seed(entry: Entry, folder: Path, scratch: Path, seed: int) -> None:
    """Run the folder's script once; its log goes into the folder, its artifact into `scratch`."""
    log = folder / f"train_seed{seed}.log"
    log.unlink(missing_ok=True)
    paths = {key: str(Path(entry.environment[key]).resolve()) for key in PATHS if key in entry.environment}
    variables = {
        **entry.environment,
        **paths,
        "SEED": str(seed),
        "LOG_PATH": log.name,
        "ARTIFACT_PATH": str(scratch / f"seed{seed}.artifact"),
    }
    argv = [sys.executable]
    if entry.processes > 1:
        argv += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={entry.processes}"]
    done = subprocess.run(
        [*argv, SCRIPT],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if done.returncode != 0:
        raise SubmissionError(
            f"seed {seed}: {SCRIPT} ended with {done.returncode}: {done.stderr.decode()[-2000:]}"
        )


def read_log(path: Path, seed: int, label: str) -> SeedResult:
    """Read one run's numbers back from its log."""
    text = path.read_text(encoding="utf-8")

    def find(pattern: str) -> tuple[str, ...]:
        found = re.findall(pattern, text)
        if not found:
            raise SubmissionError(f"{path}: no line matches {pattern!r}")
        last = found[-1]
        return last if isinstance(last, tuple) else (last,)

    loss, bpb = find(rf"{label}_exact val_loss:(\S+) val_bpb:(\S+)")
    steps, train_ms = find(r"step:(\d+)/\d+ val_loss:\S+ val_bpb:\S+ train_time:(\d+)ms")
    return SeedResult(
        seed=seed,
        val_loss=float(loss),
        val_bpb=float(bpb),
        model_bytes=int(find(r"Serialized model [^:]+: (\d+) bytes")[0]),
        code_bytes=int(find(r"Code size: (\d+) bytes")[0]),
        steps=int(steps),
        train_ms=int(train_ms),
        eval_ms=int(find(rf"{label} val_loss:\S+ val_bpb:\S+ eval_time:(\d+)ms")[0]),
    )


def describe(entry: Entry, results: list[SeedResult]) -> dict[str, object]:
    """Return the contents of `submission.json`; sizes are the largest of the seeds."""
    largest = max(results, key=lambda result: result.model_bytes)
    summary: dict[str, object] = {
        "author": entry.author,
        "github_id": entry.github_id,
        "name": entry.name,
        "blurb": entry.blurb,
        "date": entry.date.isoformat(),
        "track": entry.track,
        "val_loss": round(mean(result.val_loss for result in results), 8),
        "val_bpb": round(mean(result.val_bpb for result in results), 8),
        "seeds": [result.seed for result in results],
        "seed_results": {
            str(result.seed): {
                "val_loss": result.val_loss,
                "val_bpb": result.val_bpb,
                "steps": result.steps,
                "artifact_bytes": result.model_bytes + result.code_bytes,
            }
            for result in results
        },
        "bytes_total": largest.model_bytes + largest.code_bytes,
        "bytes_code": largest.code_bytes,
    }
    if len(results) > 1:
        summary["val_bpb_std"] = round(stdev(result.val_bpb for result in results), 8)
    return summary


def write_readme(entry: Entry, results: list[SeedResult], summary: dict[str, object]) -> str:
    """Return the README: method, results, sizes, command, all taken from the entry and the logs."""
    doc = "\n".join(
        f"| {r.seed} | {r.steps} | {r.val_loss:.4f} | {r.val_bpb:.4f} | {r.model_bytes + r.code_bytes:,} | "
        f"{r.train_ms / 1000:.1f} s | {r.eval_ms / 1000:.1f} s |"
        for r in results
    )
    spread = f" (sample std {summary['val_bpb_std']:.4f})" if "val_bpb_std" in summary else ""
    variables = {**entry.environment, "SEED": str(results[0].seed)}
    return f"""# {entry.name}

{entry.blurb}

Mean val_bpb over {len(results)} seeds: **{summary["val_bpb"]:.4f}**{spread}. The score is the line
`{entry.evaluation.label}` of each log, taken on the model as rebuilt from the artifact. Every token but the
first is scored exactly once, before anything learns from it.

| seed | steps | val_loss | val_bpb | code + model, bytes | training | evaluation |
| --- | --- | --- | --- | --- | --- | --- |
{doc}

Largest total: {summary["bytes_total"]:,} bytes of {SIZE_LIMIT_BYTES:,}; code {summary["bytes_code"]:,} bytes.

## Command

```bash
{command(entry, variables)}
```

## Included files

- `{SCRIPT}`: the whole submission
- `train_seed*.log`: one log per seed
- `submission.json`
"""


def write_submission(
    entry: Entry, parent: Path, scratch: Path, on_seed: Callable[[int, int], None] = lambda done, total: None
) -> Path:
    """Write the folder `<date>_<name>` under `parent`, run all seeds in it, and return its path.

    Raises SubmissionError when a run fails. A run that is over a limit of the challenge fails, so the seeds
    after it are not spent.
    """
    folder = parent / f"{entry.date.isoformat()}_{re.sub(r'[^A-Za-z0-9]+', '_', entry.name).strip('_')}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCRIPT).write_text(write_script(entry.evaluation, entry.pack), encoding="utf-8")
    results = []
    for done, seed in enumerate(entry.seeds):
        on_seed(done, len(entry.seeds))
        run_seed(entry, folder, scratch, seed)
        results.append(read_log(folder / f"train_seed{seed}.log", seed, entry.evaluation.label))
    on_seed(len(entry.seeds), len(entry.seeds))
    summary = describe(entry, results)
    (folder / "submission.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(write_readme(entry, results, summary), encoding="utf-8")
    return folder
