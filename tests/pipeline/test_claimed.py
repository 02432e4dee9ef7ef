"""The claimed number is tied to the report that printed it."""

from __future__ import annotations

import pytest

from auditor.reading.claim_matching import (
    ASSUMED,
    BY_LABEL,
    ONLY,
    REPRODUCES,
    match_claim,
    matches,
    template_pattern,
)
from auditor.trace.answer import Answer
from auditor.trace.events import Place, Report, Turn
from auditor.trace.trace import Trace
from auditor.trace.tree import Node

PLACE = Place("train_gpt.py", 0, 1)


def report(number: int, *template: str | None, in_loop: bool = False, certain: Answer = Answer.YES) -> Report:
    return Report(
        number=number,
        place=Place("train_gpt.py", 0, number),
        label="".join(part or "{}" for part in template),
        template=template,
        scores=(1,),
        turns=(Turn(entry=1, iteration=1, variable="step"),) if in_loop else (),
        certain=certain,
    )


def trace(*reports: Report) -> Trace:
    root = Node(kind="root", text="", place=PLACE)
    return Trace(witness="static", root=root, events={r.number: r for r in reports})


STEP = report(10, "step:", None, "/", None, " val_loss:", None, " val_bpb:", None, in_loop=True)
ROUND = report(20, "final_int8 val_loss:", None, " val_bpb:", None)
EXACT = report(30, "final_int8_exact val_loss:", None, " val_bpb:", None)
TTT = report(40, "ttt ", None, "  bpb=", None, " time ", None, "s")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("final_int8 val_loss:2.01 val_bpb:1.19", ROUND),
        ("final_int8_exact val_loss:2.01234567 val_bpb:1.19234567", EXACT),
        ("[rank0]: final_int8_exact  val_loss:2.0 val_bpb:1.2", EXACT),
        ("step:100/20000 val_loss:2.3 val_bpb:1.3 train_time:9ms", STEP),
        ("ttt phase 2 bpb=1.07 time 401.2s", TTT),
    ],
)
def test_line_of_the_log_picks_the_report_that_prints_it(line: str, found: Report) -> None:
    match = match_claim(trace(STEP, ROUND, EXACT, TTT), lines=(line,))
    assert match is not None
    assert (match.report, match.how) == (found, REPRODUCES)


def test_most_specific_of_several_fitting_templates_wins() -> None:
    loose = report(50, None, " val_bpb:", None)
    match = match_claim(trace(ROUND, loose), lines=("final_int8 val_loss:2 val_bpb:1",))
    assert match is not None and match.report is ROUND


def test_text_printed_twice_is_told_apart_by_its_turn_in_the_log() -> None:
    first = report(20, "final val_bpb:", None)
    second = report(21, "final val_bpb:", None)
    log = ("final val_bpb:1.20", "other", "final val_bpb:1.10")
    for line, expected in ((log[0], first), (log[2], second)):
        match = match_claim(trace(first, second), lines=(line,), log=log)
        assert match is not None and match.report is expected


def test_without_a_line_the_label_decides() -> None:
    match = match_claim(trace(STEP, ROUND, TTT), label="final int8")
    assert match is not None
    assert (match.report, match.how) == (ROUND, BY_LABEL)


def test_without_both_the_last_report_outside_loops_is_assumed() -> None:
    late_step = report(60, "step:", None, " val_bpb:", None, in_loop=True)
    match = match_claim(trace(STEP, ROUND, late_step))
    assert match is not None
    assert (match.report, match.how) == (ROUND, ASSUMED)


def test_single_report_is_the_only_one() -> None:
    match = match_claim(trace(ROUND))
    assert match is not None and match.how == ONLY


def test_report_under_a_dead_branch_is_no_candidate() -> None:
    dead = report(70, "final_int8 val_loss:", None, " val_bpb:", None, certain=Answer.NO)
    assert match_claim(trace(dead)) is None
    match = match_claim(trace(STEP, dead), lines=("final_int8 val_loss:2 val_bpb:1",))
    assert match is not None and match.report is STEP


def test_template_with_too_little_text_matches_nothing() -> None:
    assert template_pattern((None, ": ", None)) is None
    assert not matches(report(1, None, " ", None), "anything at all")


def test_text_of_the_template_is_no_pattern() -> None:
    assert matches(report(1, "score (bits) [a+b]*: ", None), "score (bits) [a+b]*: 1.2")
    assert not matches(report(1, "score (bits) [a+b]*: ", None), "score (bits) aab: 1.2")
