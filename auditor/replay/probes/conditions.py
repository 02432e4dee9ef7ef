"""Judges the four conditions on the probes' evidence. The parent does this; nothing a submission prints decides.

A condition passes only where its probe ran, reached everything that counts, and found nothing. Everything else
that is no proven failure is unverified, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor.replay.probes.counterexample import leak_witness
from auditor.replay.probes.cut import Cut
from auditor.replay.probes.dye import Dyed
from auditor.replay.probes.experiment import Evidence, Leak, leaks
from auditor.replay.probes.normalisation import VOCABULARY, Mass
from auditor.replay.probes.outcome import CONDITIONS, ConditionResult, MassWitness, Outcome, Probe, Suspicion
from auditor.replay.probes.suspicion import MIN_COVERAGE, coverage
from auditor.replay.probes.trust import Circumstances
from auditor.replay.probes.update_history import times_scored
from auditor.replay.probes.wide import Wide

BEARS_ON: Final = {
    "leak": ("C1", "C3", "C4"),
    "number": ("C2",),
    "output": ("C2",),
    "value": ("C2",),
    "choice": ("C1",),
    "artifact": ("C1",),
    "harness named": ("C1", "C2", "C3", "C4"),
    "shifted": ("C1", "C2", "C3", "C4"),
    "not taken": ("C1", "C2", "C3", "C4"),
}
"""Which conditions a suspicion forbids to pass, beside what the probes themselves leave unverified."""

NOISE: Final = 10.0
"""A move counts if it is this many times larger than the difference between two equal runs."""


def judge_conditions(
    evidence: Evidence, circumstances: Circumstances, suspicions: Sequence[Suspicion] = ()
) -> tuple[dict[str, ConditionResult], tuple[Probe, ...]]:
    """The outcome of each condition, and of each probe; no condition passes that a suspicion bears on."""
    probes = _probes(evidence, circumstances)
    stopped = _stopped(evidence, circumstances)
    if stopped:
        return dict.fromkeys(CONDITIONS, ConditionResult(outcome=Outcome.UNVERIFIED, why=stopped)), probes
    doubt = _doubt(evidence, circumstances)
    order = _order(evidence, doubt)
    found = {**order, "C2": _normalised(evidence, doubt)}
    for suspicion in suspicions:
        for name in BEARS_ON.get(suspicion.kind, ()):
            if found[name].outcome is Outcome.PASS:
                found[name] = ConditionResult(outcome=Outcome.UNVERIFIED, why=suspicion.why)
    return found, probes


def _stopped(evidence: Evidence, circumstances: Circumstances) -> str:
    """Why nothing at all can be said, or ""."""
    base = evidence.base
    if not base.run.ran:
        return f"it did not run: {base.run.why_not}"
    if circumstances.refused:
        return circumstances.refused[0]
    if base.claimed is None:
        return "the claimed number was not printed in the replayed run"
    if not base.scores:
        return "the claimed number could not be followed back to scores of validation tokens"
    return evidence.agreement


def _doubt(evidence: Evidence, circumstances: Circumstances) -> str:
    """Why nothing may pass although the runs are sound, or ""."""
    if circumstances.unreached:
        return circumstances.unreached[0]
    share = coverage(evidence)
    if share < MIN_COVERAGE:
        return f"only {share:.0%} of the validation tokens have a known score behind the claimed number"
    if not evidence.flips:
        return evidence.flip_failures[0] if evidence.flip_failures else "no token could be exchanged"
    if not any(flip.own[0] != flip.own[1] for flip in evidence.flips):
        return "exchanging a token does not even change its own score: the replayed scores are not its"
    if not any(flip.earlier for flip in evidence.flips):
        return "nothing was scored before any exchanged token"
    if circumstances.adapts and not _learns(evidence):
        return "the evaluation is meant to learn from tokens, but no later score shows that it did"
    return ""


def _learns(evidence: Evidence) -> bool:
    return any(flip.beyond for flip in evidence.flips)


def _order(evidence: Evidence, doubt: str) -> dict[str, ConditionResult]:
    """C1, C3 and C4: all of them are about what an earlier score may depend on."""
    leak = evidence.leak
    if leak is None:
        if doubt:
            return dict.fromkeys(("C1", "C3", "C4"), ConditionResult(outcome=Outcome.UNVERIFIED, why=doubt))
        flips = [*evidence.flips, *(flip for _, flip in (evidence.wide.flips if evidence.wide else ()))]
        tested, exchanged = sum(flip.earlier for flip in flips), sum(flip.exchanged for flip in flips)
        why = f"{exchanged} tokens exchanged, none of {tested} earlier scores moved"
        passed = ConditionResult(outcome=Outcome.PASS, why=why)
        return {"C1": passed, "C3": _updated_after(evidence, passed), "C4": _scored_once(evidence, passed)}
    unproven = _unproven(evidence, leak)
    if unproven:
        return dict.fromkeys(("C1", "C3", "C4"), ConditionResult(outcome=Outcome.UNVERIFIED, why=unproven))
    return _failures(evidence, evidence.smallest or leak)


def _unproven(evidence: Evidence, leak: Leak) -> str:
    """Why a leak is not believed, or ""."""
    noise = evidence.repeated
    if noise is None or noise == float("inf"):
        return "two equal runs do not score alike, so a moved score proves nothing"
    largest = max([moved.by for moved in leak.flip.moved] + [leak.flip.distribution], default=0.0)
    if noise and largest <= NOISE * noise:
        return f"scores move by {largest:.2g} nats, no more than {NOISE:.0f} times the noise of {noise:.2g}"
    if evidence.reproduced is None:
        return "a score moved in one world, but not in a second one"
    return ""


def _failures(evidence: Evidence, leak: Leak) -> dict[str, ConditionResult]:
    witness = leak_witness(evidence, leak)
    fail = ConditionResult(outcome=Outcome.FAIL, why=str(witness), witness=witness)
    learnt = [step for step in witness.steps if step.text.startswith("step")]
    taken_in = bool(learnt) or witness.score != witness.token
    again = [step for step in witness.steps if "again" in step.text]
    return {
        "C1": fail,
        "C3": fail
        if taken_in
        else ConditionResult(outcome=Outcome.UNVERIFIED, why="no state is known to have taken the token in"),
        "C4": fail
        if again
        else ConditionResult(outcome=Outcome.UNVERIFIED, why="not judged beside a failure of C1"),
    }


def _updated_after(evidence: Evidence, passed: ConditionResult) -> ConditionResult:
    """C3 where no exchanged token moved an earlier score: nor may a gradient have flowed before any score."""
    if not evidence.trained_first:
        return passed
    why = (
        f"{evidence.trained_first:.1%} of the scores were made after a gradient had flowed through the loss of "
        "their own token; no exchanged token shows whether it still counted"
    )
    return ConditionResult(outcome=Outcome.UNVERIFIED, why=why)


def _scored_once(evidence: Evidence, passed: ConditionResult) -> ConditionResult:
    """C4 where causality holds: each token counts once, but for the windows at the end of the split."""
    import numpy as np

    counts = [times_scored(scores) for scores in evidence.scores]
    several = sum(int((c > 1).sum()) for c in counts)
    whole = sum(len(c) for c in counts)
    if several == 0:
        return passed
    window = evidence.base.bench.sizes.length
    last = int(evidence.base.bench.world.validation.size) - 1
    late = 0
    for scores in evidence.scores:
        positions, times = np.unique(scores.position[scores.position >= 0], return_counts=True)
        late += int((positions[times > 1] >= last - 2 * window).sum())
    if late == several:
        why = f"{passed.why}; the last {several} tokens count more than once (windows at the end overlap)"
        return ConditionResult(outcome=Outcome.PASS, why=why)
    why = f"{several} of {whole} tokens are counted more than once"
    return ConditionResult(outcome=Outcome.UNVERIFIED, why=why)


def _normalised(evidence: Evidence, doubt: str) -> ConditionResult:
    """C2: by construction where every score is a cross-entropy, by measurement else."""
    import numpy as np

    mixed = sum(int(scores.mixed.sum()) for scores in evidence.scores)
    whole = sum(len(scores) for scores in evidence.scores)
    if evidence.mass is not None:
        return _measured(evidence.mass, evidence.second_mass, doubt, mixed)
    if mixed:
        why = f"{mixed} of {whole} scores are no plain cross-entropy, and their sum was not measured"
        if evidence.leak is not None:
            why += ": where scores depend on later tokens it proves nothing"
        return ConditionResult(outcome=Outcome.UNVERIFIED, why=why)
    if doubt:
        return ConditionResult(outcome=Outcome.UNVERIFIED, why=doubt)
    known = np.concatenate([_known_distributions(evidence, rank) for rank in range(len(evidence.scores))])
    if not known.all():
        why = "some scores were not made by a cross-entropy over logits, and their sum was not measured"
        return ConditionResult(outcome=Outcome.UNVERIFIED, why=why)
    why = f"all {whole} scores are the cross-entropy of a softmax over the vocabulary, as they were made"
    return ConditionResult(outcome=Outcome.PASS, why=why)


def _known_distributions(evidence: Evidence, rank: int) -> object:
    import numpy as np

    record, scores = evidence.base.run.ranks[rank], evidence.scores[rank]
    return np.array(
        [
            call >= 0 and not np.isnan(record.losses[call].distribution[leaf])
            for call, leaf in zip(scores.call.tolist(), scores.leaf.tolist(), strict=True)
        ],
        dtype=bool,
    )


def _measured(mass: Mass, second: Mass | None, doubt: str, mixed: int) -> ConditionResult:
    if mass.is_off:
        if second is None or not second.is_off:
            return ConditionResult(
                outcome=Outcome.UNVERIFIED,
                why=f"the sum over the vocabulary is {mass.total:.4f} at one place, but not off at a second one",
            )
        witness = MassWitness(
            token=mass.token,
            total=mass.total,
            counted=mass.counted,
            vocabulary=VOCABULARY,
            seeds=(mass.seed, second.seed),
        )
        return ConditionResult(outcome=Outcome.FAIL, why=str(witness), witness=witness)
    if not mass.complete:
        return ConditionResult(
            outcome=Outcome.UNVERIFIED, why=f"the sum over the vocabulary is not complete: {mass.why}"
        )
    if mixed and not mass.mixed:
        why = "at the measured size nothing is mixed into the cross-entropy: its sum says nothing of mixtures"
        return ConditionResult(outcome=Outcome.UNVERIFIED, why=why)
    if doubt:
        return ConditionResult(outcome=Outcome.UNVERIFIED, why=doubt)
    why = f"the probabilities of all {mass.counted} tokens at one place sum to {mass.total:.6f}"
    return ConditionResult(outcome=Outcome.PASS, why=why)


# -- probes


def _probes(evidence: Evidence, circumstances: Circumstances) -> tuple[Probe, ...]:
    """What each probe showed, in the order of their numbers."""
    base = evidence.base
    if not base.run.ran:
        return (
            Probe(
                slug="run",
                title="run it at toy size",
                outcome=Outcome.UNVERIFIED,
                why=base.run.why_not,
                runs=1,
            ),
        )
    out = [_p0(evidence)]
    if evidence.flips or evidence.flip_failures:
        out += [_p1(evidence), _p2(evidence), _p3(evidence)]
    out.append(_p4(evidence))
    if base.scores:
        out.append(_p5(evidence))
    if evidence.mass is not None:
        out.append(_p6(evidence))
    out.append(_p7(evidence, circumstances))
    if evidence.dyed is not None:
        out.append(_p8(evidence.dyed))
    if evidence.cut is not None:
        out.append(_p9(evidence.cut))
    if evidence.wide is not None:
        out.append(_p10(evidence.wide))
    return tuple(out)


def _p0(evidence: Evidence) -> Probe:
    title = "equal runs, with hooks and without, give equal numbers"
    if evidence.plain is None:
        return Probe(
            slug="P0", title=title, outcome=Outcome.UNVERIFIED, why="the claimed number was not followed"
        )
    if evidence.agreement:
        return Probe(slug="P0", title=title, outcome=Outcome.UNVERIFIED, why=evidence.agreement, runs=2)
    why = "all printed digits agree"
    if evidence.repeated is not None:
        why += f"; per token the largest difference is {evidence.repeated:.2g} nats"
    return Probe(slug="P0", title=title, outcome=Outcome.PASS, why=why, runs=2)


def _p1(evidence: Evidence) -> Probe:
    title = "the artifact does not depend on validation tokens"
    if evidence.artifact_moved:
        why = f"{', '.join(evidence.artifact_moved[:3])} changes with validation tokens"
        return Probe(slug="P1", title=title, outcome=Outcome.NOTE, why=why)
    return Probe(slug="P1", title=title, outcome=Outcome.PASS, why="every file that the run left is the same")


def _p2(evidence: Evidence) -> Probe:
    title = "no earlier score depends on a later token"
    if not evidence.flips:
        return Probe(slug="P2", title=title, outcome=Outcome.UNVERIFIED, why=evidence.flip_failures[0])
    shown = [
        f"{flip.place} (token {flip.position}): {len(flip.moved)} of {flip.earlier} moved"
        for flip in evidence.flips
    ]
    moved = any(flip.moved for flip in evidence.flips)
    outcome = (
        Outcome.FAIL
        if moved and evidence.reproduced is not None
        else Outcome.UNVERIFIED
        if moved
        else Outcome.PASS
    )
    return Probe(slug="P2", title=title, outcome=outcome, why="; ".join(shown), runs=len(evidence.flips))


def _p3(evidence: Evidence) -> Probe:
    title = "the distribution at a place does not depend on its token"
    changes = [flip.distribution for flip in evidence.flips if flip.distribution == flip.distribution]
    if not changes:
        return Probe(slug="P3", title=title, outcome=Outcome.UNVERIFIED, why="no distribution was seen")
    bad = [flip for flip in evidence.flips if leaks(flip) and not flip.moved]
    largest = max(changes)
    outcome = (
        Outcome.PASS
        if largest <= 1e-6
        else Outcome.FAIL
        if evidence.reproduced is not None
        else Outcome.UNVERIFIED
    )
    why = f"largest change of its projection {largest:.2g}" + (" with no earlier score moved" if bad else "")
    return Probe(slug="P3", title=title, outcome=outcome, why=why)


def _p4(evidence: Evidence) -> Probe:
    title = "no step learns from a token before its reported score is made"
    steps = sum(len(history.steps) for history in evidence.histories)
    share = evidence.trained_first
    why = f"{steps} steps on validation tokens, {share:.1%} of the scores come after a gradient through their own loss"
    outcome = Outcome.PASS if share == 0 else Outcome.NOTE
    return Probe(slug="P4", title=title, outcome=outcome, why=why)


def _p5(evidence: Evidence) -> Probe:
    import numpy as np

    title = "every token counts once"
    counts = np.concatenate([times_scored(scores) for scores in evidence.scores])
    several = int((counts > 1).sum())
    why = f"{coverage(evidence):.1%} of the split is scored, {several} tokens more than once"
    return Probe(slug="P5", title=title, outcome=Outcome.NOTE if several else Outcome.PASS, why=why)


def _p6(evidence: Evidence) -> Probe:
    title = "the probabilities at one place sum to 1"
    mass = evidence.mass
    assert mass is not None
    off = mass.is_off and evidence.second_mass is not None and evidence.second_mass.is_off
    outcome = (
        Outcome.FAIL if off else Outcome.PASS if mass.complete and not mass.is_off else Outcome.UNVERIFIED
    )
    why = f"{mass.total:.6f} over {mass.counted} tokens" + (f" ({mass.why})" if mass.why else "")
    return Probe(slug="P6", title=title, outcome=outcome, why=why, runs=mass.counted)


def _p7(evidence: Evidence, circumstances: Circumstances) -> Probe:
    title = "what is to be proved was exercised"
    if circumstances.unreached:
        return Probe(
            slug="P7", title=title, outcome=Outcome.UNVERIFIED, why="; ".join(circumstances.unreached[:3])
        )
    beyond = max((flip.beyond for flip in evidence.flips), default=0)
    if circumstances.adapts and evidence.flips and not beyond:
        return Probe(
            slug="P7", title=title, outcome=Outcome.UNVERIFIED, why="no later score shows any learning"
        )
    why = (
        f"{beyond} later scores learnt from an exchanged token"
        if beyond
        else "the evaluation does not learn as it goes"
    )
    return Probe(slug="P7", title=title, outcome=Outcome.PASS, why=why)


def _p8(dyed: Dyed) -> Probe:
    title = "only the reported sum depends on the value of a loss"
    why = (
        f"{dyed.tokens} later losses given other values: {dyed.moved} of {dyed.tested} earlier distributions moved, "
        f"{dyed.chosen} tokens count from another score, {dyed.altered} with another "
        f"value, {dyed.lost} dropped out"
    )
    outcome = Outcome.UNVERIFIED if dyed.differs else Outcome.PASS
    return Probe(slug="P8", title=title, outcome=outcome, why=why, runs=1)


def _p9(cut: Cut) -> Probe:
    title = "what is printed of the earlier part needs nothing of the later part"
    why = (
        f"with the first {cut.tokens} tokens of the split alone {cut.same} scores are the same and {cut.moved} are "
        f"others; what is printed is {'' if cut.printed else 'not '}what they give"
    )
    return Probe(
        slug="P9", title=title, outcome=Outcome.PASS if cut.agrees else Outcome.NOTE, why=why, runs=1
    )


def _p10(wide: Wide) -> Probe:
    several = "several processes, " if wide.ranks > 1 else ""
    title = f"the same holds with {several}a larger vocabulary and longer documents"
    if wide.why_not:
        return Probe(slug="P10", title=title, outcome=Outcome.UNVERIFIED, why=wide.why_not, runs=1)
    tested = sum(flip.earlier for _, flip in wide.flips)
    processes = "one process" if wide.ranks == 1 else f"{wide.ranks} processes"
    why = (
        f"{processes}, {wide.base.bench.world.size.vocabulary} pieces: {wide.moved} of {tested} earlier "
        "scores moved"
    )
    outcome = Outcome.UNVERIFIED if wide.moved else Outcome.PASS
    return Probe(slug="P10", title=title, outcome=outcome, why=why, runs=2)
