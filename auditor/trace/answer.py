"""Three-valued answers: what is proved, what is refuted, and what could not be told."""

from __future__ import annotations

from enum import Enum


class Answer(Enum):
    """`MAYBE` is never folded into `YES` or `NO`: a rule that meets it says `review` or `unknown`."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"
