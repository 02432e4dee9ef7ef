"""Do the claims hold: headline, per-seed values, losses, bytes, spread, against the logs and each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean, pstdev, stdev

from auditor.records.byte_checks import MIXTURE
from auditor.records.claim import How, claimed_lines, whole_sections
from auditor.records.facts import FolderFacts, seed_of_name
from auditor.records.findings import RecordFinding, finding
from auditor.records.log_model import MetricKind, MetricLine, Run
from auditor.records.size_checks import final_model, final_total, shipped_bytes
from auditor.records.submission_json import ClaimedNumber, SeedClaim, SubmissionJson

LOWEST_PLAUSIBLE_BPB = 0.6
"""Shannon (1951) puts printed English between 0.6 and 1.3 bits per character; a 16 MB model stays above."""
HIGHEST_PLAUSIBLE_BPB = 8.0
"""A byte has 8 bits."""
SIZE_SLACK_BYTES = 1_024
"""Sizes quoted from another build of the same script differ by a few hundred bytes."""
INCOHERENT = 2.5e-4
"""Relative: the same label on the same split divides by the same bytes; rounding stays below."""


def check_claims(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield claims that the logs or the file's own numbers contradict."""
    yield from _headline(facts)
    submission = facts.submission
    if submission is not None and submission.data:
        yield from _mean(facts, submission)
        yield from _seed_values(facts, submission)
        yield from _loss(facts, submission)
        yield from _bytes(facts, submission)
        yield from _spread(facts, submission)
    yield from _world_sizes(facts)
    yield from _coherence(facts)


def _headline(facts: FolderFacts) -> Iterator[RecordFinding]:
    claim = facts.claim
    if claim.value is None:
        return
    where = facts.submission.path if facts.submission is not None else "."
    if not LOWEST_PLAUSIBLE_BPB <= claim.value <= HIGHEST_PLAUSIBLE_BPB:
        yield finding(
            "implausible_claim",
            where,
            f"{claim.key_path} = {claim.text}: text costs between {LOWEST_PLAUSIBLE_BPB} and "
            f"{HIGHEST_PLAUSIBLE_BPB} bits per byte",
        )
    if claim.in_val_loss:
        yield finding(
            "unit_error",
            where,
            f"{claim.key_path} = {claim.text} is the bits per byte of the logs, not a loss",
        )
    if claim.how is How.NOT_FOUND and any(run.metrics for run in facts.runs):
        shown = (
            f"the logs end with {claim.lines[0].val_bpb}" if claim.lines else "the logs print no final metric"
        )
        yield finding(
            "claim_not_in_logs",
            where,
            f"{claim.key_path} = {claim.text} is no value or mean of the logs; {shown}",
        )
    if claim.how is How.ONE_OF_LOGS:
        values = sorted(line.val_bpb for line in claimed_lines(claim, facts.distinct).values())
        best = "the best" if claim.lines[0].val_bpb <= values[0] else "one"
        yield finding(
            "claim_is_single_seed",
            where,
            f"{claim.text} is {best} of {len(values)} logs ({claim.lines[0].path}); their mean is "
            f"{fmean(values):.6f}",
        )


def _close(value: float, claimed: ClaimedNumber) -> bool:
    # Logs print at most eight decimals; a claim with all digits of a float is held to those.
    return abs(value - claimed.value) <= 10.0 ** -min(claimed.decimals, 8) + 1e-12


