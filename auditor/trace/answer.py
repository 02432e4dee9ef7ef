"""Three-valued answers: what is proved, what is refuted, and what could not be told."""

from __future__ import annotations

from enum import Enum


class Answer(Enum):
    """`MAYBE` is never folded into `YES` or `NO`: a rule that meets it says `review` or `unknown`."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"

    @property
    def rank(self) -> int:
        """How near it is to a proof: 0 for `NO`, 1 for `MAYBE`, 2 for `YES`."""
        return _FROM_NO.index(self)


_FROM_NO = (Answer.NO, Answer.MAYBE, Answer.YES)
