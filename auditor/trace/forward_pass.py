"""What was proved of a model's forward pass: facts for the rules, beside the events of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from auditor.trace.events import Place


class Bound(Enum):
    """What each row of a model's scores may depend on, from best to worst."""

    CAUSAL = "causal"
    UNKNOWN = "unknown"
    STATISTIC = "statistic"
    ACAUSAL = "acausal"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPass:
    """One call of a model that scores validation tokens.

    Attributes:
        model: class and method that are called.
        called_at: the call.
        bound: proved to depend on nothing but tokens before the target, or what else.
        reason: one clause: what is depended on, or what could not be followed.
        place: where that is.
        rests_on: kernels of libraries by whose declared behaviour the proof went.
    """

    model: str
    called_at: Place
    bound: Bound
    reason: str
    place: Place
    rests_on: tuple[str, ...] = ()
