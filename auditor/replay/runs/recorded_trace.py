"""Turns the record of a run into a trace: the same events, regions and tree that the static witness speaks in.

Regions are sets of positions. What a score had absorbed is told by fingerprints: a state whose parameters are back
at what they were before a step has forgotten it.
"""

from __future__ import annotations

import ast
import itertools
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditor.replay.probes.update_history import Step, history_of
from auditor.replay.runs.printed_numbers import LABELLED, Printed
from auditor.replay.runs.run_record import Frames, RankRecord
from auditor.solver.expressions import Symbol
from auditor.trace.answer import Answer
from auditor.trace.events import (
    TRAINING_STEP,
    Absorbed,
    Access,
    AccessKind,
    Artifact,
    Clock,
    Event,
    Load,
    LoadSource,
    Place,
    Report,
    Score,
    State,
    StateKind,
    Turn,
    Update,
)
from auditor.trace.overlap import overlap
from auditor.trace.region import Region
from auditor.trace.trace import Trace
from auditor.trace.tree import Node

Layers = Mapping[int, tuple[str, int]]
STATEMENT_LINES: Final = 6
"""Lines below the start of a call in which the text that it prints may stand."""

CALLED_AS_MAIN: Final = "<module>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _LoopText:
    """How a loop reads: its header and its variable."""

    header: str
    variable: str


class LoopTexts:
    """Headers of loops by place, from the texts of the program."""

    def __init__(self, texts: Mapping[tuple[str, int], str]) -> None:
        self._texts = texts
        self._known: dict[tuple[str, int], dict[tuple[int, int], _LoopText]] = {}

    def at(self, layer: tuple[str, int], line: int, column: int) -> _LoopText:
        if layer not in self._known:
            self._known[layer] = dict(_loops(self._texts.get(layer, "")))
        return self._known[layer].get((line, column), _LoopText(header="loop", variable=""))


def _loops(text: str) -> Iterable[tuple[tuple[int, int], _LoopText]]:
    from auditor.program.parsing.parse import ParseFailure, parse

    try:
        tree = parse(text, "")
    except ParseFailure:
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.AsyncFor)):
            variable = ast.unparse(node.target)
            header = f"for {variable} in {ast.unparse(node.iter)}"
            yield (node.lineno, node.col_offset), _LoopText(header=header, variable=variable)
        elif isinstance(node, ast.While):
            header = f"while {ast.unparse(node.test)}"
            yield (node.lineno, node.col_offset), _LoopText(header=header, variable="while")


def recorded_trace(
    record: RankRecord,
    printed: Iterable[Printed],
    claimed: Printed | None,
    layers: Layers,
    texts: Mapping[tuple[str, int], str],
    *,
    rank: int = 0,
    how: str = "",
) -> Trace:
    """The trace of one process.

    Args:
        printed: lines that print results; `claimed` is the one that counts.
        layers: path and layer of each text by its number in events.
        how: how the claimed line was tied to the claim.
    """
    return _Builder(record, layers, texts, rank).trace(list(printed), claimed, how)


