"""What the code of a submission says of the bytes that its claimed number is divided by.

Not a rule itself: `byte-accounting` asks here and compares the answer with what the logs imply. The witness
records what is counted for a model piece of each kind of token; here that is held against the canonical count
(`auditor.trace.token_bytes`). Only kinds that the text is full of can break the rule: the split has one token
a document that is control, unknown or unused, or stands after one, and 50,000 documents are 0.03 % of its
bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import combinations

from auditor.records.implied_bytes import FAMILIES, LEGACY, NOTE
from auditor.trace.answer import Answer
from auditor.trace.coverage import Coverage
from auditor.trace.events import Count, Event, Place, Report
from auditor.trace.formula import Of, Printed
from auditor.trace.overlap import overlap
from auditor.trace.token_bytes import TOLERATED, Counted, faults, rare_faults
from auditor.trace.trace import Trace
from rules.core.order_rule import judged_report
from rules.core.rule import Evidence, Finding, Judgement, Level, Outcome, Policy, Step

BITS_PER_BYTE = re.compile(r"bpb|bits.?per.?byte|\bbbp\b", re.IGNORECASE)
BYTE_LEVEL = re.compile(r"byte[-_]?2\d\d|byte[-_]?level|pure[-_]?byte|raw[-_]?bytes?", re.IGNORECASE)
"""Names of tokenizers whose tokens are bytes."""
LOSSY = re.compile(r"case[-_]?fold|lower[-_]?case|uncased", re.IGNORECASE)
"""Names of tokenizers that change the text in a way that cannot be undone."""
_NAMED = re.compile(r"(?:^|[^a-z])sp(\d{3,5})|fineweb_(\d{3,5})", re.IGNORECASE)
MARKED = re.compile(r"caseops|lossless[-_]?caps", re.IGNORECASE)
"""Names of tokenizers whose text holds marks that are no bytes of the original."""


SPLITS = (*FAMILIES, LEGACY)
"""The validation splits of the challenge, by tokenizer."""


def told_by_code(slug: str, evidence: Evidence) -> Judgement:
    """The judgement that the trace alone allows; `NOT_APPLICABLE` where no number in bits per byte is reported."""
    trace = evidence.trace
    if trace is None or not trace.reports:
        return Judgement(outcome=Outcome.NOT_APPLICABLE, because="there is no reported number to follow")
    report = judged_report(trace)
    counts = trace.counts_of(report)
    if not counts and BITS_PER_BYTE.search(report.label) is None:
        return Judgement(outcome=Outcome.NOT_APPLICABLE, because="the number is not in bits per byte")
    teller = _Teller(slug, trace, report, counts, evidence.coverage)
    return (
        teller.constant()
        or teller.wrong()
        or teller.twice()
        or teller.more_often()
        or teller.transformed(evidence.policy)
        or teller.unfollowed()
        or teller.elsewhere()
        or teller.right()
    )


class _Teller:
    """The counts behind one report, asked one question after the other."""

    def __init__(
        self, slug: str, trace: Trace, report: Report, counts: Sequence[Count], coverage: Coverage | None
    ) -> None:
        self.slug = slug
        self.coverage = coverage
        self.report = report
        self.counts = counts
        self.scores = trace.scores_of(report)
        self.names = " ".join(load.what for load in trace.loads if load.source in ("tokenizer", "val"))

    def constant(self) -> Judgement | None:
        """A number that is divided by no count of bytes, but by so many bytes a token as the source says."""
        if self.counts:
            return None
        ratios = [ratio for number in self.report.numbers if (ratio := constant_ratio(number)) is not None]
        if not ratios:
            return None
        ratio = ratios[0]
        told = f"the source says that there are {ratio:.6g} tokens to a byte"
        close = [f for f in SPLITS if abs(f.tokens_per_byte / ratio - 1.0) <= NOTE]
        named = _NAMED.search(self.names)
        if named is not None:
            own = [f for f in SPLITS if str(f.vocab_size) in (named[1], named[2])]
            if own and not set(own) & set(close):
                text = f"{told}, which the split that is read has not ({own[0].tokens_per_byte:.6g})"
                flatters_it = ratio < min(f.tokens_per_byte for f in own)
                return self.answer(Outcome.FAIL if flatters_it else Outcome.REVIEW, text, self.report)
        highest = max(f.tokens_per_byte for f in SPLITS)
        if not close:
            text = f"{told}, which no validation split has"
            return self.answer(Outcome.REVIEW, text, self.report)
        if named is None and ratio < highest * (1.0 - NOTE):
            text = f"{told}, as the {close[0].name} split has; which split is read is not told"
            return self.answer(Outcome.REVIEW, text, self.report)
        because = f"{told}, as the {close[0].name} split has ({self.report.place})"
        return Judgement(outcome=Outcome.PASS, because=because)

    def wrong(self) -> Judgement | None:
        """A count of a common kind of token that is not what it decodes to."""
        bad = [count for count in self.counts if count.how == "table" and wrong_kinds(count)]
        if not bad:
            return None
        good = any(count.how != "table" or not wrong_kinds(count) for count in self.counts)
        sure = [
            count
            for count in bad
            if (count.certain is Answer.YES or not good) and flatters(wrong_kinds(count))
        ]
        shown = (sure or bad)[0]
        return self.answer(Outcome.FAIL if sure else Outcome.REVIEW, _fault_text(shown), shown)

    def twice(self) -> Judgement | None:
        """Bytes of the same tokens that are added up at two places, or in a loop that scores nothing."""
        whole = [
            c for c in self.counts if c.how == "table" and c.certain is Answer.YES and not wrong_kinds(c)
        ]
        more = len({count.place for count in whole}) > len({score.place for score in self.scores})
        for first, second in combinations(whole if more else (), 2):
            if first.place != second.place and any(
                overlap(a, b)[0] is Answer.YES for a in first.regions for b in second.regions
            ):
                text = f"bytes of the same tokens are added at {first.place} and at {second.place}"
                return self.answer(Outcome.FAIL, text, second)
        scored = {turn.entry for score in self.scores for turn in score.turns}
        for count in whole:
            depends = {symbol.args[0] for region in count.regions for symbol in region.iterations}
            idle = [turn for turn in count.turns if turn.entry not in scored | depends]
            if idle and self.scores:
                text = f"bytes are added in each turn of the loop over `{idle[-1].variable}`, which scores nothing"
                return self.answer(Outcome.REVIEW, text, count)
        return None

    def more_often(self) -> Judgement | None:
        """Windows that overlap, each with all its bytes, where each token is scored once."""
        if self.coverage is None or not self.counts or self.coverage.counted <= 1.0 + TOLERATED:
            return None
        text = (
            f"the bytes of a token are counted {self.coverage.counted:.3g} times for each time that it is scored, "
            "gone through turn by turn"
        )
        return self.answer(Outcome.FAIL, text, self.counts[-1])

    def elsewhere(self) -> Judgement | None:
        """A number in bits per byte that is divided by something else than the counts that were found."""
        for number in self.report.numbers:
            formula = number.formula
            lost = formula.of is Of.NLL and formula.bytes == 0 and (formula.mixed or formula.factor is None)
            if lost and BITS_PER_BYTE.search(number.name) and self.counts:
                text = f"what {number.name} is divided by is not these counts alone"
                return self.answer(Outcome.UNKNOWN, text, self.counts[-1])
        return None

    def transformed(self, policy: Policy) -> Judgement | None:
        """A tokenizer that, by its name, changes the text before it is counted."""
        if any(count.how == "sidecar" for count in self.counts) or not self.counts:
            return None
        if LOSSY.search(self.names):
            outcome = Outcome.FAIL if policy is Policy.STRICT else Outcome.REVIEW
            text = "by its name the tokenizer folds case, so the bytes counted are those of the changed text"
            return self.answer(outcome, text, self.counts[0])
        if MARKED.search(self.names):
            text = "the table counts a text with case marks in it, not the original"
            return self.answer(Outcome.UNKNOWN, text, self.counts[0])
        return None

    def unfollowed(self) -> Judgement | None:
        """What could not be followed, if anything."""
        if not self.counts:
            return self.answer(Outcome.UNKNOWN, "no count of bytes was found behind the number", self.report)
        reasons = {
            "unknown": "the lengths that are added up could not be followed",
            "sidecar": "the lengths are read from a file",
            "file": "the table of lengths is read from a file",
        }
        if not BYTE_LEVEL.search(self.names):
            reasons["uniform"] = "every token is counted alike, which is right for a byte tokenizer alone"
        for how, text in reasons.items():
            found = next((count for count in self.counts if count.how == how), None)
            if found is not None:
                return self.answer(Outcome.UNKNOWN, text, found)
        return None

    def right(self) -> Judgement:
        places = ", ".join(dict.fromkeys(str(count.place) for count in self.counts))
        remarked = next((count for count in self.counts if rare_kinds(count)), None)
        findings = () if remarked is None else (self._remark(remarked),)
        because = f"each kind of token is counted by the bytes it decodes to, at {places}"
        return Judgement(outcome=Outcome.PASS, because=because, findings=findings)

    def answer(self, outcome: Outcome, text: str, event: Count | Report) -> Judgement:
        message = f"{text} ({event.place})"
        found = wrong_kinds(event) if isinstance(event, Count) else []
        steps = [
            Step(
                text=f"{c.kind.piece!r} ({c.kind.name}) adds {_number(c.count)}, is {c.right}",
                place=event.place,
            )
            for c in found
        ]
        finding = Finding(
            rule=self.slug,
            outcome=outcome,
            level=Level.ERROR if outcome is Outcome.FAIL else Level.WARNING,
            report=self.report.label,
            message=f"{message[0].upper()}{message[1:]}.",
            locations=_places(event, self.report),
            steps=(*steps, Step(text=f"reported as {self.report.label!r}", place=self.report.place)),
        )
        return Judgement(outcome=outcome, because=message, findings=(finding,))

    def _remark(self, count: Count) -> Finding:
        rare = rare_kinds(count)
        told = [f"{c.kind.piece!r} as {_number(c.count)}" for c in rare if c.kind.boundary]
        if any(not c.kind.boundary for c in rare):
            told.append("the space of a document's first token")
        return Finding(
            rule=self.slug,
            outcome=Outcome.PASS,
            level=Level.NOTE,
            report=self.report.label,
            message=f"Counted although it is no text, once a document at most: {', '.join(told)}.",
            locations=(count.place,),
        )


def constant_ratio(number: Printed) -> float | None:
    """Tokens to a byte, where a number in bits per byte is a mean loss times a constant."""
    formula = number.formula
    is_mean = formula.of is Of.NLL and formula.tokens == -1 and formula.bytes == 0 and not formula.mixed
    if not is_mean or formula.factor is None or BITS_PER_BYTE.search(number.name) is None:
        return None
    return formula.factor * math.log(2.0) if formula.factor > 0.0 else None


def _places(event: Event, report: Report) -> tuple[Place, ...]:
    return (event.place,) if event.place == report.place else (event.place, report.place)


def wrong_kinds(count: Count) -> list[Counted]:
    """Common kinds of token that a table counts wrongly."""
    return faults(count.counts) if count.how == "table" else []


def rare_kinds(count: Count) -> list[Counted]:
    """What a table counts wrongly once a document at most."""
    return rare_faults(count.counts) if count.how == "table" else []


def flatters(found: Sequence[Counted]) -> bool:
    """Whether bytes are added that the text does not have: too few make the number worse than it is."""
    return any(c.count is not None and c.count > c.right for c in found)


def _fault_text(count: Count) -> str:
    found = wrong_kinds(count)
    worst = next((c for c in found if c.kind.leading), found[0])
    return (
        f"{_cause(found)}: {worst.kind.piece!r} adds {_number(worst.count)} bytes to the denominator, "
        f"it decodes to {worst.right}"
    )


def _cause(found: Sequence[Counted]) -> str:
    """What is wrong, in a few words."""
    leading = {(c.count or 0.0) - c.right for c in found if c.kind.leading}
    causes = {
        1.0: "the leading space is counted twice",
        2.0: "the space mark is counted by its own three bytes",
        -1.0: "the leading space is not counted",
    }
    if len(leading) == 1:
        return causes.get(leading.pop(), "tokens are not counted by the bytes they decode to")
    if {c.kind.name for c in found} == {"byte"}:
        return "byte pieces are counted by their spelling"
    return "tokens are not counted by the bytes they decode to"


def _number(number: float | None) -> str:
    return "?" if number is None else f"{number:g}"
