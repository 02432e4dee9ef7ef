"""Ties printed numbers to the scores they were made from, by following the record's nodes and by reconciling.

A number counts as followed only if the scores found for it give that number again: their mean is the loss that
was printed, or their sum over the bytes of their tokens is the bits per byte that was printed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from auditor.replay.runs.run_record import Frames, RankRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

LABELLED: Final = re.compile(
    r"(?P<label>[A-Za-z_][\w. ()/]*?)\s*[:=]\s*(?P<number>[-+]?\d+\.\d+(?:e[-+]?\d+)?)", re.IGNORECASE
)
RESULT: Final = re.compile(r"bpb|bits.?per.?byte|val_?loss|nats", re.IGNORECASE)
BITS: Final = re.compile(r"bpb|bits", re.IGNORECASE)
EXACT: Final = 2e-6
"""How close a mean of scores must come to a printed number, beyond the digits that were printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores behind a number, in the order in which they were added up.

    Attributes:
        position: in the validation split, -1 where unknown; [n].
        value: what was added, in nats; [n].
        call: number of the call that made the loss; [n].
        leaf: index of the loss in that call; [n].
        mixed: whether the value is no longer the loss as it was made, or comes from several; [n].
    """

    position: Ints
    value: Floats
    call: Ints
    leaf: Ints
    mixed: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A line that prints a result, with the scores behind it where they were found.

    Attributes:
        event: number of the print event.
        numbers: labelled numbers of the line, as (label, value, decimals).
        scores: of each rank; empty if they were not found.
        how: how the number and the scores were reconciled ("mean of scores", "bits per byte"), or "".
        gap: difference between the number and what the scores give.
    """

    event: int
    text: str
    frames: Frames
    numbers: tuple[tuple[str, float, int], ...]
    scores: tuple[Scores, ...]
    how: str
    gap: float


class Flow:
    """The nodes of one record and what they were made from."""

    def __init__(self, record: RankRecord) -> None:
        import numpy as np

        self._record = record
        arrays = record.arrays
        none = np.zeros(0, dtype=np.int64)
        leaves = arrays.get("leaves", np.zeros((0, 3), dtype=np.int64))
        self._first, self._call = leaves[:, 0], leaves[:, 1]
        self._sums = _parts(arrays, "sum", "member", none)
        self._values = _parts(arrays, "sum", "value", np.zeros(0))
        self._unions = _parts(arrays, "union", "child", none)
        self._known: dict[int, tuple[int, ...]] = {}

    def sums_below(self, nodes: Iterable[int]) -> list[int]:
        """All sums that nodes were made of, in order of time; single losses count as sums of one."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in self._unions and not self._is_element(node):
                waiting.extend(int(child) for child in self._unions[node])
            else:
                found.add(node)
        return sorted(found)

    def _is_element(self, node: int) -> bool:
        """Whether a union joins losses of one token (a mixture), not totals."""
        return all(
            int(child) not in self._sums and int(child) not in self._unions for child in self._unions[node]
        )

    def scores(self, sums: Iterable[int]) -> Scores:
        """The scores of sums, zero values left out: they are masked tokens."""
        import numpy as np

        members, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
        for node in sums:
            if node in self._sums:
                members.append(self._sums[node])
                values.append(self._values[node])
            else:
                members.append(np.array([node]))
                values.append(np.array([math.nan]))
        nodes, value = np.concatenate(members), np.concatenate(values)
        kept = value != 0.0
        return self._resolved(nodes[kept], value[kept])

    def _resolved(self, nodes: Ints, value: Floats) -> Scores:
        import numpy as np

        mixed = np.zeros(len(nodes), dtype=bool)
        leaf_nodes = nodes.copy()
        for place, node in enumerate(nodes.tolist()):
            if node in self._unions or node in self._sums:
                below = self._leaf_below(node)
                leaf_nodes[place] = below[-1] if below else -1
                mixed[place] = True
        which = np.searchsorted(self._first, leaf_nodes, side="right") - 1
        lost = (which < 0) | (leaf_nodes < 0)
        which = np.where(lost, 0, which)
        offset = leaf_nodes - self._first[which] if len(self._first) else leaf_nodes
        call = np.where(lost, -1, self._call[which]) if len(self._call) else leaf_nodes
        position, made = self._looked_up(call, offset)
        value = np.where(np.isnan(value), made, value)
        other = [
            number for number in np.unique(call[call >= 0]).tolist() if not self._record.losses[number].plain
        ]
        mixed |= np.isin(call, other)
        mixed |= ~(np.abs(value - made) <= 1e-6 + 1e-5 * np.abs(made))
        return Scores(position=position, value=value, call=call, leaf=offset, mixed=mixed)

    def _looked_up(self, call: Ints, offset: Ints) -> tuple[Ints, Floats]:
        import numpy as np

        position = np.full(len(call), -1, dtype=np.int64)
        made = np.full(len(call), np.nan)
        for number in np.unique(call[call >= 0]).tolist():
            here = call == number
            losses = self._record.losses[number]
            position[here] = losses.position[offset[here]]
            made[here] = losses.value[offset[here]]
        return position, made

    def _leaf_below(self, node: int) -> tuple[int, ...]:
        """Single losses below an element's node."""
        if node not in self._known:
            found: set[int] = set()
            waiting = [node]
            while waiting and len(found) < 64:
                at = waiting.pop()
                if at in self._unions:
                    waiting.extend(self._unions[at].tolist())
                elif at in self._sums:
                    waiting.extend(self._sums[at].tolist()[:64])
                else:
                    found.add(at)
            self._known[node] = tuple(sorted(found))
        return self._known[node]


