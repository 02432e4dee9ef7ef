"""Runs kept by content: a run of the same files, configuration and world by the same harness is not made again.

What is kept is what the sandbox wrote, never a verdict, and it is read with the same bounds and the same distrust.
A run that was ended from outside is not kept: another machine, or another day, may end it otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditor.replay.runs.job import ARRAYS, EVENTS, OUTCOME, PLACES, PRINTED, Order
from auditor.replay.runs.left_files import Refused, open_left
from auditor.replay.runs.observations import Observations
from auditor.replay.runs.run_record import MAX_FILE_BYTES, RunRecord, run_record
from auditor.replay.sandbox.isolation_levels import IsolationLevel
from auditor.replay.toy.world import World

TOLD: Final = "told.json"
OUT: Final = "out"
HARNESS: Final = ("torch", "numpy", "triton", "brotli", "zstandard")
"""Packages whose versions decide what a run does, beside the submission itself."""


class RunCache:
    """A folder of runs by the digest of all that decides them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def key(
        self,
        order: Order,
        rung: IsolationLevel,
        world: World,
        files: Mapping[str, bytes],
        layout: Sequence[str],
    ) -> str:
        """The digest of a run.

        Args:
            layout: what else decides which files the run finds: names of data folders, the sidecar.
        """
        digest = hashlib.sha256(_harness())
        stated = {**json.loads(order.to_json()), "seconds": 0, "memory": 0}
        digest.update(json.dumps([stated, rung.value, *layout], sort_keys=True).encode())
        for name in sorted(files):
            digest.update(f"\0{name}\0".encode() + hashlib.sha256(files[name]).digest())
        for tokens in (world.validation, *world.training):
            digest.update(hashlib.sha256(tokens.tobytes()).digest())
        return digest.hexdigest()

    def load(self, key: str, ranks: int) -> RunRecord | None:
        """The run kept under a digest, or None."""
        folder = self._folder(key)
        try:
            told = json.loads((folder / TOLD).read_text(encoding="utf-8"))
            artifacts = {name: (int(size), str(sha)) for name, (size, sha) in told["artifacts"].items()}
            run = run_record(
                folder / OUT,
                told,
                ranks=ranks,
                artifacts=artifacts,
                seconds=float(told["seconds"]),
                withdrawn=bool(told["withdrawn"]),
                observations=Observations.from_object(told["observations"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return run if run.ranks and not run.reason else None

    def keep(self, key: str, out: Path, run: RunRecord) -> None:
        """Keep a run that ended by itself, in place of one that could not be read."""
        folder = self._folder(key)
        if run.reason or not run.ranks:
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
        try:
            _copy_records(out, made / OUT, ranks=len(run.ranks))
            (made / TOLD).write_text(json.dumps(_told(run)), encoding="utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(made, folder)
        except (OSError, Refused):
            shutil.rmtree(made, ignore_errors=True)

    def _folder(self, key: str) -> Path:
        return self._root / key[:2] / key[2:]


def _copy_records(out: Path, target: Path, *, ranks: int) -> None:
    """Copy the files that `run_record` reads, and no others."""
    names = [f"rank{rank}/{name}" for rank in range(ranks) for name in (EVENTS, PLACES, ARRAYS, OUTCOME)]
    for name in [*names, f"0-{PRINTED}"]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        with open_left(out, name, limit=MAX_FILE_BYTES) as source, (target / name).open("wb") as copy:
            shutil.copyfileobj(source, copy)


def _told(run: RunRecord) -> dict[str, Any]:
    return {
        "artifacts": run.artifacts,
        "seconds": run.seconds,
        "processor_s": run.processor_s,
        "left_behind": run.left_behind,
        "withdrawn": run.withdrawn,
        "observations": run.observations.to_object(),
    }


@functools.cache
def _harness() -> bytes:
    """Digest of the source of `auditor.replay` and of the versions that a run depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for name in HARNESS:
        try:
            digest.update(f"{name}={importlib.metadata.version(name)}".encode())
        except importlib.metadata.PackageNotFoundError:
            continue
    return digest.digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """How many runs a folder holds, and their bytes."""

    runs: int
    size_bytes: int


def content(root: Path) -> Content:
    """What a folder of runs holds."""
    runs = _folders(root)
    sizes = [path.lstat().st_size for run in runs for path in run.rglob("*")]
    return Content(runs=len(runs), size_bytes=sum(sizes))


def clear(root: Path) -> int:
    """Remove the runs of a folder, and nothing else there; give how many there were."""
    runs = _folders(root)
    for run in runs:
        shutil.rmtree(run, ignore_errors=True)
        with contextlib.suppress(OSError):
            run.parent.rmdir()
    return len(runs)


def _folders(root: Path) -> list[Path]:
    digits = "[0-9a-f]"
    return [path for path in root.glob(f"{digits * 2}/{digits * 62}") if (path / TOLD).is_file()]
