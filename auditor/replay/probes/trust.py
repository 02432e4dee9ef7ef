"""What must hold besides the probes before anything is believed, and what the run did not exercise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from auditor.replay.probes.coverage import (
    expected_places,
    is_reached,
    open_switches,
    reached,
    verdict_changes,
)
from auditor.replay.probes.dodges import (
    computed_names,
    names_the_harness,
    reflections,
    shifted_positions,
    untaken_acts,
)
from auditor.replay.probes.experiment import Evidence
from auditor.replay.probes.outcome import Suspicion
from auditor.replay.probes.runner import Laboratory
from auditor.replay.probes.unrun import unrun_code
from auditor.replay.runs.claimed_line import layer_files
from auditor.replay.runs.run_record import RankRecord
from auditor.replay.toy.target import ReplayTarget

if TYPE_CHECKING:
    from auditor.reading.reading import Reading

TRAINING_DATA_READ: Final = "training data are read after the artifact has been read back"

CODE: Final = "opaque-code"
TARGETS: Final = "altered-target"
ORDER: Final = "train-before-score"

ONE_WAY: Final = ("10", "01")
"""Sides of an `if` that went one way alone."""

LOOPBACK: Final = ("'127.", "'localhost'", "'::1'", "'0.0.0.0'", "('/")
"""How an address begins that never leaves the machine; the last one is a socket in the file system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What else must hold before anything is believed.

    Attributes:
        refused: why no verdict of any condition can be trusted, one sentence each.
        tampered: those of them that are the submission's own doing.
        faulty: what the observer itself could not bear, an attack on it or a defect of it.
        dodged: where the script may do otherwise in the real run than it did here.
        unreached: what the run did not exercise, one sentence each: nothing passes then.
        adapts: whether the evaluation is known to learn from tokens as it goes.
    """

    refused: Sequence[str] = ()
    tampered: Sequence[str] = ()
    faulty: Sequence[str] = ()
    dodged: Sequence[Suspicion] = ()
    unreached: Sequence[str] = ()
    adapts: bool = False


def circumstances_of(
    evidence: Evidence, reading: Reading, target: ReplayTarget, laboratory: Laboratory
) -> Circumstances:
    """What forbids belief, and what the run did not reach."""
    base = evidence.base
    tampered = [
        f"the submission exchanged {', '.join(record.tampered[:3])}, which the recorder relies on"
        for record in base.run.ranks
        if record.tampered
    ]
    tampered += [f"the run sent what no recorder sends: {why}" for why in base.run.broken]
    tampered += [
        f"the run asked for what belongs to the recorder: {event['what']} {str(event.get('detail', ''))[:80]}"
        for record in base.run.ranks
        for event in record.of_kind("meddling")
    ][:1]
    missed, faults = base.run.observations.missed, base.run.observations.faults
    faulty = [f"the observer failed on a call of the run: {fault}" for fault in faults[:1]]
    cut = any(not record.complete for record in base.run.ranks)
    return Circumstances(
        refused=[
            *tampered,
            *faulty,
            *(["the run made more events than are recorded"] if cut or missed else []),
        ],
        tampered=tampered,
        faulty=faulty,
        dodged=tuple(_dodged(evidence, reading, target, laboratory)),
        unreached=[
            *_withheld(evidence, laboratory),
            *_not_taken(evidence, reading, target),
            *_unanchored(evidence, target),
        ],
        adapts=any(history.steps for history in evidence.histories),
    )


def _withheld(evidence: Evidence, laboratory: Laboratory) -> Iterator[str]:
    """What the run asked for and a replay does not give: what it would do with it was not replayed."""
    if laboratory.reads_training_data:
        yield TRAINING_DATA_READ
    for use in evidence.base.run.observations.outside:
        yield f"it tried to reach the network, which a replay refuses: {use.address}"
    for file in evidence.base.run.observations.late_training[:1]:
        yield f"{TRAINING_DATA_READ}: {file.path}"
    for record in evidence.base.run.ranks:
        for event in record.of_kind("access"):
            if event["what"] == "training data":
                yield f"{TRAINING_DATA_READ}: {event['detail']}"
        for address in network_attempts(record):
            yield f"it tried to reach the network, which a replay refuses: {address}"


def network_attempts(record: RankRecord) -> Iterator[str]:
    """Addresses beyond this machine that a run tried to reach."""
    for event in record.of_kind("access"):
        detail = str(event.get("detail", ""))
        if event["what"] in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
            if not any(near in detail for near in LOOPBACK):
                yield f"{event['what']} {detail[:120]}"


def _not_taken(evidence: Evidence, reading: Reading, target: ReplayTarget) -> list[str]:
    """What the static witness expects and the run did not reach or decided otherwise."""
    base = evidence.base
    if reading.trace is None or not base.run.ranks:
        return []
    report = reading.match.report if reading.match is not None else None
    lines = _lines(base.run.ranks, target)
    missed = [
        f"the {what} at {place} was not reached"
        for what, place in expected_places(reading.trace, report)
        if not is_reached(place, lines, target.texts)
    ]
    missed += open_switches(reading.trace, reading.exploration, target.reads, reading.settings)
    if report is not None:
        toy = target.variables(base.bench.sizes)
        missed += verdict_changes(reading.trace, report, reading.program, reading.settings, toy)
    return missed


def _dodged(
    evidence: Evidence, reading: Reading, target: ReplayTarget, laboratory: Laboratory
) -> Iterator[Suspicion]:
    """Where the script may do otherwise in the real run, by its text and by which sides of its forks ran."""
    records = evidence.base.run.ranks
    if not records:
        return
    names, changed = layer_files(records[0], target), _changed(target, evidence)
    for place in dict.fromkeys(names.values()):
        text = target.running_text(place)
        if place in laboratory.silent:
            why = f"a record does not say which sides of the forks of {place[0]} ran"
            yield Suspicion(kind="not taken", rule=ORDER, why=why)
        forks = laboratory.forks.get(place, {})
        ways = {
            line: last == "10"
            for (line, _, kind), (last, _) in forks.items()
            if kind == "If" and last in ONE_WAY
        }
        unrun = unrun_code(
            text,
            forks,
            settled=_settled(reading, place),
            changed=changed,
            begun=_begun(records[0], names, place),
        )
        for kind, rule, found in (
            ("harness named", CODE, [*names_the_harness(text), *reflections(text)]),
            ("shifted", TARGETS, shifted_positions(text)),
            ("not taken", ORDER, [*untaken_acts(text, ways), *unrun]),
        ):
            for dodge in found[:1]:
                yield Suspicion(kind=kind, rule=rule, why=f"{place[0]}:{dodge.line}: {dodge.why}")


def _unanchored(evidence: Evidence, target: ReplayTarget) -> Iterator[str]:
    """Why the record may be made up, where nothing seen from outside stands behind the order of scores.

    What the recorder says is a claim of the submission's process. It is as good as the text that runs there: of one
    that was read whole, and that reaches nothing by names that do not stand in it, it is the recorder's own.
    """
    records = evidence.base.run.ranks
    if not records or (evidence.cut is not None and evidence.cut.agrees):
        return
    for event in records[0].of_kind("text"):
        if str(event["digest"]) not in target.layers:
            yield f"the order of scores is a claim, and code ran that was not read: {str(event['name'])[:80]}"
            return
    for place in dict.fromkeys(layer_files(records[0], target).values()):
        for dodge in computed_names(target.running_text(place))[:1]:
            yield f"the order of scores is a claim, and at {place[0]}:{dodge.line} {dodge.why}"
            return


def _settled(reading: Reading, place: tuple[str, int]) -> dict[int, bool]:
    """Lines of branches that the static witness knows to be decided by settings of the claimed run, and which way."""
    switches = reading.trace.switches if reading.trace is not None else []
    return {s.place.line: s.taken for s in switches if (s.place.path, s.place.layer) == place}


def _changed(target: ReplayTarget, evidence: Evidence) -> frozenset[str]:
    """Settings that are other here than in the claimed run."""
    toy = target.variables(evidence.base.bench.sizes)
    return frozenset(
        name for name, value in toy.items() if target.settings.get(name, target.reads.get(name)) != value
    )


def _begun(record: RankRecord, names: Mapping[int, tuple[str, int]], place: tuple[str, int]) -> int:
    """The line of a text at which the artifact was read back, by its outermost function there; 0 if none."""
    restored = next(record.of_kind("restore"), None)
    if restored is None:
        return 0
    inside = [f.line for f in record.at(restored) if names.get(f.file) == place and f.function != "<module>"]
    return inside[0] if inside else 0


def _lines(records: Sequence[RankRecord], target: ReplayTarget) -> set[tuple[str, int, int]]:
    """Every (path, layer, line) at which a run noted anything."""
    names = layer_files(records[0], target)
    lines = reached([places for record in records for places in record.places], names)
    for record in records:
        for event in record.of_kind("reached"):
            if int(event["file"]) in names:
                lines.add((*names[int(event["file"])], int(event["line"])))
    return lines
