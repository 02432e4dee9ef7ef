"""Are the seeds what they say: printed seeds, file names, first losses, near-copies."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from statistics import fmean

from auditor.records.claim import How, claimed_lines, normal_label
from auditor.records.facts import FolderFacts, seed_of_name
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_lines import decimals
from auditor.records.log_model import Run
from auditor.records.logs import MAX_LINE_CHARACTERS

_MEAN = re.compile(r"\b(?:mean|average|avg)\b", re.IGNORECASE)
_SCORE = re.compile(r"(?<![\d.])\d\.\d{3,}(?!\d)")
_EXACT = re.compile(r"(?<![\d.])\d+\.\d{4,}(?!\d)")
MIN_COMMON_STEPS = 8
MIN_MEASURED_LINES = 16
NEAR_COPY_LINES = 0.8
"""Of 638 pairs of real logs with different seeds the doctored ones share 96 %, the next 55 %, then 30 %."""
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
    for run in facts.distinct:
        claimed = seed_of_name(run.path)
        if claimed is None or run.seed is None:
            continue
        # A name may list several seeds: one of them is enough.
        if str(run.seed.value) not in re.findall(r"\d+", posixpath.basename(run.path)):
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
    """Logs shown as repeats of one entry; ablations may well share a seed."""
    runs = [run for run in facts.claim_runs if run.seed is not None]
    if len(runs) < 2 or len(runs) < len(facts.claim_runs) or not _shown_as_repeats(facts):
        return
    printed = {run.seed.value for run in runs if run.seed is not None}
    if len(printed) == 1:
        yield finding(
            "same_seed",
            ", ".join(run.path for run in runs),
            f"all {len(runs)} logs print seed {printed.pop()}: no independent sample",
        )


def _shown_as_repeats(facts: FolderFacts) -> bool:
    """Whether several seeds are claimed, the claim is a mean of the logs, or the README states their mean.

    Logs that all call themselves by one seed, or that print one score, are one run told several times.
    """
    if _claimed_seeds(facts) > 1:
        return True
    values = [line.val_bpb for line in claimed_lines(facts.claim, facts.distinct).values()]
    if all(seed_of_name(run.path) is not None for run in facts.claim_runs) or len(set(values)) < 2:
        return False
    if facts.claim.how in (How.MEAN, How.SUBSET_MEAN):
        return True
    mean = fmean(values)
    for line in (facts.readme or "").split("\n"):
        for number in _SCORE.findall(line) if _MEAN.search(line) else ():
            if abs(float(number) - mean) <= 0.6 * 10.0 ** -decimals(number):
                return True
    return False


def _near_copies(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Two logs of different seeds that agree to the last digit where only the seed could make them agree."""
    seeded = [run for run in facts.distinct if _claimed_seed(run) is not None]
    if len({_claimed_seed(run) for run in seeded}) < 2:
        return
    measured = {run.path: _measured_lines(run, facts.log_texts[run.path]) for run in seeded}
    losses = {run.path: _late_losses(run) for run in seeded}
    for left, right in itertools.combinations(seeded, 2):
        seeds = [_claimed_seed(run) for run in (left, right)]
        if seeds[0] == seeds[1]:
            continue
        shared_steps = losses[left.path].keys() & losses[right.path].keys()
        common = len(shared_steps)
        equal = sum(losses[left.path][step] == losses[right.path][step] for step in shared_steps)
        lines = min(len(measured[left.path]), len(measured[right.path]))
        shared = len(measured[left.path] & measured[right.path])
        if common >= MIN_COMMON_STEPS and equal > NEAR_COPY_SHARE * common:
            told = f"{equal} of {common} training losses after step 3"
        elif lines >= MIN_MEASURED_LINES and shared > NEAR_COPY_LINES * lines:
            told = f"{shared} of {lines} printed measurements"
        else:
            continue
        yield finding(
            "near_duplicate_logs",
            f"{left.path}, {right.path}",
            f"seeds {seeds[0]} and {seeds[1]}: {told} are equal to the last digit",
        )


def _measured_lines(run: Run, text: str) -> frozenset[str]:
    """Lines after training began that print a score: bits per byte, or several numbers of four decimals."""
    if not run.steps:
        return frozenset()
    found = set()
    for line in text.split("\n")[run.steps[0].line : run.last_line]:
        exact = len(_EXACT.findall(line)) if len(line) <= MAX_LINE_CHARACTERS else 0
        if exact > 1 or (exact and "bpb" in line.lower()):
            found.add(line.strip())
    return frozenset(found)


def _claimed_seed(run: Run) -> int | None:
    """The seed a log stands for: that of its name, else the printed one."""
    named = seed_of_name(run.path)
    return named if named is not None else (run.seed.value if run.seed is not None else None)


def _late_losses(run: Run) -> dict[int, str]:
    """Step → training loss as printed, after the first steps."""
    return {step.step: step.train_loss for step in run.steps if step.train_loss is not None and step.step > 3}


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
