"""The better of several scores of a token, chosen after looking at them.

## What it checks

Whether the reported number went through a choice between scores of the same tokens: the minimum of two
losses, the best of several passes, a scorer that replaces another where its loss turned out smaller. Also
whether something else that the scores came from (a temperature, a mixing weight) was picked by comparing scores
of the very tokens that are then scored with it.

## Why it breaks the rules

Which of two losses is smaller is known only once the token has been seen. The chosen numbers do not come from
one distribution fixed beforehand: taking the better of two for each token claims more probability than the
two have together.

## How to fix it

Mix the distributions themselves, with a weight that depends on earlier tokens alone, and score the mixture
once. Choosing between two whole runs by what is known before the evaluation is no offence.

## Known limits

Which checkpoint of a training is submitted may have been picked by its score of the validation split. Nobody has
ruled on that; a person decides. A choice is seen as a function given two scores, a branch, a conditional or a
mask that compares them, the first of a sorted list. A weight that is computed from the token's own loss is a
matter for `unnormalized-distribution`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, Report, Score, Select
from auditor.trace.overlap import overlap
from auditor.trace.trace import Trace
from rules.core.order_rule import Offence, judged_report, offences, undecided
from rules.core.rule import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    Step,
    no_program,
)
from rules.examples.evaluation_loop import REPORT, SETUP


class HindsightSelection(Rule):
    """Fails when the reported number was made by choosing between scores of the same tokens."""

    slug = "hindsight-selection"
    title = "The better of several scores, chosen after the token was seen"
    condition = "C1 C4"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a choice between scores of the same tokens fails; a setting picked by the scores of the "
        "tokens that are scored with it was not ruled on and is for a person to judge",
        Policy.STRICT: "both fail: the distribution is fixed before the token is looked at",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/573",
            date="2026-03-23",
            who="valerio-oai",
            ruling="keeping the least of a token's losses over several passes is not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/659",
            date="2026-03-24",
            who="valerio-oai",
            ruling="keeping a mixture only where it beats the model on the true token is not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/685",
            date="2026-03-25",
            who="valerio-oai",
            ruling="several passes with the least loss of each token: not accepted",
        ),
    )
    examples = (
        Good(
            "two models are mixed before the token is looked at",
            SETUP
            + """\
other = Model()
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        probs = 0.5 * torch.softmax(model(x), dim=-1) + 0.5 * torch.softmax(other(x), dim=-1)
        total += F.nll_loss(torch.log(probs), y, reduction="sum")
"""
            + REPORT,
        ),
        Good(
            "two models are scored, and each has its own number",
            SETUP
            + """\
other = Model()
second = torch.zeros(())
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(x), y, reduction="sum")
        second += F.cross_entropy(other(x), y, reduction="sum")
print(f"other val_bpb:{second.item() / (rows * SEQ) / math.log(2.0) * 0.41:.8f}")
"""
            + REPORT,
        ),
        Bad(
            "the least loss of all validations during training",
            SETUP
            + """\
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
train = torch.from_numpy(np.fromfile("data/fineweb_train_000000.bin", dtype=np.uint16).astype(np.int64))
best = 99.0
for step in range(100):
    batch = train[step * SEQ : (step + 1) * SEQ + 1]
    optimizer.zero_grad()
    F.cross_entropy(model(batch[:-1]), batch[1:]).backward()
    optimizer.step()
    total = 0.0
    with torch.no_grad():
        for row in range(rows):
            tokens = val_tokens[row * SEQ : (row + 1) * SEQ + 1]
            total += F.cross_entropy(model(tokens[:-1]), tokens[1:]).item()
    best = min(best, total / rows)  # expect: hindsight-selection
print(f"final val_bpb:{best / math.log(2.0) * 0.41:.8f}")
""",
            outcome=Outcome.REVIEW,
        ),
        Bad(
            "for each token the smaller of two models' losses",
            SETUP
            + """\
other = Model()
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        first = F.cross_entropy(model(x), y, reduction="none")
        second = F.cross_entropy(other(x), y, reduction="none")
        total += torch.minimum(first, second).sum()  # expect: hindsight-selection
