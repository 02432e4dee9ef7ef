"""Traces of validation data in training: what logs and files say about where the training data came from.

What the script does with its data is judged by the evaluation rules; here are only fingerprints of the data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_model import Run

_TRAIN_KEYS = ("train_files", "train_glob", "train_pattern", "train_data")
_VAL_SHARD = re.compile(r"fineweb_val|_val_0|/val_\d|\bval\.bin")
OVERLAPPING_SHARDS = {(47_851_520, 1_499): ("#1967", "#2130")}
"""(validation tokens, training shards) of builds that cut training at 10,000 documents and score 50,000: a
local CaseOps export has 1,499 shards, the published ones 39 or 80; with the pull requests ruled for it."""


def check_data(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield traces of validation data among the training data."""
    for run in facts.distinct:
        yield from _paths(run)
        yield from _shards(run)
    yield from _links(facts)


def _paths(run: Run) -> Iterator[RecordFinding]:
    for key in _TRAIN_KEYS:
        located = run.hyperparameters.get(key)
        name = located.value.rsplit("/", 1)[-1] if located is not None else ""
        if located is not None and _VAL_SHARD.search(located.value) and "train" not in name:
            yield finding(
                "val_in_training",
                f"{run.path}:{located.line}",
                f"{key} is {located.value}: training reads the validation shards",
            )


def _shards(run: Run) -> Iterator[RecordFinding]:
    if run.val_tokens is None or run.train_shards is None:
        return
    ruled = OVERLAPPING_SHARDS.get((run.val_tokens.value, run.train_shards.value))
    if ruled is not None:
        yield finding(
            "val_in_training",
            f"{run.path}:{run.train_shards.line}",
            f"{run.train_shards.value:,} training shards beside {run.val_tokens.value:,} validation tokens: "
            "the build that puts documents 10,000 to 50,000 into training "
            f"({', '.join(ruled)} were ruled so)",
            Severity.WARN,
        )


def _links(facts: FolderFacts) -> Iterator[RecordFinding]:
    """A training shard of the folder that is a link to a validation shard."""
    for file in facts.folder.files:
        target = file.link_target or (file.problem or "").partition(": ")[2]
        if "train" in file.name and target and _VAL_SHARD.search(target):
            yield finding(
                "val_in_training", facts.folder.relative(file), f"a training shard that is a link to {target}"
            )
