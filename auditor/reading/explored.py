"""What came of an exploration, in a form that can be kept and asked again without evaluating anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from auditor.reading.counterfactuals import Alternative, Exploration
from auditor.trace.trace import Trace


class NotExplored(Exception):
    """A rule asks for what no rule had asked for when the program was evaluated."""


@dataclass(slots=True, kw_only=True)
class Explored:
    """An exploration as far as it was asked for; what it is asked answers as the exploration did.

    Attributes:
        turnable: whether there was a switch to turn.
        opened_known: whether the program was evaluated with every switch both ways.
        opened_trace: what then happened, or None where that was too much to evaluate.
        alternatives: the program with one switch turned, for each; None if that was never evaluated.
        unturned: one sentence for each switch that could not be turned.
        told: whether `alternatives` have been asked for: until then nobody knows of `unturned`.

    Raises:
        NotExplored: by whatever asks for what was never evaluated.
    """

    turnable: bool
    opened_known: bool = False
    opened_trace: Trace | None = None
    alternatives: tuple[Alternative, ...] | None = None
    unturned: tuple[str, ...] = ()
    told: bool = field(default=False)

    def __bool__(self) -> bool:
        return self.turnable

    def __iter__(self) -> Iterator[Alternative]:
        if self.alternatives is None:
            raise NotExplored
        self.told = True
        return iter(self.alternatives)

    @property
    def opened(self) -> Trace | None:
        """See `Exploration.opened`."""
        if not self.opened_known:
            raise NotExplored
        return self.opened_trace

    @property
    def skipped(self) -> list[str]:
        """See `Exploration.skipped`."""
        return list(self.unturned) if self.told else []


def explored(exploration: Exploration, *, told: bool) -> Explored:
    """What an exploration has been asked so far.

    Args:
        told: whether its alternatives had been evaluated before any rule was asked.
    """
    alternatives = exploration.alternatives_so_far
    return Explored(
        turnable=bool(exploration),
        opened_known=exploration.was_opened,
        opened_trace=exploration.opened if exploration.was_opened else None,
        alternatives=None if alternatives is None else tuple(alternatives),
        unturned=tuple(exploration.skipped),
        told=told,
    )
