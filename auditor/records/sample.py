"""A folder's scores as a statistical sample: one value a seed, under the claimed label.

Which line of which log counts is decided in `claim`; the seed is the one that the log prints.
"""

from __future__ import annotations

from statistics import fmean

from auditor.errors import InputError
from auditor.records.claim import claimed_lines
from auditor.records.facts import FolderFacts, seed_of_name
from auditor.records.log_model import Run
from auditor.stats.compare import Sample
from auditor.stats.units import tokens_per_byte


def folder_sample(facts: FolderFacts, *, name: str = "") -> Sample:
    """Take the sample of a folder from its logs, or from its `submission.json` where it has no logs.

    Raises:
        InputError: neither gives a score.
    """
    name = name or facts.folder.path or facts.folder.target.path
    lines = claimed_lines(facts.claim, facts.distinct)
    if lines:
        pairs = [line for line in lines.values() if line.val_loss]
        by_path = {run.path: run for run in facts.distinct}
        return Sample(
            name=name,
            values=tuple(line.val_bpb for line in lines.values()),
            seeds=tuple(_seed(by_path[path]) for path in lines),
            tokens_per_byte=fmean(tokens_per_byte(line.val_loss or 1.0, line.val_bpb) for line in pairs)
            if pairs
            else None,
        )
    return _claimed_sample(facts, name)


def _seed(run: Run) -> int | None:
    return run.seed.value if run.seed is not None else seed_of_name(run.path)


def _claimed_sample(facts: FolderFacts, name: str) -> Sample:
    """From `submission.json` alone: the seeds it lists, else its headline."""
    if facts.submission is not None:
        seeds = [claim for claim in facts.submission.seeds() if claim.val_bpb is not None]
        headline = facts.submission.headline()
        loss = facts.submission.number("val_loss")
        per_byte = None
        if headline is not None and loss is not None and loss.value > 0.5 and loss.value != headline.value:
            per_byte = tokens_per_byte(loss.value, headline.value)
        if len(seeds) > 1:
            values = tuple(claim.val_bpb.value for claim in seeds if claim.val_bpb is not None)
            return Sample(
                name=name, values=values, seeds=tuple(claim.seed for claim in seeds), tokens_per_byte=per_byte
            )
        if headline is not None:
            return Sample(name=name, values=(headline.value,), seeds=(None,), tokens_per_byte=per_byte)
    raise InputError(
        f"{name} gives no score: no log with metrics and no val_bpb in submission.json",
        hint="give numbers with --old-bpb and --new-bpb",
    )
