"""Rules about what is mixed into a score say the same of a script that is rewritten without a change of meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rules.core.rule import Example, Rule
from rules.target_gated_hint import TargetGatedHint
from rules.target_keyed_cache import TargetKeyedCache
from rules.unnormalized_distribution import UnnormalizedDistribution
from tests.rules.folder import audit_example
from tests.static import rewriting

CASES = [
    pytest.param(rule, example, id=f"{rule.slug}-{number}")
    for rule in (TargetKeyedCache, TargetGatedHint, UnnormalizedDistribution)
    for number, example in enumerate(rule.examples)
]


@pytest.mark.parametrize(("rule", "example"), CASES)
@pytest.mark.parametrize("rewrite", rewriting.REWRITINGS, ids=lambda rewrite: rewrite.__name__)
def test_rewritten_example_is_judged_as_before(
    rule: type[Rule], example: Example, rewrite: Callable[[str], str], tmp_path: Path
) -> None:
    text = rewrite(example.script)
    assert text != example.script
    result = audit_example(rule, replace(example, script=text), tmp_path)
    answer = next(a for a in result.rules if a.rule == rule.slug)
    assert answer.outcome is example.outcome, answer.because
