"""The skeleton of an entry: a folder with a README, a `submission.json` with every field, and the script."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from auditor.errors import InputError
from auditor.json_value import Json
from auditor.submission.model import Track

SEEDS = (42, 314, 999)
"""Three seeds of which none is chosen: the custom of the board."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,100}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of an entry before it is run.

    Attributes:
        name: as in the folder's name.
        date: ISO.
        record: whether it is for the record track.
    """

    name: str
    date: str
    author: str
    github_id: str
    blurb: str = ""
    record: bool = True

    def folder(self) -> str:
        """Where the entry stands, from the root of the challenge's repository.

        Raises:
            InputError: the name or the date does not fit a folder's name.
        """
        if not _NAME.fullmatch(self.name):
            raise InputError(
                f"{self.name!r} cannot be part of a folder's name", hint="letters, digits and _ . + - alone"
            )
        if not _DATE.fullmatch(self.date):
            raise InputError(f"{self.date!r} is no date", hint="YYYY-MM-DD")
        track = Track.RECORD_10MIN_16MB if self.record else Track.NON_RECORD
        return f"records/{track.value}/{self.date}_{self.name}"

    def files(self) -> dict[str, str]:
        """The files by name, the script aside. Numbers that only runs give are null."""
        return {"submission.json": self._submission(), "README.md": self._readme()}

    def _submission(self) -> str:
        fields: dict[str, Json] = {
            "author": self.author,
            "github_id": self.github_id,
            "name": self.name.replace("_", " "),
            "blurb": self.blurb,
            "date": self.date,
            "track": "10min_16mb" if self.record else "non_record_16mb",
            "val_loss": None,
            "val_bpb": None,
            "bytes_total": None,
            "seeds": [*SEEDS] if self.record else [SEEDS[0]],
            "seed_results": {},
            "hardware": "8xH100 80GB SXM" if self.record else "",
        }
        return json.dumps(fields, indent=2, ensure_ascii=False) + "\n"

    def _readme(self) -> str:
        seeds = SEEDS if self.record else SEEDS[:1]
        rows = "\n".join(f"| {seed} | | | | | |" for seed in seeds)
        logs = ", ".join(f"`train_seed{seed}.log`" for seed in seeds)
        return f"""# {self.name.replace("_", " ")}

{self.blurb}

## Results

| seed | val_loss | val_bpb | bytes, code and model | training s | evaluation s |
|---:|---:|---:|---:|---:|---:|
{rows}

Logs: {logs}. `val_bpb` in `submission.json` is the mean of the last column of numbers that they print.

## What is new

## What it builds on

## How to run

```sh
torchrun --standalone --nproc_per_node=8 train_gpt.py
```

## What is done at evaluation

Which tokens are scored when, and what changes because of them afterwards.
"""
