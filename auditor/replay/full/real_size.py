"""The recorder at the run's own size, on a slice of the split: model, windows and chunks as claimed, short training.

What the toy replay shows may hang on its sizes. Here the script runs on real tokens with all sizes of the claimed run;
only its training is a few short steps, since no order hangs on their number. The claimed result is followed back to
the scores it was made from, and a later part of the tokens is exchanged. How far equal runs differ is measured first:
a score that moves by no more shows nothing. Stand-ins take the GPUs' place, whatever machine it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.replay.full.data_set import HEADER_BYTES
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.inside.positions import LENGTHS, repeated, without
from auditor.replay.probes.experiment import difference
from auditor.replay.probes.flip_comparison import TOLERANCE, Flip, compare_rest
from auditor.replay.probes.flip_sites import the_rest
from auditor.replay.probes.reconciliation import misprinted
from auditor.replay.probes.runner import Bench, Laboratory, Observed
from auditor.replay.replay import ReplayOptions, open_laboratory
from auditor.replay.toy.sizes import ToySizes
from auditor.replay.toy.target import ReplayTarget, prepare
from auditor.replay.toy.world import FIRST_ORDINARY, World, WorldSize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from auditor.reading.reading import Reading
    from auditor.submission.model import Submission

SLICE: Final = 32_768
TRAINING: Final = 2_000_000
"""Tokens of the split, and of the first training shard, that are laid out."""

SHARES: Final = (0.35, 0.6)
"""Part of the scores before the exchanged tokens, in the first comparison and in the one that must agree with it."""

NOISE: Final = 4.0
"""How many times further than between two equal runs a score must move: two runs are a small sample of the noise."""

VISIBLE: Final = 0.05
"""Nats: where a score must move further than this to show anything, nothing is shown. The challenge's margin, which is
of the mean, is a tenth of it."""

REPEATED: Final = 0.02
"""Share of the stretches of a slice that may occur twice in it; what lies between others is followed from them."""

_WINDOW: Final = re.compile(r"\w*SEQ_LEN|SEQ_LENGTH|\w*BLOCK_SIZE|\w*CONTEXT_LEN\w*")
WINDOW: Final = 1024
"""Of the baseline, where no setting names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealSize:
    """What the recorder saw at the run's own size.

    Attributes:
        tokens: of the slice.
        anchor: tokens by which a position was told.
        scored: different tokens behind the claimed number.
        mean: of their scores, in nats; NaN if the number was not followed.
        claimed: the line that prints it.
        repeated: largest difference between two equal runs, in nats; NaN if it was not measured.
        flips: with a later part of the tokens exchanged, one a share.
        misprint: what its scores do not give, or "".
        why_not: why there is nothing to show, or "".
        seconds: of all its runs.
    """

    tokens: int
    anchor: int
    scored: int = 0
    mean: float = math.nan
    claimed: str = ""
    repeated: float = math.nan
    flips: tuple[Flip, ...] = ()
    misprint: str = ""
    why_not: str = ""
    seconds: float = 0.0

    @property
    def tolerance(self) -> float:
        """How far a score must move to show something, in nats."""
        return max(TOLERANCE, NOISE * self.repeated)

    def moved(self, flip: Flip) -> int:
        """Scores that moved further than equal runs differ."""
        return sum(moved.by > self.tolerance for moved in flip.moved)


def real_bench(folder: Path, vocabulary: int, tokens: int = SLICE) -> Bench:
    """A world of the first tokens of a data set.

    Args:
        folder: of its shards, which have been checked.
        vocabulary: of the claimed run.

    Raises:
        ValueError: no length tells most positions apart.
    """
    import numpy as np

    val = [path for path in sorted(folder.glob("*_val_*.bin")) if "bytes" not in path.name]
    split = _first(val[0], tokens)
    anchor = anchor_of(split)
    # What both hold would be taken for validation tokens; no order hangs on which tokens a model was trained on.
    training = without(_first(sorted(folder.glob("*_train_*.bin"))[0], TRAINING), split, anchor)
    seed = int(np.bitwise_xor.reduce(split * np.arange(1, len(split) + 1)))
    world = World(
        size=WorldSize(
            vocabulary=max(vocabulary, int(split.max()) + 1),
            validation=len(split),
            training=len(training),
            shards=1,
        ),
        seed=seed,
        validation=split,
        training=(training,),
    )
    return Bench(sizes=ToySizes(vocabulary=vocabulary), world=world, anchor=anchor)


def anchor_of(split: NDArray[np.int64]) -> int:
    """The smallest number of tokens that tells positions of a split apart.

    Raises:
        ValueError: none does.
    """
    for length in LENGTHS:
        if repeated(split, length) <= REPEATED:
            return length
    raise ValueError("the split repeats itself, so that its tokens do not tell their positions")


def _first(path: Path, count: int) -> NDArray[np.int64]:
    import numpy as np

    return np.fromfile(path, dtype="<u2", offset=HEADER_BYTES, count=count).astype(np.int64)


def longest_window(settings: Mapping[str, str | None]) -> int:
    """Tokens before its own that a score may depend on through the model's input."""
    found = [int(v) for name, v in settings.items() if _WINDOW.fullmatch(name) and v and v.isdecimal()]
    return max(found, default=WINDOW)