def _parts(arrays: Mapping[str, Any], name: str, member: str, empty: Any) -> dict[int, Any]:
    import numpy as np

    if f"{name}_node" not in arrays:
        return {}
    cuts = np.cumsum(arrays[f"{name}_size"])[:-1]
    pieces = np.split(arrays[f"{name}_{member}"], cuts)
    return dict(zip(arrays[f"{name}_node"].tolist(), pieces, strict=True))


@dataclass(frozen=True, slots=True)
class _Number:
    """A number made of losses that became a Python number: which, where, and the how-many-th at that place."""

    node: int
    place: tuple[Any, ...]
    turn: int


class Reports:
    """The printed results of one run; rank 0 prints, and all ranks score.

    Args:
        records: one a rank.
        byte_counts: bytes that the token at each position stands for; [tokens of the split].
    """

    def __init__(self, records: Sequence[RankRecord], byte_counts: Ints) -> None:
        self._records, self._bytes = records, byte_counts
        self._flows = [Flow(record) for record in records]
        self._scores: dict[tuple[int, tuple[int, ...]], Scores] = {}
        self._others = [_by_place(record) for record in records[1:]]

    @cached_property
    def printed(self) -> list[Printed]:
        """Every line that prints a result, in order of time; a line that goes to several files counts once."""
        out: list[Printed] = []
        numbers: list[_Number] = []
        since = until = 0
        first = self._records[0]
        turns: Counter[tuple[Any, ...]] = Counter()
        for event in first.events:
            if event["kind"] == "number":
                numbers.append(_numbered(first, event, turns))
            elif event["kind"] == "print" and event.get("shown", True):
                found = labelled(str(event["text"]))
                if found and RESULT.search(str(event["text"])):
                    # Lines printed one after the other show the same numbers.
                    since = since if len(numbers) == until else until
                    line = self._line(event, found, numbers, since)
                    out.append(line)
                    until = len(numbers) if line.scores else until
        return out

    def _line(
        self,
        event: Mapping[str, Any],
        found: tuple[tuple[str, float, int], ...],
        numbers: list[_Number],
        since: int,
    ) -> Printed:
        best: tuple[float, str, tuple[Scores, ...]] | None = None
        for scores in self._candidates(numbers, since):
            tried = self._reconciled(found, scores)
            if tried is not None and (best is None or sum(map(len, scores)) > sum(map(len, best[2]))):
                best = (tried[1], tried[0], scores)
        return Printed(
            event=int(event["i"]),
            text=str(event["text"]),
            frames=self._records[0].at(event),
            numbers=found,
            scores=best[2] if best else (),
            how=best[1] if best else "",
            gap=best[0] if best else math.nan,
        )

    def _candidates(self, numbers: list[_Number], since: int) -> Iterator[tuple[Scores, ...]]:
        """Scores that a line may show: of each number lately taken, and of numbers taken at one place.

        Last come earlier numbers, for a result that is printed again.
        """
        groups: dict[tuple[Any, ...], list[_Number]] = {}
        for number in numbers[since:]:
            groups.setdefault(number.place, []).append(number)
        recent = {number.node: number for number in reversed(numbers[max(since - 8, 0) :])}
        for number in list(recent.values())[:24]:
            yield self._of([number])
        for group in groups.values():
            if len(group) > 1:
                yield self._of(group)
        earlier = {number.node: number for number in reversed(numbers[:since])}
        for number in list(earlier.values())[:16]:
            yield self._of([number])

    def _of(self, numbers: Sequence[_Number]) -> tuple[Scores, ...]:
        """The scores of each rank behind numbers of rank 0: those of the others stand at the same places."""
        found = [self._rank_scores(0, tuple(dict.fromkeys(number.node for number in numbers)))]
        for rank, others in enumerate(self._others, start=1):
            nodes = [others[n.place, n.turn] for n in numbers if (n.place, n.turn) in others]
            found.append(self._rank_scores(rank, tuple(dict.fromkeys(nodes))))
        return tuple(found)

    def _rank_scores(self, rank: int, nodes: tuple[int, ...]) -> Scores:
        sums = tuple(self._flows[rank].sums_below(nodes))
        if (rank, sums) not in self._scores:
            self._scores[rank, sums] = self._flows[rank].scores(sums)
        return self._scores[rank, sums]

    def _reconciled(
        self, found: tuple[tuple[str, float, int], ...], ranks: tuple[Scores, ...]
    ) -> tuple[str, float] | None:
        import numpy as np

        value = np.concatenate([scores.value for scores in ranks])
        position = np.concatenate([scores.position for scores in ranks])
        if len(value) < 2:
            return None
        mean = float(value.mean())
        known = position >= 0
        total_bytes = float(self._bytes[position[known]].sum())
        bits = float(value[known].sum()) / math.log(2.0) / total_bytes if total_bytes else math.nan
        for label, number, decimals in found:
            room = 0.51 * 10.0**-decimals + EXACT * max(1.0, abs(number))
            if abs(number - mean) <= room:
                return "mean of scores", number - mean
            if BITS.search(label) and abs(number - bits) <= room:
                return "bits per byte", number - bits
        return None


def _by_place(record: RankRecord) -> dict[tuple[tuple[Any, ...], int], int]:
    turns: Counter[tuple[Any, ...]] = Counter()
    seen = [_numbered(record, event, turns) for event in record.of_kind("number")]
    return {(number.place, number.turn): number.node for number in seen}


def _numbered(record: RankRecord, event: Mapping[str, Any], turns: Counter[tuple[Any, ...]]) -> _Number:
    place = _place_key(record.at(event))
    turns[place] += 1
    return _Number(int(event["node"]), place, turns[place])


def _place_key(frames: Frames) -> tuple[Any, ...]:
    return tuple((frame.file, frame.line) for frame in frames)


def labelled(text: str) -> tuple[tuple[str, float, int], ...]:
    """Labelled decimal numbers of a line: (label, value, decimals)."""
    out = []
    for match in LABELLED.finditer(text):
        number = match["number"]
        digits = number.lower().split("e")[0]
        out.append((match["label"].strip(), float(number), len(digits.partition(".")[2])))
    return tuple(out)
