"""What a reader needs to check the entry is not there.

## What it checks

Whether the folder has a README, a `submission.json` that can be read and claims a score, a training
script, and logs with metrics; in the record track, three logs where several seeds are claimed.

## Why it breaks the rules

A record is accepted on its evidence. What cannot be checked cannot be a record.

## How to fix it

Add the files. The repository's `.gitignore` holds `logs/`, where the default logger writes: copy the log
into the folder or add it with `git add -f`.

## Known limits

A log in a form that no metric line is found in counts as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder


class MissingEvidence(RecordRule):
    """Files, logs or the claim are missing."""

    slug = "missing-evidence"
    title = "Files, logs or the claim are missing"
    clean = "README, submission.json, script and logs are there"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails for each file that is missing",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="a submission holds a README, a submission.json, its script and its train log",
        ),
    )
    examples = (
        Good("all files", SCRIPT, toy_folder()),
        Bad("no logs", SCRIPT, toy_folder(without=tuple(f"train_seed{seed}.log" for seed in (1, 2, 3)))),
    )
