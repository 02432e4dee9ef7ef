"""A bits-per-byte value whose denominator is not the bytes of the validation text.

## What it checks

What the script adds up as bytes, for each kind of token: the table of byte lengths and everything that is done
with it (lookups by target and previous token, sums, a sidecar of lengths by position) is followed and compared
with the bytes that the tokens decode to. And what the logs say: the bytes that a printed pair of loss and bits
per byte implies, bytes that a line states itself, a space mark spoilt by an encoding. In a split of known length the
turns of the loops are gone through: the bytes of a token count once for each time that it is scored.

## Why it breaks the rules

A denominator that is 17 % too large makes every score 17 % better. Nothing was learnt.

## How to fix it

Count each token by the bytes it decodes to: nothing for control, unknown and unused pieces, one for a byte
piece, else the UTF-8 length without the leading U+2581, and one more for that mark unless the token before is
control, unknown or unused. Add that one either in the table or when summing, not in both. Score every token of
the split, the BOS of the next document too. With a transformed text, count the bytes of the original (a
sidecar). Print the loss beside the bits per byte and `val_tokens`, so that the log proves the denominator.

## Known limits

Lengths read from a file (a sidecar, the metadata of a tokenizer) are not there to be read: the log decides,
and without one the rule says `unknown`. A log or a claimed pair that deviates although the code counts right
is for review where it prints no token count or implies too few bytes. Lengths of control, unknown and unused
pieces are remarks: the split has one such token a document, 0.03 % of its bytes. What a vocabulary holds is
not seen either: without a piece for the space mark alone the upstream table counts spaces as three bytes, and
only a log shows it. Mixtures whose printed loss is not the scored quantity cannot be measured by their log.
Within 0.25 % a log is a remark.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.denominator import told_by_code
from rules.core.record_rule import judge_metric, records_of
from rules.core.rule import Bad, Evidence, Finding, Good, Judgement, Level, Outcome, Policy, Rule, Source
from rules.examples.byte_counting import (
    DOUBLE_SPACE,
    IN_TABLE,
    SIDECAR,
    SIDECAR_ALONE,
    SPELLED_BYTES,
    SPOILT_MARK,
    UPSTREAM,
)
from rules.examples.record_folder import SCRIPT, toy_folder


class ByteAccounting(Rule):
    """Bits per byte are divided by the wrong bytes."""

    slug = "byte-accounting"
    title = "Bits per byte are divided by the wrong bytes"
    condition = "metric"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where the code counts more bytes for a common kind of token than it decodes to "
        "(since 2026-04-18), and for a log beyond 0.25 % of the family; too few bytes, a lossy text transform "
        "(issue #1604, unanswered), and code and log that contradict each other are for review",
        Policy.STRICT: "the same, and a lossy text transform fails",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/issues/897",
            date="2026-03-26",
            who="riccardoalberghi",
            ruling="a vocabulary without the space mark as a piece of its own spells each space as three byte "
            "pieces, which the upstream table counts as three bytes",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/issues/1604",
            date="2026-04-16",
            who="tejasnaladala",
            ruling="asked whether a tokenizer that folds case may count the bytes of the folded text; no "
            "maintainer has answered",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/issues/1719",
            date="2026-04-18",
            who="dexhunter",
            ruling="a table that holds the leading space already and an evaluator that adds it again count it "
            "twice: 17 % too many bytes; the authors withdrew their entries",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/1806",
            date="2026-04-24",
            who="cocohearts",
            ruling="a leaderboard entry whose byte table counts byte pieces by their replacement character was "
            "removed as invalid",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2039",
            date="2026-04-30",
            who="cocohearts",
            ruling="bits per byte are measured over the bytes of the original text",
        ),
    )
    examples = (
        Good("the upstream table, each token once", UPSTREAM),
        Good("the space in the table alone", IN_TABLE),
        Good("lengths from a sidecar, and a log that proves them", SIDECAR, toy_folder()),
        Good("the bytes of the split, by the log", SCRIPT, toy_folder()),
        Bad("the leading space in the table and again in the sum", DOUBLE_SPACE),
        Bad("the space mark as another encoding shows it", SPOILT_MARK),
        Bad("byte pieces counted by their spelling", SPELLED_BYTES),
        Bad("17.7 % too many bytes in the logs", SCRIPT, toy_folder(scale=1 / 1.177)),
        Bad("lengths from a sidecar, and no log", SIDECAR_ALONE, outcome=Outcome.UNKNOWN),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        """The code and the log as two witnesses: either may prove a fault, a contradiction is for a person."""
        logged = judge_metric(self.slug, evidence, "the implied bytes are those of the validation split")
        told = told_by_code(self.slug, evidence)
        if logged.outcome is Outcome.NOT_APPLICABLE:
            return told
        findings = (*told.findings, *logged.findings)
        records = records_of(evidence)
        measured = None if records is None else records.measured
        proved = logged.outcome is Outcome.PASS and measured is not None and measured.proves
        if logged.outcome is Outcome.FAIL:
            weak = measured is None or not measured.tokens_printed or measured.deviation < 0.0
            if told.outcome is Outcome.PASS and weak:
                return self.contradiction(
                    "the code counts each token by the bytes it decodes to, but the printed or claimed ratio of loss "
                    "to bits per byte is not the split's: another tokenizer of that size, another text or a part of it",
                    findings,
                )
            return Judgement(outcome=Outcome.FAIL, because=logged.because, findings=findings)
        if told.outcome is Outcome.FAIL and proved:
            return self.contradiction(f"{told.because}; but the log implies the right bytes", findings)
        if proved and told.outcome in (Outcome.UNKNOWN, Outcome.NOT_APPLICABLE):
            because = f"by the log {logged.because}; in the code {told.because}"
            return Judgement(outcome=Outcome.PASS, because=because, findings=logged.findings)
        return Judgement(outcome=told.outcome, because=told.because, findings=findings)

    def contradiction(self, because: str, findings: tuple[Finding, ...]) -> Judgement:
        """Code and log disagree: all that either says is kept, none of it decides."""
        doubt = Finding(rule=self.slug, outcome=Outcome.REVIEW, level=Level.WARNING, message=because)
        return Judgement(outcome=Outcome.REVIEW, because=because, findings=(doubt, *findings))
