"""The timeline: a trace as a tree of lines that a reader can check against the source.

    eval_val_ttt                                           train_gpt.py:1301
    └─ for ci in chunks
       ├─ SCORE   val[ci]  with model                      :1342
       └─ for epoch in range(4)   (repeats)                :1390
          └─ UPDATE  model  ← val[ci]   SGD.step           :1399

One line an event, the loops, branches and calls around it as the tree. Text, Markdown and HTML show the same
lines; colour and escaping are theirs. Nothing is judged here: a mark says that the trace holds an overlap,
the rules say what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from auditor.solver.expressions import Symbol
from auditor.trace.answer import Answer
from auditor.trace.events import (
    SKIP_WAYS,
    Access,
    Artifact,
    Carry,
    Clock,
    Count,
    Event,
    Load,
    LoopEnd,
    Place,
    Report,
    Reset,
    Score,
    Select,
    SelfCheck,
    Skip,
    Unresolved,
    Update,
)
from auditor.trace.formula import BPB, expected
from auditor.trace.lines import Item, Line, Mark, Matters, aligned, drawn, pruned, without_repetition
from auditor.trace.region import Region
from auditor.trace.token_bytes import faults
from auditor.trace.trace import Switch, Trace
from auditor.trace.tree import Node

MAX_NAMES = 4
"""Regions and states named on one line; the rest is counted."""

MAX_TEXT = 72
"""Characters of a condition, an iterable or a label taken over from the source."""


def timeline(
    trace: Trace,
    *,
    values: Mapping[str, str] | None = None,
    home: str = "",
    matters: Matters | None = None,
) -> tuple[Line, ...]:
    """The lines of a trace, in order of first occurrence.

    Args:
        home: folder whose files are shown by their path inside it.
        values: settings by environment name, shown where a loop or a branch hangs on one of them.
        matters: which events are shown, with the loops, branches and calls around them; all if not given.
    """
    items = _Builder(trace, values or {}).items(trace.root)
    return tuple(drawn(items if matters is None else pruned(items, matters), home))


def render(trace: Trace, *, values: Mapping[str, str] | None = None, home: str = "") -> str:
    """The timeline as text, places aligned at the right; "" for a trace without events."""
    return "\n".join(text for text, _ in aligned(timeline(trace, values=values, home=home)))


class RegionNames:
    """Says regions by the variables of the loops they depend on: `val[doc, chunk]`."""

    def __init__(self, trace: Trace) -> None:
        self._variables: dict[object, str] = {}
        for event in trace:
            for turn in event.turns:
                self._variables.setdefault(turn.entry, turn.variable)

    def text(self, region: Region) -> str:
        if region.positions is not None:
            low, high = min(region.positions, default=0), max(region.positions, default=-1) + 1
            whole = len(region.positions) == high - low
            return f"{region.source}[{low}:{high}]" + ("" if whole else f" ({len(region.positions)} tokens)")
        counters = sorted(region.iterations, key=_entry_order)
        names = [self._variables.get(symbol.args[0], "") for symbol in counters]
        shown = list(dict.fromkeys(name for name in names if name))
        return f"{region.source}[{', '.join(shown)}]" if shown else region.source


class _Builder:
    """Turns nodes into items; holds what all lines share."""

    def __init__(self, trace: Trace, values: Mapping[str, str]) -> None:
        self.trace = trace
        self.values = {switch.name: switch.value for switch in trace.switches} | dict(values)
        self.reported = {number for report in trace.reports for number in report.scores}
        self.counted = {number for report in trace.reports for number in report.counts}
        scores = [trace.events[number] for number in self.reported]
        self.scoring = {turn.entry for score in scores for turn in score.turns}
        self.names = RegionNames(trace)
        self.switches: dict[Place, list[Switch]] = {}
        for switch in trace.switches:
            self.switches.setdefault(switch.place, []).append(switch)

    def items(self, node: Node, *, in_loop: bool = False) -> list[Item]:
        found: list[Item] = []
        for child in node.children:
            found.extend(self._item(child, in_loop))
        return without_repetition(found)

    def _item(self, node: Node, in_loop: bool) -> list[Item]:
        if node.kind == "event":
            return self._events(node)
        if node.kind == "branch" and node.taken is Answer.NO:
            return self._dead(node)
        children = self.items(node, in_loop=in_loop or node.kind == "loop")
        if not children:
            return []
        if node.kind == "branch" and node.taken is Answer.YES and not node.settings:
            return children
        if node.kind == "loop":
            return [Item("loop", self._loop_text(node), node.place, children=children)]
        if node.kind == "branch":
            return [Item("branch", self._branch_text(node, in_loop), node.place, children=children)]
        if node.kind == "root":
            return children
        return [Item("call", node.text, node.place, children=children)]

    def _dead(self, node: Node) -> list[Item]:
        guards = [switch for switch in self.switches.get(node.place, ()) if switch.guards]
        if not guards:
            return []
        killed = ", ".join(f"{s.name} = {s.value or repr('')} ({s.origin})" for s in guards)
        return [Item("branch", f"{_arm(node)}   (off: {killed})", node.place, mark=Mark.DEAD)]

    def _loop_text(self, node: Node) -> str:
        if node.detail and not node.text.startswith(("for ", "while")):
            text = f"for {node.text} in {_cut(node.detail)}"
        else:
            text = _cut(node.text) + (f" {_cut(node.detail)}" if node.detail else "")
        if node.count is not None:
            text += f"  × {node.count}"
        text += self._settings(node)
        return text + ("   (repeats)" if self._repeats(node) else "")

    def _branch_text(self, node: Node, in_loop: bool) -> str:
        text = _arm(node) + self._settings(node)
        if node.taken is not Answer.MAYBE:
            return text
        varies = in_loop and not node.settings
        return text + ("   (in some turns)" if varies else "   (not decided)")

    def _settings(self, node: Node) -> str:
        known = [f"{name} = {self.values[name]}" for name in node.settings if name in self.values]
        return f"   [{', '.join(known)}]" if known else ""

    def _repeats(self, node: Node) -> bool:
        """Whether the loop goes over the same tokens again: it feeds no region that is trained on inside."""
        updates = [e for inner in node.walk() for e in inner.events if isinstance(e, Update)]
        tokens = [region for update in updates for region in update.regions if region.source == "val"]
        fed = {symbol.args[0] for region in tokens for symbol in region.iterations}
        return bool(tokens) and not (fed & node.entries)

    def _events(self, node: Node) -> list[Item]:
        """One line for each different kind of event at the node, all its turns together."""
        lines: dict[tuple[str, ...], list[Event]] = {}
        for event in node.events:
            described = self._describe(event)
            if described is not None:
                lines.setdefault((type(event).__name__, _subject(event)), []).append(event)
        items = []
        for events in lines.values():
            marks = [self._mark(event) for event in events]
            first = next(
                (e for e, mark in zip(events, marks, strict=True) if mark is not Mark.NONE), events[0]
            )
            mark = next((m for m in (Mark.CLAIMED, Mark.HIT, Mark.DOUBT) if m in marks), Mark.NONE)
            described = self._describe(first)
            assert described is not None
            word, text = described
            items.append(
                Item(word.lower(), f"{word:<7} {text}".rstrip() + self._remark(events), first.place, mark)
            )
        return items

    def _mark(self, event: Event) -> Mark:
        if isinstance(event, Report):
            return Mark.CLAIMED if event.number == self.trace.claimed else Mark.NONE
        if isinstance(event, Score) and event.number in self.reported:
            overlaps = {absorbed.overlap for absorbed in event.absorbed}
            if Answer.YES in overlaps:
                return Mark.HIT
            if Answer.MAYBE in overlaps:
                return Mark.DOUBT
        if isinstance(event, Unresolved):
            return Mark.DOUBT
        if (
            isinstance(event, Count)
            and event.number in self.counted
            and event.how == "table"
            and faults(event.counts)
        ):
            return Mark.HIT
        return Mark.NONE

    def _remark(self, events: Iterable[Event]) -> str:
        """What is said behind the line: which updates from the same tokens were already in."""
        places: dict[Answer, set[Place]] = {Answer.YES: set(), Answer.MAYBE: set()}
        for event in events:
            if isinstance(event, Report) and event.number == self.trace.claimed:
                how = f": {self.trace.claimed_how}" if self.trace.claimed_how else ""
                return f"   ◀ claimed{how}"
            if isinstance(event, Score) and event.number in self.reported:
                for absorbed in event.absorbed:
                    if absorbed.overlap is not Answer.NO:
                        places[absorbed.overlap].add(absorbed.update.place)
        if places[Answer.YES]:
            return f"   ✗ trained on these by {_lines(places[Answer.YES])}"
        if places[Answer.MAYBE]:
            return f"   ? maybe trained on these by {_lines(places[Answer.MAYBE])}"
        return ""

    def _describe(self, event: Event) -> tuple[str, str] | None:
        """The event's word and text, or None if the timeline leaves it out."""
        if isinstance(event, Score):
            if event.number not in self.reported:
                return None
            states = _listed(dict.fromkeys(state.name for state in event.states))
            how = "" if event.how == "softmax" else f"   {event.how}"
            return "SCORE", f"{self._where(event.regions)}" + (f"  with {states}" if states else "") + how
        if isinstance(event, Update):
            made_from = self._where(event.regions)
            return "UPDATE", f"{event.state.name}  ← {made_from}   {event.by or event.how}"
        if isinstance(event, Count):
            return self._count(event)
        if isinstance(event, Carry):
            return "CARRY", f"{event.what}   over the start of a document"
        if isinstance(event, Skip):
            if not event.turns or event.turns[-1].entry not in self.scoring:
                return None
            _, left_out = SKIP_WAYS[event.how]
            return "SKIP", f"{left_out} by {event.by}: {event.what}"
        if isinstance(event, LoopEnd):
            return "END", f"the loop ends at {event.what}"
        if isinstance(event, SelfCheck):
            return "CHECK", "ends with an error unless each token has just one score"
        if isinstance(event, Reset):
            return "RESET", f"{event.state.name}   {event.by}"
        if isinstance(event, Select):
            return "SELECT", f"{event.by}  over {len(event.scores)} scores"
        if isinstance(event, Report):
            if not event.scores and not event.untraced:
                return None
            lines = {score.place for score in self.trace.scores_of(event)}
            source = f"  ← SCORE {_lines(lines)}" if lines else "  ← scores not found"
            return "REPORT", label_text(event) + source + self._formula(event)
        if isinstance(event, Load):
            return (
                ("LOAD", f"{event.source}  {_cut(event.what)}".rstrip())
                if event.source != "tokenizer"
                else None
            )
        if isinstance(event, Artifact):
            return event.action.upper(), _cut(event.what)
        if isinstance(event, Clock):
            return "CLOCK", event.phase
        if isinstance(event, Access):
            return ("ACCESS", f"{event.kind}  {_cut(event.what)}") if event.kind != "file" else None
        if isinstance(event, Unresolved) and event.touches_scores:
            return "UNKNOWN", f"{_cut(event.what)}: {event.reason}"
        return None

    def _formula(self, report: Report) -> str:
        """What the claimed number is made of: bits per byte, where the line has them, else its loss."""
        if report.number != self.trace.claimed:
            return ""
        told = [n.formula.text() for n in report.numbers if BPB.search(n.name)]
        told = told or [n.formula.text() for n in report.numbers if expected(n.name) is not None]
        return f"   = {_cut(told[-1])}" if told else ""

    def _count(self, event: Count) -> tuple[str, str] | None:
        """What a denominator adds up, and the first kind of token that it counts wrongly."""
        if event.number not in self.counted:
            return None
        wrong = next(iter(faults(event.counts)), None) if event.how == "table" else None
        told = "" if wrong is None else f"   ✗ {wrong.kind.piece} as {wrong.count:g}, is {wrong.right}"
        how = "" if event.how == "table" else f"   lengths {event.how}"
        return "COUNT", f"bytes of {self._where(event.regions)}{how}{told}"

    def _where(self, regions: Iterable[Region]) -> str:
        return _listed(sorted({self.names.text(region) for region in regions})) or "?"


