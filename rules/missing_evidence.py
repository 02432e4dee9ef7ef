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
from typing import TYPE_CHECKING, ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder

if TYPE_CHECKING:
    from auditor.records.validate import RecordsResult


class MissingEvidence(RecordRule):
    """Files, logs or the claim are missing."""

    slug = "missing-evidence"
    title = "Files, logs or the claim are missing"
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

    def seen(self, records: RecordsResult) -> str:
        """What an entry must hold, as far as it is there."""
        facts = records.facts
        logs, scripts = len(facts.distinct), len(facts.scripts)
        there = {
            "README": facts.readme is not None,
            "submission.json": facts.submission is not None,
            f"{scripts} script{'s' if scripts != 1 else ''}": scripts > 0,
            f"{logs} log{'s' if logs != 1 else ''}": logs > 0,
        }
        told = [name for name, found in there.items() if found]
        missing = [name for name, found in there.items() if not found]
        rest = f"; not there: {', '.join(missing)}" if missing else ""
        return f"there: {', '.join(told) or 'nothing'}{rest}"
