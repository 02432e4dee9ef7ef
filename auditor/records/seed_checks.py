"""Are the seeds what they say: printed seeds, file names, first losses, near-copies."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator

from auditor.records.claim import How, normal_label
from auditor.records.facts import FolderFacts, seed_of_name
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_model import Run

MIN_COMMON_STEPS = 8
NEAR_COPY_SHARE = 0.5
"""Two seeds agree in a loss of four decimals once in some hundred steps; half of all is no coincidence."""


def check_seeds(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield seeds that are not what they claim to be."""
    yield from _names(facts)
    yield from _fingerprints(facts)
    yield from _same_seed(facts)
    yield from _near_copies(facts)
    yield from _left_out(facts)


def _names(facts: FolderFacts) -> Iterator[RecordFinding]:
    wrong = []
    named = 0
    for run in facts.distinct:
        claimed = seed_of_name(run.path)
        if claimed is None or run.seed is None:
            continue
        named += 1
        if claimed != run.seed.value:
            wrong.append((run, claimed, run.seed))
    severity = Severity.FAIL if len(wrong) > 1 else Severity.WARN
    for run, claimed, printed in wrong:
        yield finding(
            "seed_name_mismatch",
            f"{run.path}:{printed.line}",
            f"the file says seed {claimed}, the log prints seed {printed.value}",
            severity,
        )


def _claimed_seeds(facts: FolderFacts) -> int:
    """How many different seeds the folder says it has, by file names and submission.json."""
    by_name = {seed_of_name(run.path) for run in facts.distinct} - {None}
    in_json = facts.submission.seed_count() if facts.submission is not None else 0
    return max(len(by_name), in_json)


def _fingerprints(facts: FolderFacts) -> Iterator[RecordFinding]:
    groups: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run in facts.distinct:
        losses = run.first_losses()
        if len(losses) >= 3:
            groups[losses].append(run)
    for losses, runs in groups.items():
        claimed = {seed_of_name(run.path) for run in runs} - {None}
        printed = sorted({run.seed.value for run in runs if run.seed is not None})
        if len(runs) < 2 or not (max(len(claimed), len(printed)) > 1 or _are_the_seeds(runs, facts)):
            continue
        last = runs[-1]
        line = last.seed.line if last.seed is not None else last.steps[0].line
        names = ", ".join(run.path for run in runs)
        yield finding(
            "same_seed_fingerprint",
            f"{last.path}:{line}",
            f"{names} claim different seeds but share the losses of steps 0 to 3 ({', '.join(losses)}) "
            f"and print seed {', '.join(map(str, printed)) or 'nowhere'}",
        )


def _are_the_seeds(runs: list[Run], facts: FolderFacts) -> bool:
    """Whether logs that name no seed must be the several seeds that the folder claims."""
    named = any(seed_of_name(run.path) is not None for run in runs)
    return not named and len(runs) == len(facts.claim_runs) and _claimed_seeds(facts) >= len(runs)


def _same_seed(facts: FolderFacts) -> Iterator[RecordFinding]:
    runs = [run for run in facts.claim_runs if run.seed is not None]
    if len(runs) < 2 or len(runs) < len(facts.claim_runs):
        return
    printed = {run.seed.value for run in runs if run.seed is not None}
    if len(printed) != 1:
        return
    averaged = facts.claim.how is How.MEAN
    names = ", ".join(run.path for run in runs)
    severity = Severity.FAIL if averaged and _claimed_seeds(facts) > 1 else Severity.WARN
    yield finding(
        "same_seed",
        names,
        f"all {len(runs)} logs print seed {printed.pop()}: no independent sample",
        severity,
    )


def _near_copies(facts: FolderFacts) -> Iterator[RecordFinding]:
    for left, right in itertools.combinations(facts.distinct, 2):
        seeds = [_claimed_seed(run) for run in (left, right)]
        if None in seeds or seeds[0] == seeds[1]:
            continue
        common, equal = _agreement(left, right)
        if common >= MIN_COMMON_STEPS and equal > NEAR_COPY_SHARE * common:
            yield finding(
                "near_duplicate_logs",
                f"{left.path}, {right.path}",
                f"seeds {seeds[0]} and {seeds[1]}: {equal} of {common} training losses after step 3 "
                "are equal to the last digit",
            )


def _claimed_seed(run: Run) -> int | None:
    """The seed a log stands for: that of its name, else the printed one."""
    named = seed_of_name(run.path)
    return named if named is not None else (run.seed.value if run.seed is not None else None)


def _agreement(left: Run, right: Run) -> tuple[int, int]:
    """Common training steps after the first ones, and how many of them print the same loss."""
    losses = [
        {step.step: step.train_loss for step in run.steps if step.train_loss is not None and step.step > 3}
        for run in (left, right)
    ]
    common = losses[0].keys() & losses[1].keys()
    return len(common), sum(1 for step in common if losses[0][step] == losses[1][step])


def _left_out(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Logs of other seeds that print the claimed metric, are not in the claimed mean, and are all worse."""
    claim = facts.claim
    if claim.how is not How.SUBSET_MEAN:
        return
    chosen = {line.path for line in claim.lines}
    seeds = {_claimed_seed(run) for run in facts.distinct if run.path in chosen}
    others = [
        (run.path, run_line.val_bpb)
        for run in facts.distinct
        if run.path not in chosen and _claimed_seed(run) not in seeds | {None}
        for run_line in run.metrics[::-1]
        if normal_label(run_line.label) == claim.label
    ]
    latest = dict(reversed(others))
    if latest and min(latest.values()) > max(line.val_bpb for line in claim.lines):
        yield finding(
            "seeds_left_out",
            ", ".join(latest),
            f"the claimed mean is over {len(chosen)} logs; {len(latest)} more with other seeds print "
            f"{claim.label!r} and are all worse",
        )