"""
            + REPORT,
        ),
        Bad(
            "for each row the better of two temperatures",
            SETUP
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        sharp = F.cross_entropy(model(x) / 0.9, y, reduction="sum")
        plain = F.cross_entropy(model(x), y, reduction="sum")
        total += min(sharp.item(), plain.item())  # expect: hindsight-selection
"""
            + REPORT,
        ),
        Bad(
            "the temperature with the least loss over the split, then the score with it",
            SETUP
            + """\
def evaluate(temperature):
    sums = torch.zeros(())
    with torch.no_grad():
        for row in range(rows):
            x = val_tokens[row * SEQ : (row + 1) * SEQ]
            y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
            sums += F.cross_entropy(model(x) / temperature, y, reduction="sum")
    return sums


best, least = 1.0, float("inf")
for temperature in (0.9, 0.95, 1.0):
    loss = evaluate(temperature).item()
    if loss < least:  # expect: hindsight-selection
        best, least = temperature, loss
total = evaluate(best)
"""
            + REPORT,
            outcome=Outcome.REVIEW,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        missing = no_program(evidence)
        if missing is not None or evidence.trace is None:
            return missing or Judgement(outcome=Outcome.UNKNOWN, because="there is no readable program")
        trace = evidence.trace
        report = judged_report(trace)
        found = [
            finding
            for select in trace.selects_of(report)
            if select.certain is not Answer.NO
            for finding in [_finding(trace, report, select)]
            if finding is not None
        ]
        found += [
            _fitted(offence, report, evidence.policy)
            for offence in offences(trace, report)
            if offence.slug == self.slug
        ]
        failed = [finding for finding in found if finding.outcome is Outcome.FAIL] or found
        if failed:
            findings = tuple({finding.locations: finding for finding in failed}.values())
            return Judgement(outcome=findings[0].outcome, because=findings[0].message, findings=findings)
        return undecided(self.slug, trace, report) or Judgement(
            outcome=Outcome.PASS, because="the reported number was not chosen from several scores of a token"
        )


def _fitted(offence: Offence, report: Report, policy: Policy) -> Finding:
    """A setting that was picked by scores of the tokens it then takes part in scoring."""
    update, score = offence.absorbed.update, offence.score
    outcome = Outcome.FAIL if offence.proved and policy is Policy.STRICT else Outcome.REVIEW
    message = (
        f"What the scores at {score.place} came from was picked at {update.place} by comparing scores of "
    )
    message += "these tokens"
    message += "." if offence.proved else f", or of others: {offence.absorbed.why}."
    return Finding(
        rule=HindsightSelection.slug,
        outcome=outcome,
        level=Level.ERROR if outcome is Outcome.FAIL else Level.WARNING,
        message=message,
        report=report.label,
        locations=(update.place, score.place),
        steps=(
            Step(text="a setting is picked by comparing scores", place=update.place),
            Step(text="the same tokens are scored with it", place=score.place),
            Step(text=f"reported as {report.label!r}", place=report.place),
        ),
    )


def _finding(trace: Trace, report: Report, select: Select) -> Finding | None:
    """What the choice offends, or None where its scores are provably of different tokens."""
    scores = [event for n in select.scores if isinstance(event := trace.events[n], Score)]
    pairs = [(a, b, *_shared(a, b)) for a, b in combinations(scores, 2)]
    pairs = [pair for pair in pairs if pair[2] is not Answer.NO]
    if not pairs:
        return _among_turns(report, select, scores) if select.repeated else None
    first, second, answer, why = max(pairs, key=lambda pair: pair[2].rank)
    checkpoints = answer is Answer.YES and _checkpoints(trace, first, second)
    proved = answer is Answer.YES and not checkpoints
    message = (
        f"{select.by} at {select.place} chooses between the scores taken at {first.place} and {second.place} "
    )
    if checkpoints:
        message += (
            "with training between them: the reported number is that of the best checkpoint by these scores."
        )
    elif proved:
        message += (
            "of the same tokens, after both have been seen: the reported number is the better of the two."
        )
    else:
        message += f"and it could not be proved that these are scores of different tokens: {why}."
    return Finding(
        rule=HindsightSelection.slug,
        outcome=Outcome.FAIL if proved else Outcome.REVIEW,
        level=Level.ERROR if proved else Level.WARNING,
        message=message,
        report=report.label,
        locations=tuple(dict.fromkeys((select.place, first.place, second.place))),
        steps=(
            Step(text="tokens are scored", place=first.place),
            Step(text="the same tokens are scored in another way", place=second.place),
            Step(text=f"{select.by} keeps one of the two", place=select.place),
            Step(text=f"reported as {report.label!r}", place=report.place),
        ),
    )


def _among_turns(report: Report, select: Select, scores: list[Score]) -> Finding:
    """The least of the scores that a loop takes of the same tokens, one in each turn."""
    places = tuple(dict.fromkeys((select.place, *(score.place for score in scores))))
    return Finding(
        rule=HindsightSelection.slug,
        outcome=Outcome.FAIL,
        level=Level.ERROR,
        message=f"{select.by} at {select.place} keeps one of several scores of the same tokens, taken one in each "
        f"turn of the loop over `{select.repeated}`, after all have been seen.",
        report=report.label,
        locations=places,
        steps=(
            *(Step(text="the same tokens are scored in each turn", place=score.place) for score in scores),
            Step(text=f"{select.by} keeps one of them", place=select.place),
            Step(text=f"reported as {report.label!r}", place=report.place),
        ),
    )


def _checkpoints(trace: Trace, a: Score, b: Score) -> bool:
    """Whether the scores are of one model at two stages of its training, and nothing was fitted to them."""
    if a.place != b.place or a.states != b.states or a.absorbed or b.absorbed:
        return False
    stages = {t.entry for t in a.turns for u in b.turns if t.entry == u.entry and t.iteration != u.iteration}
    return any(
        clock.phase == TRAINING_STEP and any(turn.entry in stages for turn in clock.turns)
        for clock in trace.clocks
    )


def _shared(a: Score, b: Score) -> tuple[Answer, str]:
    """The clearest overlap of any two regions of the scores; a mask picks from both alike."""
    whole = [[replace(region, partial=False) for region in score.regions] for score in (a, b)]
    return max(
        (overlap(x, y) for x in whole[0] for y in whole[1]),
        key=lambda found: found[0].rank,
        default=(Answer.NO, "no tokens"),
    )
