"""The probes in their order, each run ordered at most once, and the evidence they give.

A failure is believed only when a second world of other sizes shows it at another place, and the witness is taken
from the smallest world that still shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from auditor.replay.probes.cut import Cut, cut_off
from auditor.replay.probes.dye import Dyed, dye
from auditor.replay.probes.flip_comparison import Flip, compare, compare_rest
from auditor.replay.probes.flip_sites import (
    FlipPlace,
    choose_places,
    early_in_the_longest_document,
    learnt_first,
    the_rest,
)
from auditor.replay.probes.normalisation import Mass, measure_mass
from auditor.replay.probes.outcome import Suspicion
from auditor.replay.probes.reconciliation import misprinted, shown_otherwise
from auditor.replay.probes.runner import Bench, Laboratory, Observed
from auditor.replay.probes.update_history import History, history_of, trained_before_scored
from auditor.replay.probes.wide import Wide, look_wide
from auditor.replay.runs.job import Mode
from auditor.replay.runs.printed_numbers import Scores, labelled
from auditor.replay.toy.world import FIRST_ORDINARY, make_world

PLACES: Final = 2
PLACES_THOROUGH: Final = 6
FIRST_PART: Final = 0.35
"""Part of the scores that stays as it is where all the rest is exchanged."""

OTHER_WORLDS: Final = (1, 3)
"""Seeds, beyond the first world's, of those in one of which a leak must show again."""

SMALLER: Final = (16, 8, 4, 2)
"""Parts of the validation stream that the witness of a leak is looked for in, the smallest first."""

PLACES_SMALL: Final = 2
"""Places tried in each of them."""

