"""What a replay saw that proves no offence, and that no green verdict may stand beside.

A condition that is unverified because a run could not be made says nothing of the submission. One that is
unverified because a score moved in one world, a step learnt from a token before its score, the hooks were
exchanged or half of the split has no score does: a person has to look.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.outcome import Suspicion
from auditor.replay.probes.reconciliation import SCORE, misprinted, shown_otherwise

if TYPE_CHECKING:
    from auditor.replay.probes.experiment import Evidence
    from auditor.replay.probes.trust import Circumstances

MIN_COVERAGE: Final = 0.9
"""Share of the split whose scores must be known for a pass."""

MIN_SEEN: Final = 0.5
"""Share of the split whose losses the recorder must have seen for a number to be held against them."""

ORDER: Final = "train-before-score"
CODE: Final = "opaque-code"
TRAINING: Final = "val-in-training"
COVERAGE: Final = "validation-coverage"
CHOICE: Final = "hindsight-selection"


def suspicions_of(evidence: Evidence, circumstances: Circumstances) -> tuple[Suspicion, ...]:
    """Everything suspicious, the gravest first; each kind once."""
    return tuple({s.kind: s for s in reversed(list(_found(evidence, circumstances)))}.values())[::-1]


def _found(evidence: Evidence, circumstances: Circumstances) -> Iterator[Suspicion]:
    for why in circumstances.tampered:
        yield Suspicion(kind="tampering", rule=CODE, why=why)
    for why in circumstances.faulty:
        yield Suspicion(kind="observer", rule=CODE, why=why)
    if not evidence.base.run.ran:
        return
    yield from circumstances.dodged
    if evidence.agreement and shown_otherwise(evidence.base) is None:
        yield Suspicion(kind="hooks", rule=CODE, why=evidence.agreement)
    yield from _order(evidence)
    yield from _artifact(evidence)
    yield from _number(evidence)


def _order(evidence: Evidence) -> Iterator[Suspicion]:
    leak = evidence.leak
    if leak is not None and evidence.reproduced is None and evidence.repeated == 0.0:
        moved = len(leak.flip.moved)
        what = f"{moved} earlier scores" if moved else "the distribution that it is scored with"
        why = (
            f"with token {leak.flip.position} exchanged {what} moved, while two equal runs score alike to the "
            "last bit; a second world did not show it"
        )
        yield Suspicion(kind="leak", rule=ORDER, why=why)
    wide = evidence.wide
    if wide is not None and wide.moved and evidence.reproduced is None:
        first = next(flip for _, flip in wide.flips if flip.moved)
        why = (
            f"with {wide.ranks} processes, {wide.base.bench.world.size.vocabulary} pieces and longer documents "
            f"{wide.moved} scores made before the {first.exchanged} exchanged tokens moved (token "
            f"{first.moved[0].position} by {first.moved[0].by:.2g} nats)"
        )
        yield Suspicion(kind="leak", rule=ORDER, why=why)
    if evidence.trained_first:
        why = (
            f"{evidence.trained_first:.1%} of the scores were made after a gradient had flowed through the loss of "
            "their own token"
        )
        yield Suspicion(kind="learnt first", rule=ORDER, why=why)


def _artifact(evidence: Evidence) -> Iterator[Suspicion]:
    """The file that is read back first, before anything is scored, holds something of validation tokens."""
    restored = next(evidence.base.run.ranks[0].of_kind("restore"), None)
    if restored is None:
        return
    name = posixpath.basename(str(restored["path"]))
    if name in map(posixpath.basename, evidence.artifact_moved):
        why = f"{name}, which the evaluation reads back, changes when validation tokens are exchanged"
        yield Suspicion(kind="artifact", rule=TRAINING, why=why)


def _number(evidence: Evidence) -> Iterator[Suspicion]:
    """The claimed number is not what its scores and the bytes of their tokens give."""
    base = evidence.base
    if base.claimed is None:
        return
    if not base.scores:
        if losses_seen(evidence) >= MIN_SEEN:
            why = (
                f"the claimed number ({base.claimed.text.strip()[:80]}) is none that the losses of the validation "
                "tokens give"
            )
            yield Suspicion(kind="number", rule=SCORE, why=why)
        return
    wrong = misprinted(base)
    for found in (wrong, shown_otherwise(base)):
        if found is not None:
            yield found
    yield from [*evidence.misprints, *(evidence.wide.misprints if evidence.wide is not None else ())][:1]
    yield from _values(evidence, printed_right=wrong is None)
    share = coverage(evidence)
    if share < MIN_COVERAGE:
        why = f"only {share:.0%} of the validation tokens have a known score behind the claimed number"
        yield Suspicion(kind="coverage", rule=COVERAGE, why=why)


def _values(evidence: Evidence, *, printed_right: bool) -> Iterator[Suspicion]:
    """What depends on the value of a loss and may not."""
    dyed = evidence.dyed
    if dyed is None:
        return
    if not dyed.followed or dyed.lost:
        gone = (
            f"{dyed.lost} tokens drop out of the number"
            if dyed.followed
            else "the number is no longer theirs"
        )
        why = f"with {dyed.tokens} losses given other values, gradients unchanged, {gone}"
        yield Suspicion(kind="value", rule=SCORE, why=why)
        return
    if dyed.altered:
        why = (
            f"with {dyed.tokens} losses given other values, gradients unchanged, {dyed.altered} of them count with "
            "another value than theirs"
        )
        yield Suspicion(kind="value", rule=SCORE, why=why)
    found = misprinted(dyed.observed)
    if found is not None and printed_right:
        why = f"with {dyed.tokens} losses given other values, gradients unchanged, {found.why}"
        yield Suspicion(kind="value", rule=SCORE, why=why)
    if dyed.moved:
        why = (
            f"with the losses of {dyed.tokens} later tokens given other values, gradients unchanged, {dyed.moved} of "
            f"{dyed.tested} tokens are scored from another distribution (token {dyed.example}): it is chosen by losses"
        )
        yield Suspicion(kind="choice", rule=CHOICE, why=why)
    elif dyed.chosen:
        why = f"{dyed.chosen} tokens count from another one of their scores when the losses have other values"
        yield Suspicion(kind="choice", rule=CHOICE, why=why)


def coverage(evidence: Evidence) -> float:
    """Share of the split's targets whose score is known to be behind the claimed number."""
    return _share(evidence, [scores.position for scores in evidence.scores])


def losses_seen(evidence: Evidence) -> float:
    """Share of the split's targets whose loss was seen being made, whatever became of it."""
    return _share(evidence, [made.position for record in evidence.base.run.ranks for made in record.losses])


def _share(evidence: Evidence, positions: Sequence[object]) -> float:
    import numpy as np

    if not positions:
        return 0.0
    found = np.concatenate([np.asarray(part, dtype=np.int64) for part in positions])
    targets = len(evidence.base.bench.world.validation) - 1
    return len(np.unique(found[found >= 0])) / max(targets, 1)
