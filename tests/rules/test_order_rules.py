"""The rules about order: what offence a score has by what happened around it, and how a report is judged by it.

Two routes: traces written by hand, where the loops and turns that decide are spelt out, and small scripts that
go through the whole line. That every example of every rule is judged as it says is `test_examples`' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, Verdict
from auditor.solver.expressions import Expr, Symbol
from auditor.submission.load import load_submissions
from auditor.trace.answer import Answer
from auditor.trace.events import (
    Absorbed,
    Artifact,
    Clock,
    Event,
    Place,
    Report,
    Score,
    Select,
    State,
    Turn,
    Unresolved,
    Update,
)
from auditor.trace.region import Region
from auditor.trace.trace import Trace
from auditor.trace.tree import Node
from rules.core.order_rule import Offence, OrderRule, offences
from rules.core.rule import Evidence, Level, Outcome, Policy, Rule
from rules.examples.evaluation_loop import REPORT, SETUP, STEP
from rules.examples.record_folder import SCRIPT, toy_folder
from rules.hindsight_selection import HindsightSelection
from rules.rescore_after_update import RescoreAfterUpdate
from rules.same_token_adaptation import SameTokenAdaptation
from rules.train_before_score import TrainBeforeScore
from rules.two_pass_rescore import TwoPassRescore
from rules.val_in_training import ValInTraining
from tests.rules.folder import TRACK

OFFENCES: tuple[type[OrderRule], ...] = (
    TrainBeforeScore,
    RescoreAfterUpdate,
    TwoPassRescore,
    SameTokenAdaptation,
)
ORDER: tuple[type[Rule], ...] = (*OFFENCES, HindsightSelection, ValInTraining)
Loops = Sequence[tuple[int, int]]


def at(line: int) -> Place:
    return Place("train_gpt.py", 0, line)


def turns(loops: Loops) -> tuple[Turn, ...]:
    return tuple(Turn(entry=entry, iteration=iteration, variable=f"i{entry}") for entry, iteration in loops)


def tokens(*loops: tuple[int, int]) -> frozenset[Region]:
    """Validation tokens chosen by the turns of these loops, at positions that are not an interval."""
    return frozenset({Region("val", turns=frozenset(Symbol("iter", turn) for turn in loops))})


def interval(start: int, stop: int) -> frozenset[Region]:
    return frozenset({Region("val", start=Expr(start), stop=Expr(stop))})


def state(kind: str = "module", fresh_in: tuple[int, ...] = ()) -> State:
    return State(number=1, kind=kind, name="model", place=at(1), fresh_in=fresh_in)


def update(
    number: int,
    regions: frozenset[Region],
    loops: Loops = (),
    *,
    of: State | None = None,
    how: str = "gradient",
    certain: Answer = Answer.YES,
) -> Update:
    return Update(
        number=number,
        place=at(100 + number),
        turns=turns(loops),
        certain=certain,
        state=of or state(),
        regions=regions,
        how=how,
        by="AdamW.step",
    )


def score(
    number: int,
    regions: frozenset[Region],
    loops: Loops = (),
    absorbed: Sequence[tuple[Update, Answer]] = (),
    doubts: tuple[int, ...] = (),
) -> Score:
    return Score(
        number=number,
        place=at(100 + number),
        turns=turns(loops),
        regions=regions,
        states=(state(),),
        absorbed=tuple(Absorbed(update=u, overlap=o, why="told by the test") for u, o in absorbed),
        doubts=doubts,
    )


def report(
    number: int, scores: tuple[int, ...], loops: Loops = (), label: str = "final val_bpb:{}"
) -> Report:
    return Report(
        number=number,
        place=at(100 + number),
        turns=turns(loops),
        label=label,
        template=(label, None),
        scores=scores,
    )


def trace(*events: Event) -> Trace:
    root = Node(kind="root", text="", place=at(1))
    return Trace(witness="static", root=root, events={event.number: event for event in events})


def found(*events: Event) -> list[Offence]:
    made = trace(*events)
    return offences(made, made.reports[-1])


def slugs(*events: Event) -> list[str]:
    return [offence.slug for offence in found(*events)]


# What kind of offence it is, on traces written by hand.


def test_a_fit_in_a_loop_of_its_own_trains_before_the_score() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    later = score(2, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    assert slugs(fit, later, report(3, (2,))) == ["train-before-score"]


def test_an_evaluation_that_ended_before_the_fit_does_not_make_it_score_first() -> None:
    check = score(1, tokens((1, 1)), [(1, 1)])
    fit = update(3, tokens((2, 1)), [(2, 1)])
    later = score(4, tokens((3, 1)), [(3, 1)], [(fit, Answer.YES)])
    assert slugs(check, report(2, (1,)), fit, later, report(5, (4,))) == ["train-before-score"]


def test_a_second_evaluation_after_a_score_first_pass_scores_again() -> None:
    first = score(1, tokens((1, 1)), [(1, 1)])
    fit = update(2, tokens((1, 1)), [(1, 1)])
    again = score(4, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    offence = found(first, fit, report(3, (1,)), again, report(5, (4,)))
    assert [o.slug for o in offence] == ["rescore-after-update"]
    assert offence[0].earlier == first


def test_a_common_loop_that_does_not_choose_the_tokens_does_not_tie_score_and_fit() -> None:
    check = score(1, tokens((1, 1)), [(9, 1), (1, 1)])
    fit = update(3, tokens((2, 1)), [(9, 1), (2, 1)])
    later = score(4, tokens((3, 1)), [(3, 1)], [(fit, Answer.YES)])
    assert slugs(check, report(2, (1,)), fit, later, report(5, (4,))) == ["train-before-score"]


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (report(3, (1,), [(1, 1)]), "train-before-score"),
        (report(3, (1,), label="adapted, mean loss {}"), "train-before-score"),
        (report(3, (1,)), "rescore-after-update"),
    ],
    ids=["progress inside the fit's loop", "no result by its label", "a result after the loop"],
)
def test_only_a_result_counts_as_the_score_that_came_first(printed: Report, expected: str) -> None:
    training_loss = score(1, tokens((1, 1)), [(1, 1)])
    fit = update(2, tokens((1, 1)), [(1, 1)])
    later = score(4, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    assert slugs(training_loss, fit, printed, later, report(5, (4,))) == [expected]


def test_an_epoch_loop_that_comes_back_to_the_document_scores_again() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1), (2, 1)])
    last = score(2, tokens((1, 1)), [(1, 1), (2, 2)], [(fit, Answer.YES)])
    assert slugs(fit, last, report(3, (2,))) == ["rescore-after-update"]


def test_a_step_in_the_scored_window_s_own_turn_adapts_to_it() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1), (2, 1)])
    window = score(3, tokens((1, 1)), [(1, 1)], [(fit, Answer.YES)])
    assert slugs(fit, window, report(4, (3,))) == ["same-token-adaptation"]


def test_a_state_made_anew_for_each_window_adapts_to_it_even_where_the_fit_is_elsewhere() -> None:
    fresh = state("tensor", fresh_in=(1,))
    fit = update(1, frozenset({Region("val")}), of=fresh)
    window = score(2, tokens((1, 1)), [(1, 1)], [(fit, Answer.YES)])
    assert slugs(fit, window, report(3, (2,))) == ["same-token-adaptation"]
    older = update(1, frozenset({Region("val")}), of=state("tensor", fresh_in=(7,)))
    window = score(2, tokens((1, 1)), [(1, 1)], [(older, Answer.YES)])
    assert slugs(older, window, report(3, (2,))) == ["train-before-score"]


@pytest.mark.parametrize(
    ("kind", "how"), [("table", "table"), ("container", "container"), ("tensor", "table")]
)
def test_a_memory_is_a_two_pass_offence_whatever_the_loops(kind: str, how: str) -> None:
    fill = update(1, tokens((1, 1)), [(1, 1)], of=state(kind), how=how)
    look = score(2, tokens((1, 1)), [(1, 1)], [(fill, Answer.YES)])
    assert slugs(fill, look, report(3, (2,))) == ["two-pass-rescore"]


def test_an_update_from_other_tokens_or_on_a_dead_branch_is_no_offence() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    other = score(2, tokens((2, 1)), [(2, 1)], [(fit, Answer.NO)])
    assert slugs(fit, other, report(3, (2,))) == []
    dead = update(1, tokens((1, 1)), [(1, 1)], certain=Answer.NO)
    later = score(2, tokens((2, 1)), [(2, 1)], [(dead, Answer.YES)])
    assert slugs(dead, later, report(3, (2,))) == []


def test_turns_of_a_loop_are_one_offence_and_the_proved_one_stands_for_it() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    unsure = score(2, tokens((2, 1)), [(2, 1)], [(fit, Answer.MAYBE)])
    sure = Score(
        number=3,
        place=unsure.place,
        turns=turns([(2, 2)]),
        regions=tokens((2, 2)),
        states=unsure.states,
        absorbed=(Absorbed(update=fit, overlap=Answer.YES, why=""),),
    )
    offence = found(fit, unsure, sure, report(4, (2, 3)))
    assert [(o.score.number, o.proved) for o in offence] == [(3, True)]


def test_unproved_turns_of_two_places_that_provably_offend_are_not_a_second_offence() -> None:
    epoch = update(1, tokens((1, 1)), [(1, 1), (2, 1)])
    unsure = Update(
        number=2,
        place=epoch.place,
        turns=(),
        state=state(),
        regions=tokens((5, 1)),
        how="gradient",
        by="step",
    )
    last = score(3, tokens((1, 1)), [(1, 1), (2, 2)], [(unsure, Answer.MAYBE), (epoch, Answer.YES)])
    assert slugs(epoch, unsure, last, report(4, (3,))) == ["rescore-after-update"]
    alone = score(3, tokens((1, 1)), [(1, 1), (2, 2)], [(unsure, Answer.MAYBE)])
    assert slugs(unsure, alone, report(4, (3,))) == ["train-before-score"]


def test_one_score_may_break_several_rules() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    delta = update(2, tokens((2, 1)), [(2, 1)], of=state("tensor", fresh_in=(2,)))
    both = score(3, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES), (delta, Answer.YES)])
    assert slugs(fit, delta, both, report(4, (3,))) == ["train-before-score", "same-token-adaptation"]


# How a report is judged, on traces written by hand.


def judged(rule: type[Rule], *events: Event, claimed: int | None = None) -> tuple[Outcome, list[Level]]:
    made = trace(*events)
    made.claimed = claimed
    judgement = rule().judge(Evidence(trace=made))
    return judgement.outcome, [finding.level for finding in judgement.findings]


def test_unproved_disjointness_is_review_and_says_why() -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    later = score(2, tokens((2, 1)), [(2, 1)], [(fit, Answer.MAYBE)])
    judgement = TrainBeforeScore().judge(Evidence(trace=trace(fit, later, report(3, (2,)))))
    assert judgement.outcome is Outcome.REVIEW
    assert "could not be proved" in judgement.because
    assert "told by the test" in judgement.because


@pytest.mark.parametrize("policy", list(Policy))
def test_proved_same_token_adaptation_fails_under_both_policies(policy: Policy) -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    window = score(2, tokens((1, 1)), [(1, 1)], [(fit, Answer.YES)])
    judgement = SameTokenAdaptation().judge(
        Evidence(trace=trace(fit, window, report(3, (2,))), policy=policy)
    )
    assert judgement.outcome is Outcome.FAIL


def test_a_finding_marks_the_update_first_and_tells_the_story_in_time_order() -> None:
    first = score(1, tokens((1, 1)), [(1, 1)])
    fit = update(2, tokens((1, 1)), [(1, 1)])
    again = score(4, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    made = trace(first, fit, report(3, (1,)), again, report(5, (4,), label="second val_bpb:{}"))
    (finding,) = RescoreAfterUpdate().judge(Evidence(trace=made)).findings
    assert finding.report == "second val_bpb:{}"
    assert [place.line for place in finding.locations] == [102, 104]
    assert [step.place.line for step in finding.steps] == [101, 102, 104, 105]
    assert finding.level is Level.ERROR
    for place in ("train_gpt.py:101", "train_gpt.py:102", "train_gpt.py:104"):
        assert place in finding.message


def test_only_the_claimed_report_decides() -> None:
    fit = update(2, tokens((2, 1)), [(2, 1)])
    clean = score(1, tokens((1, 1)), [(1, 1)])
    dirty = score(3, tokens((3, 1)), [(3, 1)], [(fit, Answer.YES)])
    events = (clean, fit, dirty, report(4, (1,)), report(5, (3,)))
    assert judged(TrainBeforeScore, *events, claimed=4) == (Outcome.PASS, [])
    assert judged(TrainBeforeScore, *events, claimed=5) == (Outcome.FAIL, [Level.ERROR])
    assert judged(TrainBeforeScore, *events) == (Outcome.FAIL, [Level.ERROR])  # no claim: the last one


@pytest.mark.parametrize("rule", [*OFFENCES, HindsightSelection], ids=lambda rule: rule.slug)
def test_what_was_not_followed_is_unknown_unless_an_offence_is_proved(rule: type[Rule]) -> None:
    doubt = Unresolved(number=1, place=at(7), reason="recursion", what="walk(tokens)")
    doubted = score(2, tokens((1, 1)), [(1, 1)], doubts=(1,))
    judgement = rule().judge(Evidence(trace=trace(doubt, doubted, report(3, (2,)))))
    assert judgement.outcome is Outcome.UNKNOWN
    assert "recursion (walk(tokens)) at train_gpt.py:7" in judgement.because
    assert judgement.findings[0].locations[0] == at(7)


def test_a_proved_offence_outweighs_a_doubt() -> None:
    doubt = Unresolved(number=1, place=at(7), reason="recursion", what="walk(tokens)")
    fit = update(2, tokens((1, 1)), [(1, 1)])
    dirty = score(3, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)], doubts=(1,))
    assert judged(TrainBeforeScore, doubt, fit, dirty, report(4, (3,)))[0] is Outcome.FAIL


@pytest.mark.parametrize("rule", [*OFFENCES, HindsightSelection], ids=lambda rule: rule.slug)
def test_a_number_without_its_scores_is_unknown(rule: type[Rule]) -> None:
    untraced = Report(
        number=1, place=at(9), label="val_bpb:{}", template=("val_bpb:", None), scores=(), untraced=True
    )
    judgement = rule().judge(Evidence(trace=trace(untraced)))
    assert judgement.outcome is Outcome.UNKNOWN
    assert "train_gpt.py:9" in judgement.because


@pytest.mark.parametrize("rule", ORDER, ids=lambda rule: rule.slug)
def test_without_a_program_nothing_passes(rule: type[Rule]) -> None:
    assert rule().judge(Evidence(trace=None)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (tokens((1, 1)), tokens((1, 1)), Outcome.FAIL),
        (tokens((1, 1)), tokens((1, 2)), Outcome.REVIEW),
        (interval(0, 10), interval(10, 20), Outcome.PASS),
        (interval(0, 10), interval(9, 20), Outcome.FAIL),
    ],
    ids=["same turn", "turns not proved apart", "neighbours", "one token in common"],
)
def test_a_choice_offends_where_its_scores_share_tokens(
    first: frozenset[Region], second: frozenset[Region], outcome: Outcome
) -> None:
    choice = Select(number=3, place=at(50), scores=(1, 2), by="torch.minimum")
    kept = Report(
        number=4, place=at(60), label="val_bpb:{}", template=("val_bpb:", None), scores=(1, 2), selects=(3,)
    )
    made = trace(score(1, first), score(2, second), choice, kept)
    judgement = HindsightSelection().judge(Evidence(trace=made))
    assert judgement.outcome is outcome
    if outcome is not Outcome.PASS:
        assert [place.line for place in judgement.findings[0].locations] == [50, 101, 102]
        assert [step.place.line for step in judgement.findings[0].steps] == [101, 102, 50, 60]


def test_a_choice_that_did_not_make_the_number_is_no_offence() -> None:
    choice = Select(number=3, place=at(50), scores=(1, 2), by="min")
    made = trace(score(1, tokens((1, 1))), score(2, tokens((1, 1))), choice, report(4, (1,)))
    assert HindsightSelection().judge(Evidence(trace=made)).outcome is Outcome.PASS


def saved(number: int) -> Artifact:
    return Artifact(number=number, place=at(100 + number), action="save", what="model")


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((saved(2),), Outcome.FAIL),
        ((), Outcome.PASS),
        ((saved(6),), Outcome.PASS),
        ((saved(0),), Outcome.PASS),
    ],
    ids=["written after the fit", "never written", "written after the score", "written before the fit"],
)
def test_the_artifact_must_carry_the_fit_into_the_number(events: tuple[Event, ...], outcome: Outcome) -> None:
    fit = update(1, tokens((1, 1)), [(1, 1)])
    later = score(3, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    made = trace(fit, later, report(4, (3,)), *events)
    assert ValInTraining().judge(Evidence(trace=made)).outcome is outcome
    assert TrainBeforeScore().judge(Evidence(trace=made)).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("events", "outcome"),
    [((Clock(number=0, place=at(99), phase="training step"),), Outcome.PASS), ((), Outcome.FAIL)],
    ids=["trained on other tokens before", "no other training"],
)
def test_a_fit_after_a_first_evaluation_is_training_if_there_is_no_other(
    events: tuple[Event, ...], outcome: Outcome
) -> None:
    check = score(1, tokens((3, 1)), [(3, 1)])
    fit = update(3, tokens((1, 1)), [(1, 1)])
    later = score(5, tokens((2, 1)), [(2, 1)], [(fit, Answer.YES)])
    made = trace(check, report(2, (1,)), fit, saved(4), later, report(6, (5,)), *events)
    assert ValInTraining().judge(Evidence(trace=made)).outcome is outcome
    assert TrainBeforeScore().judge(Evidence(trace=made)).outcome is Outcome.FAIL


# The whole line.


def audit(root: Path, script: str, files: dict[str, str] | None = None) -> AuditResult:
    folder = root / TRACK
    folder.mkdir(parents=True)
    for name, text in {"train_gpt.py": script, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (submission,) = load_submissions(str(folder)).submissions
    return audit_submission(submission, rules=ORDER)


def outcomes(result: AuditResult) -> dict[str, Outcome]:
    """What does not pass."""
    return {answer.rule: answer.outcome for answer in result.rules if answer.outcome is not Outcome.PASS}


@pytest.mark.parametrize("rule", ORDER, ids=lambda rule: rule.slug)
def test_a_good_example_of_one_rule_is_clean_under_all(rule: type[Rule], tmp_path: Path) -> None:
    for number, example in enumerate(rule.examples):
        if example.outcome is Outcome.PASS and not example.files:
            assert outcomes(audit(tmp_path / str(number), example.script)) == {}, example.title


@pytest.mark.parametrize("rule", [*OFFENCES, HindsightSelection], ids=lambda rule: rule.slug)
def test_a_bad_example_fails_its_rule_and_no_other(rule: type[Rule], tmp_path: Path) -> None:
    for number, example in enumerate(rule.examples):
        if example.outcome is Outcome.FAIL:
            others = {"val-in-training"} if "torch.save" in example.script else set()
            failed = outcomes(audit(tmp_path / str(number), example.script))
            assert set(failed) - others == {rule.slug}, example.title


SCORE = """\
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""
FIT = """\
for row in range(rows):
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y).backward()
    optimizer.step()
    optimizer.zero_grad()
"""


