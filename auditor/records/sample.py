"""A folder's scores as a statistical sample: one value a seed, under the claimed label.

Runs that call the claimed metric by another name (an older log of the same folder) give their last final
metric, unless they print a label that the claimed runs print too.
"""

from __future__ import annotations

from statistics import fmean

from auditor.errors import InputError
from auditor.records.claim import How, normal_label
from auditor.records.facts import FolderFacts, seed_of_name
from auditor.records.log_model import MetricKind, MetricLine, Run
from auditor.stats.compare import Sample
from auditor.stats.units import tokens_per_byte


def folder_sample(facts: FolderFacts, *, name: str = "") -> Sample:
    """Take the sample of a folder from its logs, or from its `submission.json` where it has no logs.

    Raises:
        InputError: neither gives a score.
    """
    name = name or facts.folder.path or facts.folder.target.path
    lines = claimed_lines(facts)
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


def claimed_lines(facts: FolderFacts) -> dict[str, MetricLine]:
    """Log path → the line with the claimed metric, one a distinct run, in order of paths."""
    claim = facts.claim
    if claim.how is How.SUBSET_MEAN or not claim.lines:
        return {line.path: line for line in claim.lines}
    label = normal_label(claim.lines[0].label)
    key = claim.lines[0].key.lower()
    found: dict[str, MetricLine] = {}
    for run in facts.distinct:
        own = [m for m in run.metrics if normal_label(m.label) == label and m.key.lower() == key]
        if own:
            found[run.path] = own[-1]
    known = {normal_label(m.label) for run in facts.distinct if run.path in found for m in run.metrics}
    if claim.lines[0].kind is MetricKind.FINAL:
        for run in facts.distinct:
            line = _last_final(run)
            if line is not None and run.path not in found and normal_label(line.label) not in known:
                found[run.path] = line
    return dict(sorted(found.items()))


def _last_final(run: Run) -> MetricLine | None:
    return run.final_metrics[-1] if run.final_metrics and not run.smoke else None


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
