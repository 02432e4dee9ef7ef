"""Runs of one submission as the probes see them: ordered at most once, with the claimed number's scores found."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditor.replay.probes.dodges import counts_processes
from auditor.replay.probes.unrun import merged
from auditor.replay.runs.claimed_line import ClaimedLine, claimed_printed, layer_files
from auditor.replay.runs.job import Mode
from auditor.replay.runs.printed_numbers import Printed, Reports, Scores
from auditor.replay.runs.run_record import Forks, RankRecord, RunRecord
from auditor.replay.runs.session import Session
from auditor.replay.toy.sizes import ToySizes, world_size
from auditor.replay.toy.target import ReplayTarget
from auditor.replay.toy.world import ANCHOR, World, WorldSize, byte_counts, make_world

RUN_S: Final = 300.0
RANKS_NAME: Final = "WORLD_SIZE"
REAL_RANKS: Final = 8
"""Processes of a run that is claimed: one for each GPU."""

SEVERAL: Final = 2
"""Processes of a script that does not count them: what tells one from several shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A world with the sizes to run in it.

    Attributes:
        anchor: tokens that tell a position of the validation split.
    """

    sizes: ToySizes
    world: World
    anchor: int = ANCHOR

    @classmethod
    def drawn(cls, seed: int) -> Bench:
        """Sizes and world of a seed."""
        chance = random.Random(seed)
        sizes = ToySizes.drawn(chance)
        return cls(sizes=sizes, world=make_world(world_size(sizes, chance), chance.randrange(1 << 30)))

    @classmethod
    def of(cls, sizes: ToySizes, size: WorldSize, seed: int) -> Bench:
        return cls(sizes=sizes, world=make_world(size, seed))

    def flipped(self, position: int, value: int) -> Bench:
        return Bench(sizes=self.sizes, world=self.world.flipped(position, value))


@dataclass(slots=True, kw_only=True)
class Observed:
    """One run and what its printed results were made from.

    Attributes:
        printed: all lines with results.
        claimed: the line that is judged, or None.
    """

    bench: Bench
    run: RunRecord
    printed: list[Printed] = field(default_factory=list)
    claimed: Printed | None = None

    @property
    def scores(self) -> tuple[Scores, ...]:
        """The claimed number's scores, by rank; empty where they were not found."""
        return self.claimed.scores if self.claimed is not None else ()


def forks_of(
    records: Sequence[RankRecord], target: ReplayTarget
) -> tuple[dict[tuple[str, int], Forks], set[tuple[str, int]]]:
    """By text of the submission its forks of which not all sides ran in any of the processes.

    Also the texts of which a process that compiled them does not say what ran: silence is not that all of it did.
    """
    found: dict[tuple[str, int], list[Forks]] = {}
    silent = set()
    for record in records:
        for file, place in layer_files(record, target).items():
            if file in record.forks:
                found.setdefault(place, []).append(record.forks[file])
            else:
                silent.add(place)
    return {place: merged(forks) for place, forks in found.items()}, silent


class Laboratory:
    """Orders runs of one submission.

    Args:
        claim: which printed line is the claimed one.
        marks: lines to tell when they are reached, by digest of their text.
        ranks: processes of each run.

    Attributes:
        forks: by text, which sides of its forks ran in any of the recorded runs.
        silent: texts of which one of them does not say that.
    """

    def __init__(
        self,
        session: Session,
        target: ReplayTarget,
        claim: ClaimedLine,
        *,
        marks: Mapping[str, list[int]] | None = None,
        ranks: int = 1,
        seconds: float = RUN_S,
        memory: int = 6 << 30,
    ) -> None:
        self._session, self._target, self._claim = session, target, claim
        self._ranks, self._seconds, self._memory = ranks, seconds, memory
        self._withdraws = True
        self._before = session.runs
        self.left_behind = 0
        self._marks = dict(marks or {})
        self.forks: dict[tuple[str, int], Forks] = {}
        self.silent: set[tuple[str, int]] = set()

    @property
    def runs(self) -> int:
        return self._session.runs - self._before

    def observe(
        self,
        bench: Bench,
        *,
        mode: Mode = Mode.RECORDED,
        repeat: int = 0,
        dyed: tuple[int, ...] = (),
        falling: bool = False,
        ranks: int = 0,
    ) -> Observed:
        """Run once; equal runs with another `repeat` are made again, whatever is kept.

        A script that reads training data after its artifact is read back fails by itself when they are
        withdrawn; it is run again with them, and `reads_training_data` of the run tells. Losses at `dyed` positions
        are given other values, `falling` or rising with each score of a token. `ranks` processes run, or as many
        as the laboratory was made for.
        """
        ranks = ranks or self._ranks
        run = self._run(bench, mode, repeat, dyed, falling, ranks)
        if self._withdraws and run.withdrawn and not run.ran and not run.reason:
            self._withdraws = False
            again = self._run(bench, mode, repeat, dyed, falling, ranks)
            self._withdraws = not again.ran
            run = again if again.ran else run
        self.left_behind = max(self.left_behind, run.left_behind)
        observed = Observed(bench=bench, run=run)
        if run.ran and mode is Mode.RECORDED:
            self._remember(run)
            observed.printed = Reports(
                run.ranks, byte_counts(bench.world.validation, bench.world.size.vocabulary)
            ).printed
            observed.claimed = claimed_printed(observed.printed, run.ranks[0], self._target, self._claim)
        return observed

    def several_ranks(self, *, all_of_them: bool) -> int:
        """How many processes to run at once of a script that knows of several, where they can be run.

        Args:
            all_of_them: as many as the claimed run is taken to have had, whether it counts them or not.
        """
        if RANKS_NAME not in self._target.reads or not self._session.rung.has_own_network:
            return self._ranks
        counted = any(counts_processes(self._target.running_text(place)) for place in self._target.texts)
        return REAL_RANKS if all_of_them or counted else SEVERAL

    @property
    def reads_training_data(self) -> bool:
        """Whether the script needed training data after it had read its artifact back."""
        return not self._withdraws

    def _remember(self, run: RunRecord) -> None:
        """Take in which sides of forks ran."""
        told, silent = forks_of(run.ranks, self._target)
        self.silent |= silent
        for place, forks in told.items():
            known = self.forks.get(place)
            self.forks[place] = forks if known is None else merged([known, forks])

    def _run(
        self, bench: Bench, mode: Mode, repeat: int, dyed: tuple[int, ...], falling: bool, ranks: int
    ) -> RunRecord:
        return self._session.run(
            bench.world,
            bench.sizes,
            self._target.variables(bench.sizes),
            mode=mode,
            marks=self._marks,
            ranks=ranks,
            seconds=self._seconds,
            memory=self._memory,
            repeat=repeat,
            dyed=dyed,
            falling=falling,
            withdraws=self._withdraws,
            anchor=bench.anchor,
            whole=self._target.whole,
        )
