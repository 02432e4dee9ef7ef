"""What the source leaves open is decided one way in one run and the other way in the next."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from auditor.static.causality.failures import NotFollowed
from auditor.static.causality.limits import MAX_RUNS


class Choices:
    """The decisions of one run: what it was told, and the first option wherever it was not."""

    def __init__(self, told: Mapping[Hashable, int] | None = None) -> None:
        self._told = dict(told or {})
        self._made: dict[Hashable, tuple[int, int, str]] = {}

    def told(self, key: Hashable) -> int:
        """The option that this run is to take, without making the choice."""
        return self._told.get(key, 0)

    def choose(self, key: Hashable, options: Sequence[Any], what: str) -> Any:
        """One of the options; the same for the same key within a run."""
        if len(options) == 1:
            return options[0]
        if key not in self._made:
            self._made[key] = (min(self.told(key), len(options) - 1), len(options), what)
        return options[self._made[key][0]]

    @property
    def taken(self) -> dict[Hashable, int]:
        """What was decided, for telling another run."""
        return {key: index for key, (index, _, _) in self._made.items()}

    @property
    def made(self) -> bool:
        """Whether anything was open."""
        return bool(self._made)

    @property
    def description(self) -> str:
        """What was decided otherwise than by default, for the reader; "" if nothing was."""
        return ", ".join(f"{what}: option {index + 1}" for index, _, what in self._made.values() if index)

    @property
    def subjects(self) -> list[str]:
        """What was open, for the reader."""
        return sorted({what for _, _, what in self._made.values()})

    def successor(self) -> dict[Hashable, int] | None:
        """What the next run is told; None after the last."""
        path = list(self._made.items())
        while path and path[-1][1][0] + 1 >= path[-1][1][1]:
            path.pop()
        if not path:
            return None
        told = {key: index for key, (index, _, _) in path}
        told[path[-1][0]] += 1
        return told


def all_ways() -> Iterator[Choices]:
    """Runs with every combination of what is open.

    Raises:
        NotFollowed: there are more than `MAX_RUNS`.
    """
    told: dict[Hashable, int] | None = {}
    for _ in range(MAX_RUNS):
        choices = Choices(told)
        yield choices
        told = choices.successor()
        if told is None:
            return
    raise NotFollowed(f"more than {MAX_RUNS} combinations of what is open: {', '.join(choices.subjects[:4])}")