def at_real_size(
    submission: Submission,
    reading: Reading,
    data: Path,
    vocabulary: int | None,
    options: ReplayOptions,
    tokens: int,
) -> RealSize:
    """Run a submission on the first `tokens` tokens of the split in a folder of shards.

    Raises:
        AuditorError: no sandbox works here.
    """
    target = replace(prepare(submission, reading.program, reading.settings), whole=True)
    size = target.settings.get("VOCAB_SIZE") or target.reads.get("VOCAB_SIZE") or ""
    try:
        bench = real_bench(data, int(size) if size.isdecimal() else vocabulary or 0, tokens)
    except ValueError as error:
        return RealSize(tokens=tokens, anchor=0, why_not=str(error))
    with open_laboratory(reading, target, options) as laboratory:
        return run_real_size(laboratory, bench, target)


def run_real_size(laboratory: Laboratory, bench: Bench, target: ReplayTarget) -> RealSize:
    """Run on a slice, once more alike, and with later tokens exchanged."""
    window = longest_window({**target.reads, **target.settings})
    base = laboratory.observe(bench)
    found = _of(base, bench)
    if found.why_not:
        return found
    again = laboratory.observe(bench, repeat=1)
    found = replace(
        found, repeated=difference(base.scores, again.scores), seconds=found.seconds + again.run.seconds
    )
    for share in SHARES:
        flip, seconds = _exchanged(laboratory, bench, base, share, window)
        found = replace(
            found,
            flips=(*found.flips, *([flip] if flip is not None else [])),
            seconds=found.seconds + seconds,
        )
        if flip is None or not found.moved(flip):
            break
    return found


def _of(base: Observed, bench: Bench) -> RealSize:
    import numpy as np

    empty = RealSize(tokens=len(bench.world.validation), anchor=bench.anchor, seconds=base.run.seconds)
    if not base.run.ran:
        return replace(empty, why_not=f"it did not run: {base.run.why_not}")
    if base.claimed is None or not base.scores:
        return replace(
            empty, why_not="the claimed number could not be followed back to scores of validation tokens"
        )
    position = np.concatenate([scores.position for scores in base.scores])
    value = np.concatenate([scores.value for scores in base.scores])
    wrong = misprinted(base)
    return replace(
        empty,
        scored=len(np.unique(position[position >= 0])),
        mean=float(value.mean()),
        claimed=base.claimed.text.strip(),
        misprint=wrong.why if wrong is not None else "",
    )


def _exchanged(
    laboratory: Laboratory, bench: Bench, base: Observed, share: float, window: int
) -> tuple[Flip | None, float]:
    rest = the_rest(base.scores[0], share=share)
    if rest is None:
        return None, 0.0
    positions, first = rest
    ordinary = positions[bench.world.validation[positions] >= FIRST_ORDINARY]
    other = laboratory.observe(replace(bench, world=bench.world.exchanged(ordinary, int(100 * share))))
    if not other.run.ran or not other.scores:
        return None, other.run.seconds
    return compare_rest(base.scores[0], other.scores[0], ordinary, first, window=window), other.run.seconds


def real_size_findings(found: RealSize) -> Iterator[FullFinding]:
    """What it amounts to: a leak that shows twice is a violation; what was not shown is for a person."""
    if found.why_not:
        yield FullFinding(
            kind="real-size-not-shown",
            weight=Weight.REVIEW,
            message=f"at its own size, on {found.tokens:,} tokens: {found.why_not}",
        )
        return
    if found.misprint:
        yield FullFinding(
            kind="real-size-misprint", weight=Weight.REVIEW, message=f"at its own size: {found.misprint}"
        )
    if found.scored < found.tokens - 1:
        yield FullFinding(
            kind="real-size-coverage",
            weight=Weight.REVIEW,
            message=f"at its own size {found.scored:,} of {found.tokens - 1:,} tokens stand behind the claimed number",
        )
    leaks = [flip for flip in found.flips if found.moved(flip)]
    if leaks:
        worst = max(leaks[0].moved, key=lambda moved: moved.by)
        yield FullFinding(
            kind="real-size-order",
            weight=Weight.VIOLATION if len(leaks) > 1 else Weight.REVIEW,
            message=f"at its own size, with {leaks[0].exchanged:,} tokens exchanged that are scored later, "
            f"{found.moved(leaks[0]):,} of {leaks[0].earlier:,} earlier scores move, that of token {worst.position:,} "
            f"by {worst.by:.2g} nats; equal runs differ by {found.repeated:.2g}",
        )
        return
    if not found.flips or not found.tolerance <= VISIBLE:
        why = (
            "nothing was scored before tokens that could be exchanged"
            if not found.flips
            else f"equal runs differ by {found.repeated:.2g} nats a token, in which a leak would not be seen"
        )
        yield FullFinding(kind="real-size-not-shown", weight=Weight.REVIEW, message=f"at its own size {why}")
        return
    yield FullFinding(
        kind="real-size-shown",
        weight=Weight.NOTE,
        message=f"at its own size, on {found.tokens:,} tokens, the claimed number is the mean of {found.scored:,} "
        f"recorded scores ({found.mean:.6f} nats); with later tokens exchanged none of {found.flips[0].earlier:,} "
        f"earlier scores moves by more than {found.tolerance:.2g} nats",
    )