def label_text(report: Report) -> str:
    """The template of a report with "…" where values stand, white space and length cut."""
    text = "".join("…" if part is None else part for part in report.template) or report.label
    return _cut(text.strip()) or "(no label)"


def _entry_order(symbol: Symbol) -> tuple[int, str]:
    entry = symbol.args[0]
    return (entry, "") if isinstance(entry, int) else (1 << 30, str(entry))


def _subject(event: Event) -> str:
    """What tells apart events of one kind at one place."""
    if isinstance(event, (Update, Reset)):
        return event.state.name
    if isinstance(event, Load):
        return event.source
    if isinstance(event, Report):
        return event.label
    return ""


def _arm(node: Node) -> str:
    condition = _cut(node.text)
    if node.detail == "else":
        return f"else (not {condition})" if " " not in condition else f"else ({condition})"
    return condition if condition.startswith(("if ", "unless ")) else f"if {condition}"


def _listed(names: Iterable[str]) -> str:
    rows = list(names)
    rest = len(rows) - MAX_NAMES
    return ", ".join(rows[:MAX_NAMES]) + (f" +{rest} more" if rest > 0 else "")


def _lines(places: Iterable[Place]) -> str:
    return _listed(f":{line}" for line in sorted({place.line for place in places}))


def _cut(text: str) -> str:
    flat = re.sub(r"\s+", " ", text).strip()
    return flat if len(flat) <= MAX_TEXT else flat[: MAX_TEXT - 1] + "…"
