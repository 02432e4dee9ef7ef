"""Find the claimed number in the logs: which printed label reproduces the `submission.json`.

A folder claims one score; its logs print many. The headline is the label whose value (a mean over runs, one
log, or some of the logs) gives the claimed number. Labels lie, so no label is preferred by its words before
its value fits. Without a claim the last final metric is taken and marked assumed. Whether the claim is honest
is judged in `claim_checks`.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from auditor.records.log_model import MetricKind, MetricLine, Run
from auditor.records.submission_json import ClaimedNumber, SubmissionJson

MAX_SUBSET_RUNS = 8
"""Subset means are tried over at most this many runs: 2^8 sums a label."""


class How(enum.Enum):
    """How the logs give the claimed number."""

    MEAN = "mean"
    SINGLE_LOG = "single_log"
    ONE_OF_LOGS = "one_of_logs"
    SUBSET_MEAN = "subset_mean"
    NOT_FOUND = "not_found"
    ASSUMED_LAST = "assumed_last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The claimed score and where the logs print it.

    Attributes:
        value, text, key_path: as `submission.json` has it; None, "" and "" where nothing is claimed.
        label: of the headline metric, "" where no log line was found.
        lines: one log line for each run that makes up the value, with path, line number and raw text.
        also: other labels that give the same number (a rounded twin of an exact line).
        how: by which route the lines give the value.
        in_val_loss: the bits per byte stand under `val_loss`.
    """

    value: float | None
    text: str
    key_path: str
    label: str
    lines: tuple[MetricLine, ...]
    how: How
    also: tuple[str, ...] = ()
    in_val_loss: bool = False

    @property
    def assumed(self) -> bool:
        return self.how is How.ASSUMED_LAST


