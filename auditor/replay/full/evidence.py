"""The folder of evidence: laid out, cleaned of what a killed run left, found again by the same command.

DIR/plan.json  result.json  environment.json  data.json
DIR/train_gpt.py  submission.json  train_seed42.log ...   as a records folder, so that `auditor records` and
                                                          `auditor stats compare` read it
DIR/made-here                                             the seal of the folder: no other is written to or read
DIR/seeds/42/run.json  trace.json.gz  log.txt  rank0.log ...  telemetry.jsonl  artifact/
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from auditor.errors import InputError
from auditor.replay.full.plan import Plan
from auditor.replay.full.seal import is_sealed, seal
from auditor.replay.full.seed_run import SeedRun
from auditor.replay.full.statistics import Statistics
from auditor.replay.runs.left_files import empty_folder

PREFIX: Final = "auditor-full-"
RECORD: Final = "record"
MADE: Final = "made-here"
WORKING: Final = "working"
"""Names a run's temporary folder until it is gone."""


class Evidence:
    """One submission's folder.

    Args:
        root: made if it is not there.

    Raises:
        InputError: what is there was not made by this program for this user, or links were put into it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        _take(root)
        for name in ("seeds", RECORD):
            (root / name).mkdir(parents=True, exist_ok=True)

    def seed(self, number: int) -> Path:
        """The folder of one seed."""
        folder = self.root / "seeds" / str(number)
        folder.mkdir(exist_ok=True)
        return folder

    def clean(self) -> None:
        """Remove temporary folders that killed runs left."""
        for note in self.root.glob(f"seeds/*/{WORKING}"):
            name, _, mark = note.read_text(encoding="utf-8", errors="replace").strip().partition("\n")
            path = Path(name)
            ours = is_sealed(mark, WORKING.encode(), os.fsencode(path))
            if ours and path.name.startswith(PREFIX) and path.is_dir() and not path.is_symlink():
                empty_folder(path)
                path.rmdir()
            note.unlink()

    @contextlib.contextmanager
    def working_folder(self, number: int) -> Iterator[Path]:
        """A temporary folder that is gone afterwards, or when the same command is given again."""
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        note = self.seed(number) / WORKING
        note.write_text(f"{path}\n{seal(WORKING.encode(), os.fsencode(path))}\n", encoding="utf-8")
        try:
            path.chmod(0o755)
            yield path
        finally:
            empty_folder(path)
            path.rmdir()
            note.unlink(missing_ok=True)

    def write(self, name: str, value: Any) -> None:
        """Write a file of JSON at once or not at all."""
        written = self.root / f"{name}.part"
        written.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(written, self.root / name)

    def write_records(
        self, plan: Plan, files: Mapping[str, bytes], runs: Sequence[SeedRun], found: Statistics | None
    ) -> None:
        """Lay the runs out as a records folder, so that what reads such folders reads them."""
        for name, content in files.items():
            path = self.root / RECORD / name
            if name.endswith((".py", ".sh", ".c", ".cpp", ".cu", ".toml", ".txt")) and "/" not in name:
                path.write_bytes(content)
        done = [run for run in runs if run.finished and run.result is not None]
        for run in done:
            text = "".join(f"{line.text}\n" for line in run.ended.trace.lines)
            (self.root / RECORD / f"train_seed{run.seed}.log").write_text(
                text, encoding="utf-8", errors="replace"
            )
        if found is None:
            return
        losses = [run.result.val_loss for run in done if run.result is not None and run.result.val_loss]
        self.write(
            f"{RECORD}/submission.json",
            {
                "name": f"full run of {plan.path}",
                "val_bpb": round(found.sample.mean, 8),
                "val_loss": round(sum(losses) / len(losses), 8) if losses else None,
                "seeds": list(found.sample.seeds),
                "seed_results": {
                    str(run.seed): {
                        "val_bpb": run.result.val_bpb,
                        "val_loss": run.result.val_loss,
                        "artifact_bytes": run.table.total,
                    }
                    for run in done
                    if run.result is not None
                },
                "bytes_total": max(run.table.total for run in done),
            },
        )


def _take(root: Path) -> None:
    """Make a folder and seal it, or see that it is the one that was sealed and that nobody put links into it."""
    hint = "name a new folder with --evidence"
    for path in (root.parent, root):
        if path.is_symlink() or (os.path.lexists(path) and not path.is_dir()):
            raise InputError(f"evidence cannot be kept in {path}: it is a link or no folder", hint=hint)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = root.stat()
    if status.st_uid != os.geteuid() or (status.st_mode & 0o022 and any(root.iterdir())):
        raise InputError(f"evidence cannot be kept in {root}: others can write there", hint=hint)
    for above, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(above, name)
            mode = path.lstat().st_mode
            if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                raise InputError(f"{path} in the folder of evidence is a link or no file", hint=hint)
    made = root / MADE
    this = (MADE.encode(), os.fsencode(root.resolve()), str(status.st_ino).encode())
    if not any(root.iterdir()):
        root.chmod(0o700)
        made.write_text(seal(*this) + "\n", encoding="ascii")
    elif not made.is_file() or not is_sealed(made.read_text(encoding="utf-8", errors="replace"), *this):
        raise InputError(
            f"{root} was not made here by this program for this user, so that nothing in it is believed",
            hint=hint,
        )