def _mean(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    """The headline against the mean of the file's own per-seed values."""
    headline = submission.headline()
    values = [claim.val_bpb.value for claim in submission.seeds() if claim.val_bpb is not None]
    if (
        headline is None
        or len(values) < 2
        or any(_close(value, headline) for value in (*values, fmean(values)))
    ):
        return
    if facts.claim.how in (How.MEAN, How.SINGLE_LOG, How.SUBSET_MEAN):
        return
    yield finding(
        "mean_mismatch",
        submission.path,
        f"{headline.key_path} = {headline.text}, but the mean of its {len(values)} seeds is "
        f"{fmean(values):.6f}",
    )


def _runs_of_seed(facts: FolderFacts, seed: int | None) -> list[Run]:
    """The logs of a seed: by file name, else by the printed seed."""
    if seed is None:
        return []
    named = [run for run in facts.distinct if seed_of_name(run.path) == seed]
    return named or [run for run in facts.distinct if run.seed is not None and run.seed.value == seed]


def _seed_values(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    for claim in submission.seeds():
        runs = [run for run in _runs_of_seed(facts, claim.seed) if run.metrics]
        if not runs:
            continue
        sections = [section for run in facts.distinct for section in whole_sections(run)]
        same_seed = [s for s in sections if s.seed is not None and s.seed.value == claim.seed]
        printed = [line for run in (*runs, *same_seed) for line in run.metrics]
        if claim.val_bpb is not None and not any(_close(line.val_bpb, claim.val_bpb) for line in printed):
            last = [_final(run) for run in runs]
            yield finding(
                "seed_bpb_mismatch",
                submission.path,
                f"{claim.val_bpb.key_path} = {claim.val_bpb.text} is nowhere in {runs[0].path}, "
                f"which ends with {last[0].val_bpb}",
            )
        yield from _seed_bytes(claim, runs, submission, facts)


def _final(run: Run) -> MetricLine:
    finals = [line for line in run.metrics if line.kind is MetricKind.FINAL]
    return (finals or list(run.metrics))[-1]


def _seed_bytes(
    claim: SeedClaim, runs: Sequence[Run], submission: SubmissionJson, facts: FolderFacts
) -> Iterator[RecordFinding]:
    claimed = claim.artifact_bytes
    if claimed is None or claimed.value < 1_000_000:
        return
    known = [size for run in runs for size in _known_totals(run)]
    models = [model.size_bytes for run in runs for model in run.models]
    close = any(abs(size - claimed.value) <= max(SIZE_SLACK_BYTES, _grain(claimed)) for size in known)
    model_alone = int(claimed.value) in models and int(claimed.value) not in known
    if not known or (close and not model_alone):
        return
    shipped = [size for run in runs if (size := shipped_bytes(run, facts)) is not None]
    if not model_alone and any(abs(size - claimed.value) <= SIZE_SLACK_BYTES for size in shipped):
        return  # the log counted another text of the script than the one in the folder
    closest = min(known, key=lambda size: abs(size - claimed.value))
    reason = "the model alone, code not counted" if model_alone else "no total of its log"
    yield finding(
        "seed_bytes_mismatch",
        submission.path,
        f"{claimed.key_path} = {int(claimed.value):,} is {reason}; the log says {closest:,}",
    )


def _known_totals(run: Run) -> list[int]:
    total = final_total(run)
    sums = [model.size_bytes + code.size_bytes for model in run.models for code in run.codes]
    return ([total.size_bytes] if total is not None else []) + sums


def _grain(claimed: ClaimedNumber) -> float:
    """What a round number leaves open: 15,900,000 is given to the nearest hundred thousand."""
    zeros = len(claimed.text) - len(claimed.text.rstrip("0"))
    return 0.5 * 10.0**zeros if zeros >= 3 else 0.5


def _loss(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    loss = submission.number("val_loss", "mean_val_loss", "val_loss_mean")
    claim = facts.claim
    if loss is None or claim.in_val_loss or not claim.lines or claim.how in (How.NOT_FOUND, How.ASSUMED_LAST):
        return
    bpbs = [line.val_bpb for line in claim.lines]
    if loss.decimals >= 3 and (
        _close(fmean(bpbs), loss) or (claim.value is not None and loss.value == claim.value)
    ):
        yield finding(
            "unit_error",
            submission.path,
            f"{loss.key_path} = {loss.text} repeats the bits per byte, not the loss",
        )
        return
    losses = [line.val_loss for line in claim.lines if line.val_loss is not None]
    if not losses or any(_close(value, loss) for value in (*losses, fmean(losses))):
        return
    every = [line.val_loss for run in facts.claim_runs for line in run.metrics if line.val_loss is not None]
    if any(_close(value, loss) for value in every) and len(losses) > 1:
        return
    yield finding(
        "val_loss_mismatch",
        submission.path,
        f"{loss.key_path} = {loss.text}, the claimed lines have {fmean(losses):.6f}",
    )


def _bytes(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    claimed = submission.artifact_bytes()
    if claimed is None or claimed.value < 100_000:
        return
    runs = [run for run in facts.distinct if run.metrics]
    known = [size for run in runs for size in _known_totals(run)]
    if not known:
        return
    totals = [t.size_bytes for run in runs if (t := final_total(run)) is not None]
    known += [round(fmean(totals))] if totals else []
    known += [m.size_bytes + facts.shipped_code_bytes for run in runs if (m := final_model(run)) is not None]
    if any(abs(size - claimed.value) <= max(SIZE_SLACK_BYTES, _grain(claimed)) for size in known):
        return
    shown = ", ".join(f"{size:,}" for size in totals[:4]) or f"{known[0]:,}"
    yield finding(
        "bytes_mismatch",
        submission.path,
        f"{claimed.key_path} = {int(claimed.value):,}, the logs say {shown}",
    )


def _spread(facts: FolderFacts, submission: SubmissionJson) -> Iterator[RecordFinding]:
    claimed = submission.number(
        "val_bpb_std", "std_val_bpb", "val_bpb_stdev", "std_bpb", "bpb_std", "val_bpb_sd"
    )
    if claimed is None or claimed.value <= 0.0:
        return
    by_seed = [claim.val_bpb.value for claim in submission.seeds() if claim.val_bpb is not None]
    values = [line.val_bpb for line in facts.claim.lines] if facts.claim.how is How.MEAN else by_seed
    if len(values) < 2:
        return
    if _close(pstdev(values), claimed) and not _close(stdev(values), claimed):
        yield finding(
            "std_is_population",
            submission.path,
            f"{claimed.key_path} = {claimed.text} divides by n; the sample deviation is {stdev(values):.8f}",
        )


def _world_sizes(facts: FolderFacts) -> Iterator[RecordFinding]:
    if not facts.is_record:
        return
    for run in facts.distinct:
        if run.world_size is not None and run.world_size.value != 8 and run.metrics:
            yield finding(
                "world_size",
                f"{run.path}:{run.world_size.line}",
                f"world_size {run.world_size.value}: the limits are for 8×H100",
            )


def _coherence(facts: FolderFacts) -> Iterator[RecordFinding]:
    """The same label on the same split must divide by the same bytes in every log."""
    seen: dict[tuple[str, int], tuple[float, MetricLine]] = {}
    told: set[str] = set()
    for run in facts.distinct:
        if run.val_tokens is None:
            continue
        for line in run.metrics:
            exact = line.val_loss is not None and min(line.bpb_decimals, line.loss_decimals) >= 6
            if not exact or line.val_loss is None or line.val_loss <= 0.0:
                continue
            # The loss beside a mixture's score is the model's own and not what was scored.
            if line.kind not in (MetricKind.FINAL, MetricKind.DIAGNOSTIC) or MIXTURE.search(line.label):
                continue
            ratio = line.val_bpb * math.log(2.0) / line.val_loss
            first, other = seen.setdefault((line.label, run.val_tokens.value), (ratio, line))
            if abs(ratio / first - 1.0) > INCOHERENT and line.label not in told and other.path != line.path:
                told.add(line.label)
                yield finding(
                    "loss_bpb_incoherent",
                    f"{line.path}:{line.line}",
                    f"{line.label}: loss and bpb give {ratio:.6f} tokens per byte here and {first:.6f} in "
                    f"{other.path}:{other.line}; one split has one ratio",
                )