def distinct_runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Drop copies of a log: the first by path stays, a name that gives a seed before one that does not."""
    kept: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: (_seed_in_name(run.path) is None, run.path)):
        kept.setdefault(run.digest, run)
    return tuple(sorted(kept.values(), key=lambda run: run.path))


def _seed_in_name(path: str) -> int | None:
    found = re.search(r"(?:seed|_s)[_-]?(\d{1,7})(?!\d)", path.rsplit("/", 1)[-1], re.IGNORECASE)
    return int(found.group(1)) if found else None


def find_claim(submission: SubmissionJson | None, runs: Sequence[Run]) -> Claim:
    """Find the claimed score and the log lines that reproduce it.

    Args:
        submission: the read file, None where the folder has none.
        runs: of all logs; copies are counted once, smoke runs only when there is nothing else.
    """
    usable = [run for run in distinct_runs(runs) if run.metrics]
    real = [run for run in usable if not run.smoke] or usable
    claimed, in_val_loss = _claimed_number(submission, real)
    if claimed is None:
        return _assumed(real)
    sections = [section for run in real for section in whole_sections(run)]
    tried = [real] if len(sections) == len(real) else [real, sections]
    for several, tolerance, kinds in itertools.product(
        tried, _tolerances(claimed), (_HEADLINE_KINDS, frozenset(MetricKind))
    ):
        found = _search(claimed, _by_label(several, kinds), tolerance)
        if found is not None:
            how, label, lines, also = found
            return Claim(
                value=claimed.value,
                text=claimed.text,
                key_path=claimed.key_path,
                label=label,
                lines=lines,
                how=how,
                also=also,
                in_val_loss=in_val_loss,
            )
    last = _assumed(real)
    return Claim(
        value=claimed.value,
        text=claimed.text,
        key_path=claimed.key_path,
        label=last.label,
        lines=last.lines,
        how=How.NOT_FOUND,
        in_val_loss=in_val_loss,
    )


def whole_sections(run: Run) -> tuple[Run, ...]:
    """The runs that a log holds one behind the other: those before the last that came to a result of their own."""
    ended = (section for section in run.earlier if section.final_metrics and not section.smoke)
    return (*ended, run)


_HEADLINE_KINDS = frozenset({MetricKind.FINAL, MetricKind.DIAGNOSTIC})


def _claimed_number(
    submission: SubmissionJson | None, runs: Sequence[Run]
) -> tuple[ClaimedNumber | None, bool]:
    """The headline, or a `val_loss` that is no loss of these logs but a bits-per-byte value of them."""
    if submission is None:
        return None, False
    headline = submission.headline()
    if headline is not None:
        return headline, False
    loss = submission.number("val_loss", "mean_val_loss", "val_loss_mean")
    if loss is None or loss.decimals == 0:
        return None, False
    tolerance = 10.0**-loss.decimals
    values = [line.val_bpb for run in runs for line in run.metrics]
    losses = [line.val_loss for run in runs for line in run.metrics if line.val_loss is not None]
    per_label = [fmean(lines_value) for lines_value in _label_values(runs)]
    is_bpb = any(abs(value - loss.value) <= tolerance for value in (*values, *per_label))
    is_loss = any(abs(value - loss.value) <= tolerance for value in losses)
    return (loss, True) if is_bpb and not is_loss else (None, False)


def _label_values(runs: Sequence[Run]) -> list[list[float]]:
    return [
        [line.val_bpb for line in found.values()] for found in _by_label(runs, frozenset(MetricKind)).values()
    ]


def _tolerances(claimed: ClaimedNumber) -> tuple[float, ...]:
    """Rounded to the last digit with a little room, then truncated, then to what logs print at most.

    A claim may be written with all digits of a float, of which the log shows eight.
    """
    unit = 10.0 ** -max(claimed.decimals, 2)
    fine = (0.6e-8, 0.6e-6) if claimed.decimals > 8 else ()
    return 0.6 * unit + 1e-12, 1.0 * unit + 1e-12, *fine


def _by_label(
    runs: Sequence[Run], kinds: frozenset[MetricKind]
) -> dict[tuple[str, str], dict[tuple[str, int], MetricLine]]:
    """(label, key) → log and its section → the last such line of the run, labels in order of their last appearance."""
    found: dict[tuple[str, str], dict[tuple[str, int], MetricLine]] = {}
    for run in runs:
        for line in run.metrics:
            if line.kind in kinds:
                label = (normal_label(line.label), line.key.lower())
                lines = found.pop(label, {})
                lines[run.path, run.first_line] = line
                found[label] = lines
    return found


def normal_label(label: str) -> str:
    """A label without what differs from log to log: seeds, step numbers, spaces."""
    label = re.sub(r"\bseed[ :=_]*\d+:?", "", label, flags=re.IGNORECASE)
    label = re.sub(r"\b(?:tokens|bytes)=\d+", "", label)
    label = re.sub(r"^step:?\s*\d+(?:/\d+)?", "step", label)
    return re.sub(r"\s+", " ", label).strip(" :=-")


_Found = tuple[How, str, tuple[MetricLine, ...], tuple[str, ...]]


def _search(
    claimed: ClaimedNumber,
    labels: Mapping[tuple[str, str], Mapping[tuple[str, int], MetricLine]],
    tolerance: float,
) -> _Found | None:
    """Try the mean over all runs, then one log, then subsets; the fullest, most exact, last label wins."""
    for route in (_mean, _single, _subset):
        fits = []
        for order, ((label, _), lines) in enumerate(labels.items()):
            chosen = route(claimed.value, list(lines.values()), tolerance)
            if chosen is not None:
                how, picked = chosen
                error = abs(fmean(line.val_bpb for line in picked) - claimed.value)
                final = all(line.kind is MetricKind.FINAL for line in picked)
                digits = min(line.bpb_decimals for line in picked)
                fits.append((len(picked), final, digits, -round(error, 12), order, how, label, tuple(picked)))
        if fits:
            best = max(fits, key=lambda fit: fit[:5])
            also = tuple(sorted({fit[6] for fit in fits if fit[6] != best[6]}))
            return best[5], best[6], best[7], also
    return None


def _mean(
    value: float, lines: Sequence[MetricLine], tolerance: float
) -> tuple[How, Sequence[MetricLine]] | None:
    if len(lines) < 2 or abs(fmean(line.val_bpb for line in lines) - value) > tolerance:
        return None
    return How.MEAN, lines


def _single(
    value: float, lines: Sequence[MetricLine], tolerance: float
) -> tuple[How, Sequence[MetricLine]] | None:
    close = [line for line in lines if abs(line.val_bpb - value) <= tolerance]
    if not close:
        return None
    best = min(close, key=lambda line: abs(line.val_bpb - value))
    return (How.SINGLE_LOG if len(lines) == 1 else How.ONE_OF_LOGS), [best]


def _subset(
    value: float, lines: Sequence[MetricLine], tolerance: float
) -> tuple[How, Sequence[MetricLine]] | None:
    if not 3 <= len(lines) <= MAX_SUBSET_RUNS:
        return None
    for size in range(len(lines) - 1, 1, -1):
        for chosen in itertools.combinations(lines, size):
            if abs(fmean(line.val_bpb for line in chosen) - value) <= tolerance:
                return How.SUBSET_MEAN, chosen
    return None


def _assumed(runs: Sequence[Run]) -> Claim:
    """The last final metric line of each run, by the label that the first run ends with."""
    lines: list[MetricLine] = []
    for run in runs:
        candidates = run.final_metrics or tuple(m for m in run.metrics if m.kind is MetricKind.STEP)
        if candidates:
            lines.append(_most_exact_last(candidates))
    label = lines[0].label if lines else ""
    return Claim(value=None, text="", key_path="", label=label, lines=tuple(lines), how=How.ASSUMED_LAST)


def _most_exact_last(lines: Sequence[MetricLine]) -> MetricLine:
    last = lines[-1]
    same = [line for line in lines[-3:] if abs(line.val_bpb - last.val_bpb) <= 10.0**-last.bpb_decimals]
    return max(same, key=lambda line: (line.bpb_decimals, line.line))


def claimed_lines(claim: Claim, runs: Sequence[Run]) -> dict[str, MetricLine]:
    """Log path → the line with the claimed metric, one a distinct run, in order of paths.

    Runs that call the metric by another name (an older log of the same folder) give their last final metric,
    unless that is a label which the claimed runs print too. A mean over some of the logs gives these alone.
    """
    if claim.how is How.SUBSET_MEAN or not claim.lines:
        return {line.path: line for line in claim.lines}
    first = claim.lines[0]
    label, key = normal_label(first.label), first.key.lower()
    found: dict[str, MetricLine] = {}
    for run in runs:
        own = [m for m in run.metrics if normal_label(m.label) == label and m.key.lower() == key]
        if own:
            found[run.path] = own[-1]
    known = {normal_label(m.label) for run in runs if run.path in found for m in run.metrics}
    if first.kind is MetricKind.FINAL:
        for run in runs:
            last = run.final_metrics[-1] if run.final_metrics and not run.smoke else None
            if last is not None and run.path not in found and normal_label(last.label) not in known:
                found[run.path] = last
    return dict(sorted(found.items()))
