"""What a full run will do, before it does it: command, seeds, limits, GPU-minutes, cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.cache.version import version
from auditor.records.time_checks import LIMIT_S
from auditor.replay.full.data_set import DataSet
from auditor.replay.full.launch import torchrun
from auditor.replay.full.options import FullOptions
from auditor.replay.full.preflight import Machine, Problem

START_S: Final = 240.0
"""Imports, compilation and warm-up of a usual record on eight H100s; their own logs do not time it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run that is laid out.

    Attributes:
        path: of the script in the submission.
        settings: of the claimed run, by environment name.
        label: of the line that the submission claims, "" where it claims none.
        artifact: name of the file that the evaluation begins with, where someone says so.
        price: of one GPU for an hour, None if not given.
        problems: why it cannot start.
    """

    path: str
    options: FullOptions
    seeds: tuple[int, ...]
    settings: Mapping[str, str]
    machine: Machine
    data: DataSet
    price: float | None
    problems: tuple[Problem, ...]
    label: str = ""
    artifact: str = ""

    @property
    def command(self) -> str:
        """How each seed is launched inside the sandbox."""
        words = torchrun(self.options, self.path.rsplit("/", 1)[-1], "LOGS")
        return " ".join(
            word if word.isprintable() and " " not in word else f"'{word[:60]}…'" for word in words
        )

    @property
    def gpu_minutes(self) -> float:
        """Minutes of GPUs that the seeds take if each uses its limits to the full."""
        if self.options.on_cpu:
            return 0.0
        return len(self.seeds) * self.options.ranks * (START_S + 2 * LIMIT_S) / 60.0

    @property
    def most_gpu_minutes(self) -> float:
        """Minutes of GPUs until the last run is ended whatever it does."""
        if self.options.on_cpu:
            return 0.0
        return len(self.seeds) * self.options.ranks * self.options.seconds / 60.0

    @property
    def cost(self) -> float | None:
        """Of `gpu_minutes`, in the currency of the price."""
        return None if self.price is None else self.gpu_minutes / 60.0 * self.price


def run_key(plan: Plan, files: Mapping[str, bytes]) -> str:
    """A digest of all that a seed's run depends on: code, settings, data, launch, machine, this tool."""
    options, data = plan.options, plan.data
    told = {
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        "settings": dict(sorted(plan.settings.items())),
        "data": [
            data.val_sha256,
            data.train_sha256,
            data.tokenizer_sha256,
            options.shards,
            options.tokenizer,
        ],
        "launch": [options.ranks, options.seconds, options.rung.value, options.on_cpu, *options.launcher],
        "confined": [options.shared_memory, options.own_user, [str(folder) for folder in options.let_in]],
        "silent_s": options.silent_s,
        "machine": [[gpu.name for gpu in plan.machine.gpus], dict(plan.machine.versions)],
        "tool": version(),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def parse_seeds(text: str) -> list[int]:
    """Seeds as they are written after `--seeds`.

    Raises:
        ValueError: one is no whole number.
    """
    return [int(word) for word in text.split(",") if word.strip()]


def seeds_of_claim(seeds: Sequence[int | None]) -> list[int]:
    """The seeds that a records folder claims, each once."""
    return list(dict.fromkeys(seed for seed in seeds if seed is not None))