def test_a_fit_behind_a_switch_that_is_off_and_seen_nowhere_is_review(tmp_path: Path) -> None:
    switch = "if bool(int(os.environ.get('ADAPT', '0'))):\n"
    fit = "".join(f"    {line}\n" for line in FIT.splitlines())
    result = audit(tmp_path, "import os\n" + SETUP + STEP + switch + fit + SCORE + REPORT)
    assert outcomes(result) == {"train-before-score": Outcome.REVIEW}
    assert result.verdict is Verdict.REVIEW
    (finding,) = (f for f in result.findings if f.rule == "train-before-score")
    assert "ADAPT" in finding.message


def test_a_number_printed_before_the_fit_keeps_its_own_verdict(tmp_path: Path) -> None:
    first = 'print(f"plain val_bpb:{total.item() / (rows * SEQ):.8f}")\ntotal = torch.zeros(())\n'
    result = audit(tmp_path, SETUP + STEP + SCORE + first + FIT + SCORE + REPORT)
    assert outcomes(result) == {"train-before-score": Outcome.FAIL}
    verdicts = {row.label.split()[0]: row.verdict for row in result.reports}
    assert verdicts == {"plain": Verdict.COMPLIANT, "final": Verdict.VIOLATION}


@pytest.mark.parametrize(
    ("start", "allowed"),
    [
        ("(step * 7919) % (val_tokens.numel() - SEQ - 1)", {Outcome.REVIEW, Outcome.FAIL}),
        ("int(torch.randperm(rows)[step]) * SEQ", {Outcome.REVIEW, Outcome.FAIL}),
        ("step * 64", {Outcome.REVIEW, Outcome.FAIL}),
        ("0", {Outcome.FAIL}),
        ("step * SEQ", {Outcome.PASS}),
    ],
)
def test_score_first_over_windows_passes_only_where_they_are_provably_apart(
    start: str, allowed: set[Outcome], tmp_path: Path
) -> None:
    loop = f"""\
for step in range(50):
    begin = {start}
    x = val_tokens[begin : begin + SEQ]
    y = val_tokens[begin + 1 : begin + SEQ + 1]
    with torch.no_grad():
        total += F.cross_entropy(model(x), y, reduction="sum")
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
    result = audit(tmp_path, SETUP + STEP + loop + REPORT)
    worst = {Verdict.COMPLIANT: Outcome.PASS, Verdict.REVIEW: Outcome.REVIEW, Verdict.VIOLATION: Outcome.FAIL}
    assert worst[result.verdict] in allowed, outcomes(result)


def test_a_training_shard_that_links_to_the_split_fails_by_the_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / TRACK
    folder.mkdir(parents=True)
    for name, text in {"train_gpt.py": SCRIPT, **toy_folder()}.items():
        (folder / name).write_text(text, encoding="utf-8")
    (submission,) = load_submissions(str(folder)).submissions
    clean = audit_submission(submission, rules=(ValInTraining,))
    assert [answer.outcome for answer in clean.rules] == [Outcome.PASS]
    (folder / "fineweb_val_000000.bin").write_bytes(bytes(64))
    (folder / "fineweb_train_000001.bin").symlink_to("fineweb_val_000000.bin")
    (submission,) = load_submissions(str(folder)).submissions
    leaky = audit_submission(submission, rules=(ValInTraining,))
    assert [answer.outcome for answer in leaky.rules] == [Outcome.FAIL]
    assert {finding.code for finding in leaky.findings} == {"val_in_training"}
