"""Verdicts fold as the design says; nothing unreadable, crashed or unseen is ever compliant."""

from __future__ import annotations

import itertools
from typing import ClassVar

import pytest

from auditor.exit_codes import ExitCode, worst_exit
from auditor.judgement.judge import judge, judge_reports
from auditor.judgement.result import RecordVerdict, RuleResult, Verdict
from auditor.judgement.verdict import fold_evaluation, fold_records
from auditor.reading.counterfactuals import Alternative, explore, positions
from auditor.trace.answer import Answer
from auditor.trace.events import Place, Report, Score
from auditor.trace.trace import Switch, Trace
from auditor.trace.tree import Node
from rules.core.rule import Evidence, Finding, Judgement, Kind, Level, Outcome, Rule

PLACE = Place("train_gpt.py", 0, 7)


def answer(outcome: Outcome, kind: Kind = Kind.EVALUATION, crashed: str = "") -> RuleResult:
    return RuleResult(rule="r", kind=kind, outcome=outcome, because="", crashed=crashed)


@pytest.mark.parametrize("understood", [True, False])
@pytest.mark.parametrize("outcomes", list(itertools.combinations_with_replacement(Outcome, 3)))
def test_fold_of_evaluation_rules(outcomes: tuple[Outcome, ...], understood: bool) -> None:
    verdict = fold_evaluation([answer(o) for o in outcomes], understood=understood)
    if Outcome.FAIL in outcomes:
        assert verdict is Verdict.VIOLATION
    elif not understood or {Outcome.REVIEW, Outcome.UNKNOWN} & set(outcomes):
        assert verdict is Verdict.REVIEW
    else:
        assert verdict is Verdict.COMPLIANT


def test_record_rules_do_not_touch_the_verdict_and_evaluation_rules_not_the_record() -> None:
    record = answer(Outcome.FAIL, Kind.RECORD)
    evaluation = answer(Outcome.FAIL)
    assert fold_evaluation([record], understood=True) is Verdict.COMPLIANT
    assert fold_records([evaluation]) is RecordVerdict.COMPLETE
    assert fold_records([record]) is RecordVerdict.PROBLEMS


def test_crashed_rule_is_never_clean() -> None:
    crashed = answer(Outcome.PASS, crashed="KeyError")
    assert fold_evaluation([crashed], understood=True) is Verdict.REVIEW
    assert fold_records([answer(Outcome.PASS, Kind.RECORD, crashed="x")]) is RecordVerdict.PROBLEMS


def test_worst_exit_code_of_several() -> None:
    clean, violation, review, crashed = (
        ExitCode.CLEAN,
        ExitCode.VIOLATION,
        ExitCode.REVIEW,
        ExitCode.CRASHED,
    )
    assert worst_exit([]) == 0
    assert worst_exit([clean, review]) == 3
    assert worst_exit([review, violation, clean]) == 1
    assert worst_exit([violation, crashed, review]) == 4


class Labelled(Rule):
    """Fails reports whose label says so."""

    slug = "labelled"
    title = "t"
    condition = "c"
    policies: ClassVar = {}
    sources = ()
    examples = ()

    def judge(self, evidence: Evidence) -> Judgement:
        claimed = evidence.claimed
        if claimed is None or "bad" not in claimed.label:
            return Judgement(outcome=Outcome.PASS, because="fine")
        finding = Finding(
            rule=self.slug,
            outcome=Outcome.FAIL,
            level=Level.ERROR,
            message="bad number",
            report=claimed.label,
            locations=(PLACE,),
        )
        return Judgement(outcome=Outcome.FAIL, because="bad number", findings=(finding,))


class Broken(Labelled):
    """Raises."""

    slug = "broken"

    def judge(self, evidence: Evidence) -> Judgement:
        raise KeyError("missing")


class RecordTrack(Labelled):
    """Applies to records alone."""

    slug = "record-track"
    tracks: ClassVar = ("record",)


def trace_of(*labels: str, claimed: int, switches: tuple[Switch, ...] = ()) -> Trace:
    score = Score(number=1, place=PLACE, regions=frozenset(), states=(), absorbed=())
    events: dict[int, Score | Report] = {1: score}
    for number, label in enumerate(labels, 2):
        events[number] = Report(number=number, place=PLACE, label=label, template=(label, None), scores=(1,))
    return Trace(
        witness="static",
        root=Node(kind="root", text="", place=PLACE),
        events=dict(events),
        claimed=claimed,
        switches=list(switches),
    )


def test_each_report_has_a_verdict_of_its_own() -> None:
    evidence = Evidence(trace=trace_of("good val_bpb", "bad val_bpb", claimed=2))
    judged = judge([Labelled], evidence)
    reports, others = judge_reports([Labelled], evidence, judged)
    assert [(r.label, r.claimed, r.verdict) for r in reports] == [
        ("good val_bpb", True, Verdict.COMPLIANT),
        ("bad val_bpb", False, Verdict.VIOLATION),
    ]
    assert judged.answers[0].outcome is Outcome.PASS
    assert [finding.report for finding in others] == ["bad val_bpb"]