SECOND_PLACES: Final = 2
"""Places of the second world that are tried until the sum over the vocabulary is off at one of them too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A flip that moved what it must not move, in which world."""

    bench: Bench
    seed: int
    flip: Flip
    base: Observed
    rank: int


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What the probes found; the conditions are judged on this alone.

    Attributes:
        base: the first recorded run.
        plain: the same world without hooks, or None if it was not needed.
        agreement: why printed totals of both differ, or "".
        repeated: largest difference between two equal recorded runs, in nats; None if it was not measured.
        flips: exchanged tokens of the first world, by rank.
        artifact_moved: files that differ between runs that differ in one validation token.
        leak: the first flip that failed, and its reproduction in a second world.
        dyed: what other values of the later losses did; None if that run could not be made.
        cut: a run in which the later part of the split is not there; None if it could not be made.
        misprints: where an exchanged run prints what its scores do not give.
        wide: a world of more processes, pieces and longer documents; None where a leak was found before.
        mass: the sum over the vocabulary at one place, and at a second one if the first was not 1.
    """

    seed: int
    base: Observed
    plain: Observed | None = None
    agreement: str = ""
    repeated: float | None = None
    flips: list[Flip] = field(default_factory=list)
    flip_failures: list[str] = field(default_factory=list)
    artifact_moved: tuple[str, ...] = ()
    leak: Leak | None = None
    reproduced: Leak | None = None
    smallest: Leak | None = None
    dyed: Dyed | None = None
    cut: Cut | None = None
    misprints: list[Suspicion] = field(default_factory=list)
    wide: Wide | None = None
    mass: Mass | None = None
    second_mass: Mass | None = None
    histories: list[History] = field(default_factory=list)
    trained_first: float = 0.0

    @property
    def scores(self) -> tuple[Scores, ...]:
        return self.base.scores


def run_experiment(
    laboratory: Laboratory, *, seed: int, thorough: bool = False, shrink: bool = True
) -> Evidence:
    """Run the probes on a submission."""
    bench = Bench.drawn(seed)
    base = laboratory.observe(bench)
    evidence = Evidence(seed=seed, base=base)
    if not base.run.ran or not base.scores:
        return evidence
    evidence.histories = [history_of(record) for record in base.run.ranks]
    evidence.trained_first = max(
        trained_before_scored(record, history, scores)
        for record, history, scores in zip(base.run.ranks, evidence.histories, base.scores, strict=True)
    )
    _compare_plain(laboratory, evidence)
    evidence.dyed = dye(laboratory, base)
    _flip(laboratory, evidence, count=PLACES_THOROUGH if thorough else PLACES)
    if evidence.leak is not None and evidence.repeated is None:
        _confirm(laboratory, evidence, shrink=shrink)
    elif thorough or any(bool(scores.mixed.any()) for scores in base.scores):
        evidence.mass = measure_mass(laboratory, seed)
        if evidence.mass is not None and evidence.mass.is_off:
            evidence.second_mass = measure_mass(laboratory, seed + 1, places=SECOND_PLACES)
    return evidence


def _compare_plain(laboratory: Laboratory, evidence: Evidence) -> None:
    """Run without hooks and hold the claimed line against the recorded one (P0 and the check of the hooks)."""
    base = evidence.base
    assert base.claimed is not None
    plain = laboratory.observe(base.bench, mode=Mode.PLAIN)
    evidence.plain = plain
    if not plain.run.ran:
        evidence.agreement = f"without hooks it did not run: {plain.run.why_not}"
        return
    wanted = results_of(base.claimed.text)
    found = [results_of(line) for line in plain.run.printed.splitlines()]
    if wanted and wanted not in found:
        evidence.agreement = (
            f"with hooks it prints {base.claimed.text.strip()[:120]!r}, without them no such line"
        )


def results_of(text: str) -> tuple[tuple[str, float], ...]:
    """Labelled results of a line, times and rates left out: these may differ between runs."""
    kept = []
    for label, value, _ in labelled(text):
        if not any(word in label.lower() for word in ("time", "ms", "sec", "elapsed", "speed", "tok/s")):
            kept.append((label, value))
    return tuple(kept)


def _flip(laboratory: Laboratory, evidence: Evidence, *, count: int) -> None:
    """Exchange a token at several places until one shows a leak (P1, P2, P3)."""
    base = evidence.base
    moved: set[str] = set()
    for rank, scores in enumerate(base.scores):
        for place in _places(base, scores, rank, count=count if rank == 0 else 1):
            leak = _flip_at(laboratory, evidence, base, place, rank, evidence.seed, moved)
            evidence.artifact_moved = tuple(sorted(moved))
            if leak is not None:
                evidence.leak = leak
                return
    learnt = any(flip.beyond for flip in evidence.flips)
    if evidence.flips and not learnt and any(history.steps for history in evidence.histories):
        early = early_in_the_longest_document(base.bench.world, base.scores[0])
        if early is not None:
            evidence.leak = _flip_at(laboratory, evidence, base, early, 0, evidence.seed, moved)
    if evidence.leak is None and evidence.flips:
        evidence.cut = cut_off(laboratory, base, evidence.seed)
        if evidence.cut is None or not evidence.cut.agrees:
            _one_more_place(laboratory, evidence, base, count, moved)
    if evidence.leak is None and evidence.flips:
        evidence.wide = look_wide(laboratory, evidence.seed + 2, thorough=count > PLACES)
        moved.update(evidence.wide.artifacts)
        # Where the wide world has shown that the rest moves nothing, this one need not be asked again.
        if evidence.wide.why_not or evidence.wide.moved:
            evidence.leak = _exchange_rest(laboratory, evidence, base, 0, evidence.seed, moved)
        if evidence.leak is None and evidence.wide.moved:
            _confirm_wide(laboratory, evidence, evidence.wide)
    evidence.artifact_moved = tuple(sorted(moved))


def _one_more_place(
    laboratory: Laboratory, evidence: Evidence, base: Observed, count: int, moved: set[str]
) -> None:
    """Exchange a token at one more place, where the cut split says nothing."""
    known = {flip.position for flip in evidence.flips}
    for place in choose_places(base.bench.world, base.scores[0], count=count + 1):
        if place.position not in known:
            evidence.leak = _flip_at(laboratory, evidence, base, place, 0, evidence.seed, moved)
            return


def _places(base: Observed, scores: Scores, rank: int, *, count: int) -> list[FlipPlace]:
    """Places of one process, first one that a gradient had reached too early if there is any."""
    record = base.run.ranks[rank]
    made_at = [losses.number for losses in record.losses]
    first = learnt_first(scores, made_at, history_of(record).first_gradient)
    usable = first is not None and base.bench.world.validation[first.position] >= FIRST_ORDINARY
    places = choose_places(base.bench.world, scores, count=count)
    return [first, *places] if first is not None and usable else places


def _exchange_rest(
    laboratory: Laboratory, evidence: Evidence, base: Observed, rank: int, seed: int, moved: set[str]
) -> Leak | None:
    """Exchange all tokens scored after a first part: none of what was scored before may move, nor the artifact."""
    rest = the_rest(base.scores[rank], share=FIRST_PART)
    if rest is None:
        return None
    positions, first_call = rest
    world = base.bench.world.exchanged(positions, seed)
    other = laboratory.observe(replace(base.bench, world=world))
    if not other.run.ran or not other.scores:
        return None
    _note_artifacts(base, other, moved)
    evidence.misprints += filter(None, (misprinted(other), shown_otherwise(other)))
    flip = compare_rest(
        base.scores[rank], other.scores[rank], positions, first_call, window=base.bench.sizes.length
    )
    if flip is None:
        return None
    if seed == evidence.seed:
        evidence.flips.append(flip)
    return Leak(bench=base.bench, seed=seed, flip=flip, base=base, rank=rank) if flip.moved else None


def _note_artifacts(base: Observed, other: Observed, moved: set[str]) -> None:
    moved.update(
        name for name, content in base.run.artifacts.items() if other.run.artifacts.get(name) != content
    )


def _flip_at(
    laboratory: Laboratory,
    evidence: Evidence,
    base: Observed,
    place: FlipPlace,
    rank: int,
    seed: int,
    moved: set[str],
) -> Leak | None:
    world = base.bench.world
    new = world.alternative(place.position)
    other = laboratory.observe(base.bench.flipped(place.position, new))
    if not other.run.ran or not other.scores:
        why = other.run.why_not or "the claimed number could not be followed"
        evidence.flip_failures.append(f"with token {place.position} exchanged: {why}")
        return None
    _note_artifacts(base, other, moved)
    evidence.misprints += filter(None, (misprinted(other), shown_otherwise(other)))
    flip = compare(
        base.scores[rank],
        other.scores[rank],
        (base.run.ranks[rank], other.run.ranks[rank]),
        place=place.kind,
        position=place.position,
        tokens=(int(world.validation[place.position]), new),
        window=base.bench.sizes.length,
    )
    if flip is None:
        return None
    if seed == evidence.seed:
        evidence.flips.append(flip)
    return Leak(bench=base.bench, seed=seed, flip=flip, base=base, rank=rank) if leaks(flip) else None


def leaks(flip: Flip) -> bool:
    """Whether a flip shows a dependence that must not be: of an earlier score, or of the distribution it stands in."""
    return bool(flip.moved) or flip.distribution > DISTRIBUTION_TOLERANCE


DISTRIBUTION_TOLERANCE: Final = 1e-6


def _confirm(laboratory: Laboratory, evidence: Evidence, *, shrink: bool) -> None:
    """Show the leak in a second world at another place, measure the noise, and look for the smallest world."""
    again = laboratory.observe(evidence.base.bench, repeat=1)
    evidence.repeated = difference(evidence.base.scores, again.scores)
    for seed in (evidence.seed + number for number in OTHER_WORLDS):
        second = laboratory.observe(Bench.drawn(seed))
        evidence.reproduced = _first_leak(laboratory, evidence, second, seed, count=PLACES_THOROUGH)
        if evidence.reproduced is not None:
            break
    if not shrink or evidence.reproduced is None:
        return
    for parts in SMALLER:
        small = _smaller(laboratory, evidence, evidence.leak, parts)
        if small is not None:
            evidence.smallest = small
            return


def _confirm_wide(laboratory: Laboratory, evidence: Evidence, wide: Wide) -> None:
    """What only the wide world has shown: show it in another one of its kind, and measure the noise."""
    again = laboratory.observe(wide.base.bench, ranks=wide.ranks, repeat=1)
    evidence.repeated = difference(wide.base.scores, again.scores)
    evidence.leak = _leak_of(wide)
    evidence.reproduced = _leak_of(look_wide(laboratory, wide.seed + 2))


def _leak_of(wide: Wide) -> Leak | None:
    for rank, flip in wide.flips:
        if flip.moved:
            return Leak(bench=wide.base.bench, seed=wide.seed, flip=flip, base=wide.base, rank=rank)
    return None


def _first_leak(
    laboratory: Laboratory, evidence: Evidence, base: Observed, seed: int, *, count: int
) -> Leak | None:
    """The first of some places of a world that shows a leak; one that moves another score is preferred."""
    if not base.run.ran or not base.scores:
        return None
    for rank, scores in enumerate(base.scores):
        own = None
        for place in _places(base, scores, rank, count=count):
            leak = _flip_at(laboratory, evidence, base, place, rank, seed, set())
            if leak is not None and leak.flip.moved:
                return leak
            own = own or leak
        if own is not None:
            return own
        if evidence.leak is not None and evidence.leak.flip.exchanged > 1:
            rest = _exchange_rest(laboratory, evidence, base, rank, seed, set())
            if rest is not None:
                return rest
    return None


def _smaller(laboratory: Laboratory, evidence: Evidence, leak: Leak | None, parts: int) -> Leak | None:
    """The same leak in a world with a part of the validation tokens, or None."""
    if leak is None:
        return None
    size = replace(leak.bench.world.size, validation=leak.bench.world.size.validation // parts)
    bench = Bench(sizes=leak.bench.sizes, world=make_world(size, leak.bench.world.seed))
    base = laboratory.observe(bench)
    return _first_leak(laboratory, evidence, base, leak.seed + 100, count=PLACES_SMALL)


def difference(first: tuple[Scores, ...], second: tuple[Scores, ...]) -> float:
    """Largest difference between the scores of two runs of the same world; infinite if they do not align."""
    import numpy as np

    largest = 0.0
    if len(first) != len(second):
        return float("inf")
    for a, b in zip(first, second, strict=True):
        if len(a) != len(b) or not bool((a.position == b.position).all()):
            return float("inf")
        if len(a):
            largest = max(largest, float(np.abs(a.value - b.value).max()))
    return largest
