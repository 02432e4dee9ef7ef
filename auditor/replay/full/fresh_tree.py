"""One more run in a fresh process tree that is given code, artifact and validation split alone.

What a run keeps in memory no look from outside can take away; only a process that never had it shows that the counted
bytes suffice. The script must be able to skip its training, by settings that someone names.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from auditor.replay.full.evidence import Evidence
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.launch import lay_out, run_environment, user_of
from auditor.replay.full.plan import Plan
from auditor.replay.full.results import claimed_result
from auditor.replay.full.run_trace import TRAINING
from auditor.replay.full.seed_run import SeedRun
from auditor.replay.full.supervise import supervise

LOG: Final = "fresh.txt"


def fresh_run(
    plan: Plan, files: Mapping[str, bytes], evidence: Evidence, run: SeedRun, settings: Mapping[str, str]
) -> Iterator[FullFinding]:
    """Evaluate a seed's artifact alone and hold the result against the seed's own.

    Args:
        settings: by which the script skips its training.
    """
    folder = evidence.seed(run.seed)
    artifacts = _artifacts(run, folder / "artifact")
    if run.result is None or not artifacts:
        return
    with evidence.working_folder(run.seed) as root, contextlib.ExitStack() as stack:
        (root / "data").mkdir()
        _copy_without_training(plan.options.data, root / "data")
        options = replace(plan.options, data=root / "data")
        script = plan.path.rsplit("/", 1)[-1]
        given = {**files, **{name: path.read_bytes() for name, path in artifacts.items()}}
        launch = lay_out(root / "run", given, script, options, user_of(options))
        log = stack.enter_context((folder / LOG).open("w", encoding="utf-8", errors="replace"))
        ended = supervise(
            launch,
            run_environment(launch, {**plan.settings, **settings}, run.seed),
            {f"{launch.places.job}{name}": len(content) for name, content in given.items()},
            log=log,
        )
    found = claimed_result(ended.trace.lines)
    if ended.code or ended.reason or found is None:
        last = ended.last_lines[-1] if ended.last_lines else "nothing was printed"
        yield FullFinding(
            kind="fresh-run-failed",
            weight=Weight.REVIEW,
            message=f"the evaluation alone did not come to a result, so that the artifact was not shown to suffice: "
            f"{ended.reason or last}",
            seed=run.seed,
        )
        return
    places = min(found.decimals, run.result.decimals, 4)
    if abs(found.val_bpb - run.result.val_bpb) > 1.01 * 10.0**-places:
        yield FullFinding(
            kind="artifact-does-not-suffice",
            weight=Weight.VIOLATION,
            message=f"evaluated in a fresh process from {', '.join(sorted(artifacts))} alone it scores "
            f"{found.val_bpb}, the run itself printed {run.result.val_bpb}",
            seed=run.seed,
        )
    else:
        yield FullFinding(
            kind="artifact-suffices",
            weight=Weight.NOTE,
            message=f"a fresh process with code, artifact and validation split alone scores {found.val_bpb}",
            seed=run.seed,
        )


def _artifacts(run: SeedRun, kept: Path) -> dict[str, Path]:
    """Kept artifacts by their path relative to the script's folder; those that lay elsewhere are left out."""
    job = run.ended.trace.places.job
    found = {}
    for row in run.table.artifacts:
        path = kept / row.path.rsplit("/", 1)[-1]
        if not row.path.startswith(job) or not path.is_file():
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() == run.hashes.get(row.path):
            found[row.path.removeprefix(job)] = path
    return found


def _copy_without_training(data: Path, target: Path) -> None:
    for path in data.rglob("*"):
        if path.is_file() and not TRAINING.search(path.name):
            copied = target / path.relative_to(data)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
