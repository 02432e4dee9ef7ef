"""The worked example of `ARCHITECTURE.md` is a rule that works, and its table names every room."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest

from rules.core.rule import Outcome, Rule
from tests.rules.folder import audit_example, expected_lines

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def worked_rule() -> tuple[types.ModuleType, type[Rule]]:
    source = re.search(r"<!-- rule -->\n```python\n(.*?)```", TEXT, re.DOTALL)
    assert source is not None
    module = types.ModuleType("rules.unread_artifact")
    exec(compile(source.group(1), "ARCHITECTURE.md", "exec"), module.__dict__)  # noqa: S102  (our own page)
    found = [
        v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Rule) and v is not Rule
    ]
    assert len(found) == 1
    return module, found[0]


@pytest.mark.parametrize("number", [0, 1])
def test_the_worked_rule_judges_its_examples(number: int, tmp_path: Path) -> None:
    _, rule = worked_rule()
    example = rule.examples[number]
    result = audit_example(rule, example, tmp_path)
    (answer,) = [answer for answer in result.rules if answer.rule == rule.slug]
    assert answer.outcome is example.outcome, answer.because
    marked = {
        f.locations[0].line for f in result.findings if f.rule == rule.slug and f.outcome is Outcome.REVIEW
    }
    assert marked == expected_lines(rule, example.script)


def test_every_room_is_in_the_table() -> None:
    rooms = {
        path.name
        for path in (ROOT / "auditor").iterdir()
        if path.is_dir() and (path / "__init__.py").exists()
    }
    named = set(re.findall(r"`(\w+)/`", TEXT))
    assert rooms - {"specimens"} <= named


def test_every_file_it_names_exists() -> None:
    for name in re.findall(r"`((?:auditor|tests|rules)/[\w/.]+)`", TEXT):
        assert (ROOT / name).exists(), name
