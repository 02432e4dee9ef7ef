"""Code plus compressed model over the cap.

## What it checks

Whether code and compressed model stay within 16,000,000 bytes: by the totals that the logs of the
claimed runs print, whether these totals are code plus model, and whether a stub leaves the file that it
runs out of the count.

## Why it breaks the rules

The cap is the heart of the challenge: a model that needs a few thousand bytes more is another model.

## How to fix it

Make the artifact smaller, or count every file the script loads. A blob beside the model belongs to the
artifact.

## Known limits

Logs count code in plain or compressed form; both are accepted where the log says which. A log without
sizes gives no finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder

if TYPE_CHECKING:
    from auditor.records.validate import RecordsResult


class ArtifactSize(RecordRule):
    """The artifact is larger than 16,000,000 bytes."""

    slug = "artifact-size"
    title = "The artifact is larger than 16,000,000 bytes"
    unseen = "no log prints a size of the artifact"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails by the totals of the claimed runs",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="the artifact is code bytes plus compressed model bytes, at most 16,000,000, decimal",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1809",
            date="2026-04-25",
            who="maintainers",
            ruling="an entry over the cap by its own log is not accepted",
        ),
    )
    examples = (
        Good("15 MB by the log", SCRIPT, toy_folder()),
        Bad("the model alone fills the cap", SCRIPT, toy_folder(model=16_000_000)),
    )

    def seen(self, records: RecordsResult) -> str:
        """The largest total that a log prints, else the shipped code and the printed model."""
        from auditor.records.size_checks import CAP_BYTES, final_total, shipped_bytes

        totals = [
            total.size_bytes for run in records.facts.distinct if (total := final_total(run)) is not None
        ]
        if totals:
            logs = "1 log" if len(totals) == 1 else f"{len(totals)} logs"
            return f"the total is at most {max(totals):,} of {CAP_BYTES:,} bytes ({logs})"
        shipped = [
            size for run in records.facts.distinct if (size := shipped_bytes(run, records.facts)) is not None
        ]
        if not shipped:
            return ""
        return (
            f"no total is printed; shipped code and printed model are {max(shipped):,} of {CAP_BYTES:,} bytes"
        )
