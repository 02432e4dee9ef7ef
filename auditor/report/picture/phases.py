"""The phases of a run: training, packing, other numbers, and the evaluations whose order is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.report.picture.loops import CALIBRATION
from auditor.report.view_text import short_label
from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, Artifact, Clock, Event, Place, Report, Update
from auditor.trace.trace import Trace
from auditor.trace.tree import Node

EVALUATE, TRAIN, PACK, OTHER = "evaluate", "train", "pack", "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the run, with what it is called, where it is called, and a sentence if no rows are drawn of it."""

    kind: str
    title: str
    place: Place
    events: tuple[Event, ...]
    says: str = ""


def phases(trace: Trace, shown: frozenset[int], settings: Mapping[str, str]) -> list[Phase]:
    """The phases in order of time; `shown` are the numbers of the events that rows are drawn of."""
    found: list[Phase] = []
    for node, function in _spine(trace, shown):
        phase = _phase(trace, node, function, shown, settings)
        if phase is None:
            continue
        last = found[-1] if found else None
        if last is not None and last.kind == PACK and phase.kind == EVALUATE and _only_updates(phase, shown):
            phase = replace(phase, kind=PACK)
        if last is not None and last.kind == phase.kind and (phase.kind != EVALUATE or _one(last, phase)):
            found[-1] = _joined(trace, last, phase, settings)
        else:
            found.append(phase)
    return found


def _only_updates(phase: Phase, shown: frozenset[int]) -> bool:
    own = [event for event in phase.events if event.number in shown]
    return bool(own) and all(isinstance(event, Update) and event.how == CALIBRATION for event in own)


def _one(last: Phase, phase: Phase) -> bool:
    """Whether two parts of a function are one evaluation: neither is a call of its own."""
    return last.title == phase.title


def _joined(trace: Trace, last: Phase, phase: Phase, settings: Mapping[str, str]) -> Phase:
    events = (*last.events, *phase.events)
    says = _says(trace, last.kind, events, settings)
    place = phase.place if last.kind == TRAIN else last.place
    return Phase(kind=last.kind, title=last.title, place=place, events=events, says=says)


def _spine(trace: Trace, shown: frozenset[int]) -> Iterator[tuple[Node, str]]:
    """The nodes that are phases, each with the function it stands in.

    A function that trains or packs and evaluates too is no phase, but its parts are.
    """
    claimed = trace.claimed_report
    wanted = shown | (frozenset(claimed.scores) if claimed is not None else frozenset())
    stack: list[tuple[Node, str]] = [(trace.root, "")]
    while stack:
        node, function = stack.pop()
        if node.kind == "branch" and node.taken is Answer.NO:
            continue
        if node.kind == "root" or (node.kind in ("call", "branch") and _is_open(node, wanted)):
            inner = node.text if node.kind == "call" else function
            stack += [(child, inner) for child in reversed(node.children)]
        else:
            yield node, function


def _is_open(node: Node, wanted: frozenset[int]) -> bool:
    events = list(_events(node))
    if not any(event.number in wanted for event in events):
        return False
    if node.kind == "branch":
        return True
    return any(isinstance(e, Artifact) or (isinstance(e, Clock) and e.phase == TRAINING_STEP) for e in events)


def _events(node: Node) -> Iterator[Event]:
    for inner in node.walk():
        if inner.kind == "event":
            yield from inner.events


def _phase(
    trace: Trace, node: Node, function: str, shown: frozenset[int], settings: Mapping[str, str]
) -> Phase | None:
    events = tuple(sorted(_events(node), key=lambda event: event.number))
    calibrates = any(isinstance(e, Artifact) for e in events) and all(
        isinstance(e, Update) for e in events if e.number in shown
    )
    if any(event.number in shown for event in events) and not calibrates:
        title = node.text if node.kind == "call" else function or "main"
        return Phase(kind=EVALUATE, title=title, place=node.place, events=events)
    kind = _kind(trace, events)
    if kind is None:
        return None
    marks = {TRAIN: Clock, PACK: Artifact}.get(kind)
    place = next((e.place for e in events if marks is not None and isinstance(e, marks)), node.place)
    return Phase(kind=kind, title=kind, place=place, events=events, says=_says(trace, kind, events, settings))


def _kind(trace: Trace, events: Sequence[Event]) -> str | None:
    if any(isinstance(e, Clock) and e.phase == TRAINING_STEP for e in events):
        return TRAIN
    if any(isinstance(e, Artifact) for e in events):
        return PACK
    if _not_claimed(trace, events):
        return OTHER
    return None


def _not_claimed(trace: Trace, events: Sequence[Event]) -> list[Report]:
    """Reports of these events that are made from other scores than the claimed number."""
    claimed = trace.claimed_report
    own = set(claimed.scores) if claimed is not None else set()
    return [e for e in events if isinstance(e, Report) and e.scores and not set(e.scores) & own]


def _says(trace: Trace, kind: str, events: Sequence[Event], settings: Mapping[str, str]) -> str:
    if kind == TRAIN:
        caps = [e.cap_s for e in events if isinstance(e, Clock) and e.cap_s is not None]
        steps = settings.get("ITERATIONS", "")
        told = [f"up to {int(steps):,} steps"] if steps.isdigit() and len(steps) < 10 else ["steps"]
        told += [f"at most {min(caps):g} s"] if caps else []
        return ", ".join(told)
    if kind == PACK:
        back = [e.place.line for e in events if isinstance(e, Artifact) and e.action == "restore"]
        saved = any(isinstance(e, Artifact) and e.action == "save" for e in events)
        told = ["the artifact is written"] if saved else []
        told += [f"the weights are read back at :{back[-1]}"] if back else []
        return ", ".join(told)
    if kind == OTHER:
        names = dict.fromkeys(short_label(report.label) for report in _not_claimed(trace, events))
        return f"{len(names)} number{'s' if len(names) != 1 else ''}, not claimed"
    return ""
