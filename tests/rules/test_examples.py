"""Every example of every rule goes through the whole line and is judged as it says, at the line it marks."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import ALL
from rules.core.rule import Example, Kind, Level, Outcome, Rule
from tests.rules.folder import audit_example, expected_lines

CASES = [
    pytest.param(rule, example, id=f"{rule.slug}-{number}-{example.outcome.value}")
    for rule in ALL
    for number, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example_is_judged_as_it_says(rule: type[Rule], example: Example, tmp_path: Path) -> None:
    result = audit_example(rule, example, tmp_path)
    answer = next(a for a in result.rules if a.rule == rule.slug)
    assert not answer.crashed
    assert answer.outcome is example.outcome, answer.because
    marked = expected_lines(rule, example.script)
    deciding = [f for f in result.findings if f.rule == rule.slug and f.outcome is example.outcome]
    if rule.condition == "quality":  # such a rule only remarks
        assert {finding.locations[0].line for finding in deciding} == marked
        assert all(finding.level is Level.NOTE for finding in deciding)
        return
    if example.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
        assert not marked
        return
    assert {finding.locations[0].line for finding in deciding if finding.locations} == marked


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.slug)
def test_rule_has_a_good_and_a_bad_example_of_readable_length(rule: type[Rule]) -> None:
    outcomes = {example.outcome for example in rule.examples}
    if rule.kind is Kind.RECORD and outcomes == {Outcome.NOT_APPLICABLE}:
        return  # about a whole pull request: one folder cannot show it, `tests/pull_request` does
    assert Outcome.PASS in outcomes
    if rule.condition == "quality":
        assert outcomes == {Outcome.PASS}
        assert {bool(expected_lines(rule, example.script)) for example in rule.examples} == {True, False}
        return
    assert outcomes & {Outcome.FAIL, Outcome.REVIEW}
    for example in rule.examples:
        assert len(example.script.splitlines()) <= 70, example.title
        marked = expected_lines(rule, example.script)
        assert (
            bool(marked) == (example.outcome in (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN))
            or example.files
        )


@pytest.mark.parametrize(("rule", "example"), CASES)
def test_example_is_python(rule: type[Rule], example: Example) -> None:
    compile(example.script, f"{rule.slug}.py", "exec")