def test_rule_that_raises_is_named_and_the_others_go_on() -> None:
    judged = judge([Broken, Labelled], Evidence(trace=trace_of("bad val_bpb", claimed=2)))
    assert judged.answers[0].outcome is Outcome.UNKNOWN
    assert judged.answers[0].crashed.startswith("KeyError: 'missing' (test_verdict.py:")
    assert judged.answers[1].outcome is Outcome.FAIL


def test_rule_of_another_track_is_not_asked() -> None:
    judged = judge([RecordTrack], Evidence(trace=trace_of("bad val_bpb", claimed=2), track="non-record"))
    assert judged.answers[0].outcome is Outcome.NOT_APPLICABLE


SWITCH = Switch(name="TTT_ENABLED", value="0", origin="default", place=PLACE, taken=False, guards=True)


def alternative(ran: Answer) -> Alternative:
    return Alternative(switch=SWITCH, value="1", trace=trace_of("bad val_bpb", claimed=2), ran=ran)


def test_switch_nobody_has_seen_that_breaks_a_rule_gives_review() -> None:
    evidence = Evidence(trace=trace_of("good val_bpb", claimed=2))
    judged = judge([Labelled], evidence, [alternative(Answer.MAYBE)])
    assert judged.answers[0].outcome is Outcome.REVIEW
    finding = judged.findings[0]
    assert "TTT_ENABLED" in finding.message
    assert finding.locations == (PLACE,)


def test_switch_that_the_log_refutes_changes_nothing() -> None:
    evidence = Evidence(trace=trace_of("good val_bpb", claimed=2))
    judged = judge([Labelled], evidence, [alternative(Answer.NO)])
    assert judged.answers[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("value", "others"),
    [
        ("0", ("1",)),
        ("1", ("0",)),
        ("3", ("0",)),
        ("0.0", ("1",)),
        ("False", ("True",)),
        ("true", ("False",)),
        ("", ("1",)),
        ("none", ("1",)),
        ("cosine", ("", "0", "none")),
    ],
)
def test_other_positions_of_a_switch(value: str, others: tuple[str, ...]) -> None:
    assert positions(value) == others


def _explore(log: tuple[str, ...]) -> Alternative:
    base = trace_of("plain val_bpb:", claimed=2, switches=(SWITCH,))
    other = trace_of("plain val_bpb:", "ttt val_bpb:", claimed=2)
    found, skipped = explore(base, lambda forced: other if forced == {"TTT_ENABLED": "1"} else base, log=log)
    assert skipped == []
    return found[0]


def test_line_that_only_the_turned_program_prints_says_that_it_ran() -> None:
    found = _explore(("plain val_bpb:1.2", "ttt val_bpb:1.1"))
    assert (found.ran, found.shown_by) == (Answer.YES, "ttt val_bpb:1.1")


def test_line_that_the_turned_program_would_print_and_the_log_lacks_says_that_it_did_not() -> None:
    assert _explore(("plain val_bpb:1.2",)).ran is Answer.NO


def test_log_of_another_program_or_none_tells_nothing() -> None:
    assert _explore(()).ran is Answer.MAYBE
    assert _explore(("loss 3.2",)).ran is Answer.MAYBE


def _mode(taken: bool) -> Switch:
    return Switch(name="MODE", value="cosine", origin="default", place=PLACE, taken=taken, guards=True)


def test_mode_is_turned_by_the_first_value_that_changes_the_branch() -> None:
    base = trace_of("x val_bpb:", claimed=2, switches=(_mode(True),))
    off = trace_of("x val_bpb:", claimed=2, switches=(_mode(False),))
    found, skipped = explore(base, lambda forced: off if forced["MODE"] == "0" else base)
    assert [(a.value, a.trace) for a in found] == [("0", off)]
    assert skipped == []


def test_switch_that_no_value_turns_is_told() -> None:
    base = trace_of("x val_bpb:", claimed=2, switches=(_mode(False),))
    found, skipped = explore(base, lambda _: base)
    assert found == []
    assert len(skipped) == 1 and skipped[0].startswith("MODE = 'cosine' decides at train_gpt.py:7")


def test_switch_with_a_known_value_is_not_turned() -> None:
    seen = Switch(name="TTT", value="0", origin="log", place=PLACE, taken=False, guards=True)
    idle = Switch(name="LOG", value="0", origin="default", place=PLACE, taken=False, guards=False)
    found, skipped = explore(
        trace_of("x val_bpb:", claimed=2, switches=(seen, idle)), lambda _: pytest.fail("called")
    )
    assert (found, skipped) == ([], [])