class _Builder:
    def __init__(
        self, record: RankRecord, layers: Layers, texts: Mapping[tuple[str, int], str], rank: int
    ) -> None:
        self._record, self._layers, self._rank = record, layers, rank
        self._texts = texts
        self._loops = LoopTexts(texts)
        main = layers.get(0, ("", 0))
        self._root = Node(kind="root", text="", place=Place(main[0], main[1], 1))
        self._trace = Trace(witness="replay", root=self._root, complete=record.complete)
        self._steps = {step.event: step for step in history_of(record).steps}
        self._updates: dict[int, Update] = {}
        self._states: dict[str, State] = {}
        self._loaded: set[str] = set()
        self._feeding: set[tuple[int, int, int]] = set()

    def trace(self, printed: list[Printed], claimed: Printed | None, how: str) -> Trace:
        reported = {
            call
            for line in printed
            for call in (line.scores[self._rank].call.tolist() if len(line.scores) > self._rank else ())
        }
        counted = self._counted(printed)
        self._find_feeding(reported, counted)
        lines = {line.event: line for line in printed}
        numbers: dict[int, int] = {}
        for event in self._record.events:
            made = self._event(event, reported, counted, lines, numbers)
            if made is not None:
                self._trace.events[made.number] = made
                self._leaf(event, made.place).events.append(made)
                if isinstance(made, Report) and claimed is not None and claimed.event == event["i"]:
                    self._trace.claimed, self._trace.claimed_how = made.number, how
        return self._trace

    def _counted(self, printed: list[Printed]) -> dict[int, frozenset[int]]:
        """Positions of each call that count in some printed number."""
        found: dict[int, set[int]] = {}
        for line in printed:
            if len(line.scores) > self._rank:
                scores = line.scores[self._rank]
                for call, position in zip(scores.call.tolist(), scores.position.tolist(), strict=True):
                    if position >= 0:
                        found.setdefault(call, set()).add(position)
        return {call: frozenset(positions) for call, positions in found.items()}

    def _find_feeding(self, reported: set[int], counted: Mapping[int, frozenset[int]]) -> None:
        """Loops whose turns choose the tokens: two turns of one entry score or use different ones."""
        seen: dict[tuple[tuple[int, int, int], int], dict[int, set[int]]] = {}
        touched: list[tuple[Frames, frozenset[int]]] = [
            (self._record.at(self._record.events[losses.number]), counted[losses.call])
            for losses in self._record.losses
            if losses.call in reported and losses.call in counted
        ]
        touched += [(step.frames, step.positions) for step in self._steps.values()]
        for frames, positions in touched:
            for frame in frames:
                for line, column, entry, turn in frame.loops:
                    key = (frame.file, line, column), entry
                    seen.setdefault(key, {}).setdefault(turn, set()).update(positions)
        for (loop, _), turns in seen.items():
            sets = list(turns.values())
            if any(a != b for a, b in itertools.pairwise(sets)):
                self._feeding.add(loop)

    # -- events

    def _event(
        self,
        event: Mapping[str, Any],
        reported: set[int],
        counted: Mapping[int, frozenset[int]],
        lines: Mapping[int, Printed],
        numbers: dict[int, int],
    ) -> Event | None:
        kind, number = event["kind"], int(event["i"]) + 1
        common: dict[str, Any] = {
            "number": number,
            "place": self._place(event),
            "turns": self._turns(event),
            "function": self._function(event),
        }
        if kind == "losses" and int(event["call"]) in reported:
            numbers[int(event["call"])] = number
            return self._score(event, counted.get(int(event["call"]), frozenset()), common)
        if kind == "step":
            return self._update(event, common)
        if kind == "open":
            return self._load(event, common)
        if kind == "restore":
            return Artifact(action="restore", what=posixpath.basename(str(event["path"])), **common)
        if kind == "access":
            return Access(kind=_access_kind(str(event["what"])), what=str(event["what"]), **common)
        if kind == "print" and int(event["i"]) in lines:
            return self._report(lines[int(event["i"])], numbers, common)
        return None

    def _score(self, event: Mapping[str, Any], positions: frozenset[int], common: dict[str, Any]) -> Score:
        region = Region("val", positions=positions, turns=self._counters(event))
        absorbed, states = [], []
        for update in self._held(event):
            answer, why = max(
                (overlap(region, used) for used in update.regions),
                key=lambda found: found[0] is Answer.YES,
            )
            absorbed.append(Absorbed(update=update, overlap=answer, why=why))
            states.append(update.state)
        distinct = tuple(dict.fromkeys(states)) or (self._state("model", "module", "model", common["place"]),)
        return Score(regions=frozenset({region}), states=distinct, absorbed=tuple(absorbed), **common)

    def _held(self, event: Mapping[str, Any]) -> list[Update]:
        """Updates from validation tokens that are still in a living state, by its fingerprint."""
        held: list[Update] = []
        for number, print_ in dict(event.get("states", {})).items():
            history = [e for e in self._stepped.get(number, ()) if int(e["i"]) < int(event["i"])]
            known = [at for at, e in enumerate(history) if e["after"] == print_]
            fresh = any(e["before"] == print_ for e in history)
            if known:
                history = history[: known[-1] + 1]
            elif fresh:
                first = next(at for at, e in enumerate(history) if e["before"] == print_)
                history = history[:first]
            held += [self._updates[int(e["i"])] for e in history if int(e["i"]) in self._updates]
        return held

    @property
    def _stepped(self) -> dict[str, list[Mapping[str, Any]]]:
        if not hasattr(self, "_by_state"):
            by_state: dict[str, list[Mapping[str, Any]]] = {}
            for event in self._record.of_kind("step"):
                by_state.setdefault(str(event["state"]), []).append(event)
            self._by_state = by_state
        return self._by_state

    def _update(self, event: Mapping[str, Any], common: dict[str, Any]) -> Event:
        step: Step | None = self._steps.get(int(event["i"]))
        if step is None:
            return Clock(phase=TRAINING_STEP, **common)
        name = str(event.get("name") or "parameters")
        state = self._state(str(event["state"]), "module", name, common["place"])
        region = Region("val", positions=step.positions, turns=self._counters(event))
        update = Update(
            state=state, regions=frozenset({region}), how="gradient", by=f"{step.optimizer}.step", **common
        )
        self._updates[int(event["i"])] = update
        return update

    def _state(self, key: str, kind: StateKind, name: str, place: Place) -> State:
        if key not in self._states:
            number = len(self._states) + 1
            self._states[key] = State(number=number, kind=kind, name=name, place=place)
        return self._states[key]

    def _load(self, event: Mapping[str, Any], common: dict[str, Any]) -> Event | None:
        path = str(event["path"])
        name = posixpath.basename(path)
        if event["write"]:
            whole = f"write {path}"
            if path.endswith((".ptz", ".pt", ".bin", ".xz", ".zst")) and whole not in self._loaded:
                self._loaded.add(whole)
                return Artifact(action="save", what=name, **common)
            return None
        sources: tuple[LoadSource, ...] = ("train", "val")
        source = next((s for s in sources if f"_{s}_" in name), None)
        pattern = f"{source} {posixpath.dirname(path)}"
        if source is None or pattern in self._loaded:
            return None
        self._loaded.add(pattern)
        return Load(source=source, what=name, **common)

    def _report(self, line: Printed, numbers: Mapping[int, int], common: dict[str, Any]) -> Report:
        calls = line.scores[self._rank].call.tolist() if len(line.scores) > self._rank else []
        scores = tuple(sorted({numbers[call] for call in calls if call in numbers}))
        template = template_of(line.text)
        common["place"] = self._said_at(line.frames, template) or common["place"]
        label = "".join("{}" if part is None else part for part in template).strip()
        return Report(label=label, template=template, scores=scores, untraced=not scores, **common)

    def _said_at(self, frames: Frames, template: tuple[str | None, ...]) -> Place | None:
        """Where the text of a line was put together: the innermost frame whose statement holds part of it."""
        words = [word for part in template if part for word in re.findall(r"[A-Za-z_]{4,}", part)]
        if not words:
            return None
        longest = max(words, key=len)
        for frame in reversed(frames):
            layer = self._layers.get(frame.file)
            lines = self._texts.get(layer, "").split("\n") if layer is not None else []
            if any(longest in text for text in lines[frame.line - 1 : frame.line + STATEMENT_LINES]):
                return self._frame_place(frame.file, frame.line)
        return None

    # -- the tree

    def _place(self, event: Mapping[str, Any]) -> Place:
        frames = self._record.at(event)
        if not frames:
            return self._root.place
        return self._frame_place(frames[-1].file, frames[-1].line)

    def _frame_place(self, file: int, line: int) -> Place:
        path, layer = self._layers.get(file, (f"text {file}", 0))
        return Place(path, layer, line)

    def _function(self, event: Mapping[str, Any]) -> str:
        frames = self._record.at(event)
        return frames[-1].function if frames else ""

    def _turns(self, event: Mapping[str, Any]) -> tuple[Turn, ...]:
        return tuple(
            Turn(entry=entry, iteration=turn, variable=self._header(frame.file, line, column).variable)
            for frame in self._record.at(event)
            for line, column, entry, turn in frame.loops
        )

    def _counters(self, event: Mapping[str, Any]) -> frozenset[Symbol]:
        """Counters of the loops around an event whose turns choose tokens."""
        return frozenset(
            Symbol("iter", (entry, turn), 0)
            for frame in self._record.at(event)
            for line, column, entry, turn in frame.loops
            if (frame.file, line, column) in self._feeding
        )

    def _header(self, file: int, line: int, column: int) -> _LoopText:
        return self._loops.at(self._layers.get(file, ("", 0)), line, column)

    def _leaf(self, event: Mapping[str, Any], place: Place) -> Node:
        node = self._root
        frames = self._record.at(event)
        for depth, frame in enumerate(frames):
            for line, column, entry, turn in frame.loops:
                header = self._header(frame.file, line, column)
                node = node.child("loop", header.header, self._frame_place(frame.file, line))
                node.entries.add(entry)
                node.count = max(node.count or 0, turn)
            here = self._frame_place(frame.file, frame.line)
            if here == place:
                break
            if depth + 1 < len(frames) and frames[depth + 1].function != CALLED_AS_MAIN:
                node = node.child("call", frames[depth + 1].function, here)
        return node.child("event", event["kind"], place)


def template_of(text: str) -> tuple[str | None, ...]:
    """The constant parts of a printed line, None where a labelled number stands."""
    parts: list[str | None] = []
    at = 0
    for match in LABELLED.finditer(text):
        parts += [text[at : match.start("number")], None]
        at = match.end("number")
    return (*parts, text[at:])


def _access_kind(name: str) -> AccessKind:
    if name.startswith(("socket", "urllib")):
        return "network"
    return "native" if name.startswith("ctypes") else "subprocess"
