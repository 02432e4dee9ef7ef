"""What a picture shows, in one sentence that agrees with the verdict, and in words for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.judgement.result import AuditResult, Verdict
from auditor.report.picture.blame import Charge
from auditor.report.picture.scene import Arrow, Band, Ink, Row
from auditor.trace.answer import Answer
from auditor.trace.events import Place
from auditor.trace.lines import shown_place
from rules.core.rule import Kind, Outcome

ORDER_RULES = frozenset(
    {
        "train-before-score",
        "rescore-after-update",
        "two-pass-rescore",
        "same-token-adaptation",
        "hindsight-selection",
        "val-in-training",
    }
)
"""Rules about the order of scores and updates: "score first" is said only where none of them objects."""

_OFFENCES = {
    "train-before-score": "{state} learns from the tokens first; the score made afterwards is claimed.",
    "val-in-training": "{state} is fitted to validation tokens before it is saved; their scores are claimed.",
    "rescore-after-update": "Scored, learnt from, scored again: the claimed number is the later score.",
    "two-pass-rescore": "{state} is filled with the tokens first; their scores with it are claimed.",
    "same-token-adaptation": "{state} is fitted to the very tokens that are then scored with it.",
    "hindsight-selection": "{state} is chosen after the scores were seen; the scores with that choice are claimed.",
}


_IN_TURNS = "{state} learns from the tokens in an earlier turn; the score of a later one is claimed."


def sentence(result: AuditResult, rows: Sequence[Row], arrow: Arrow | None, charges: Sequence[Charge]) -> str:
    """One sentence above the picture. It never says more than the verdict does."""
    updates = [row for row in rows if row.ink is Ink.UPDATE]
    state = _state(rows, arrow) or (updates[-1].state if updates else "")
    if arrow is not None and arrow.proved:
        told = _OFFENCES.get(arrow.rule, "{state} had learnt from the tokens that are scored with it.")
        if arrow.rule == "rescore-after-update" and len(arrow.stations) == 2:
            told = _IN_TURNS
        return told.format(state=state)
    proved = [charge.rule for charge in charges if charge.answer is Answer.YES]
    failed = result.slugs(Outcome.FAIL, kind=Kind.EVALUATION)
    outcomes = {a.rule: a.outcome for a in result.rules}
    clean = {outcomes.get(rule, Outcome.UNKNOWN) for rule in ORDER_RULES} <= {
        Outcome.PASS,
        Outcome.NOT_APPLICABLE,
    }
    if proved or (failed and not clean and set(failed) & ORDER_RULES):
        return f"Breaks {', '.join(proved[:1] or [r for r in failed if r in ORDER_RULES])}: see the findings."
    if failed:
        order = f"{_order(updates, state)}, but" if clean else "The claimed number"
        return (
            f"{order} breaks {', '.join(failed)}."
            if not clean
            else f"{order} the number breaks {', '.join(failed)}."
        )
    if result.verdict is Verdict.COMPLIANT and clean:
        return f"{_order(updates, state)}."
    if arrow is not None:
        return f"Not proved: {state} may have learnt from tokens that are scored with it."
    undecided = [
        *result.slugs(Outcome.REVIEW, kind=Kind.EVALUATION),
        *result.slugs(Outcome.UNKNOWN, kind=Kind.EVALUATION),
    ]
    open_ = ", ".join(undecided[:3]) + (" and more" if len(undecided) > 3 else "")
    if clean:
        return f"{_order(updates, state)}; for a person: {open_ or 'see the reasons'}."
    return f"The order is not proved; for a person: {open_ or 'see the reasons'}."


def _order(updates: Sequence[Row], state: str) -> str:
    if not updates:
        return "Tokens are scored, and nothing learns from them"
    return f"Score first: {state} learns from tokens only after their score"


def _state(rows: Sequence[Row], arrow: Arrow | None) -> str:
    if arrow is None:
        return ""
    at = {station.place for station in arrow.stations}
    return next((row.state for row in rows if row.ink is Ink.UPDATE and row.place in at), "")


def in_words(
    bands: Sequence[Band], arrow: Arrow | None, axis: str, report: str, place: Place, home: str
) -> Iterator[str]:
    """The picture as sentences in the order of time."""
    for band in bands:
        where = shown_place(band.place, home)
        if not band.rows:
            yield f"{band.title.capitalize()}, {where}: {band.says}."
            continue
        seen: dict[str, None] = {}
        for row in band.rows:
            if row.ink is Ink.RESET:
                seen[f"{row.state} starts afresh"] = None
            if row.ink not in (Ink.SCORE, Ink.UPDATE) or row.place is None:
                continue
            line = f"line {row.place.line}"
            if row.ink is Ink.UPDATE:
                seen[f"{row.state} learns from them ({line})"] = None
                continue
            leaks = {cell.leak for cell in row.cells}
            told = f"tokens are scored ({line})"
            if Answer.YES in leaks:
                told += f" after {row.state} had learnt from these very tokens"
            elif Answer.MAYBE in leaks:
                told += f", perhaps after {row.state} had learnt from them"
            seen[told + ("" if row.claimed else ", not for the claimed number")] = None
        turns = f"in each turn of {axis}, " if axis and len(band.rows) > len(seen) else ""
        yield f"{band.title}, {where}: {turns}" + "; then ".join(seen) + "."
    if arrow is not None:
        told = f" ({arrow.rule})" if arrow.rule else ""
        steps = ", then ".join(f"{s.says} at {shown_place(s.place, home)}" for s in arrow.stations)
        yield f"{'The offending pair' if arrow.proved else 'What is not proved'} {told}: {steps}."
    yield f"{report or 'The claimed number'} is reported at {shown_place(place, home)}."
