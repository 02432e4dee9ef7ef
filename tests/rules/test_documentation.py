"""A rule documents itself completely, and what is generated from that is up to date."""

from __future__ import annotations

import datetime
import importlib
import re
from pathlib import Path

import pytest

import rules
from rules import ALL, by_slug
from rules.core.rule import Policy, Rule
from rules.docs.catalogue import catalogue
from rules.docs.documentation import HEADINGS, documentation, page, precedents, precedents_of

RULES = Path(rules.__file__).parent


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.slug)
def test_docstring_has_the_headings_with_text_under_each(rule: type[Rule]) -> None:
    sections = documentation(rule)
    assert tuple(sections) == HEADINGS
    assert all(len(text.split()) >= 6 for text in sections.values())


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.slug)
def test_file_is_named_by_the_slug(rule: type[Rule]) -> None:
    assert rule.__module__ == "rules." + rule.slug.replace("-", "_")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.slug)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.slug)
def test_each_policy_says_what_it_does(rule: type[Rule]) -> None:
    assert set(rule.policies) == set(Policy)
    assert all(text and not text.endswith(".") for text in rule.policies.values())


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.slug)
def test_sources_are_dated_links_with_a_ruling(rule: type[Rule]) -> None:
    assert rule.sources
    for source in rule.sources:
        assert source.url.startswith("https://github.com/openai/parameter-golf")
        assert datetime.date(2026, 3, 1) <= datetime.date.fromisoformat(source.date)
        assert source.who
        assert len(source.ruling.split()) >= 5


def test_slugs_are_unique_and_found() -> None:
    slugs = [rule.slug for rule in ALL]
    assert len(set(slugs)) == len(slugs)
    assert all(by_slug(rule.slug) is rule for rule in ALL)
    assert by_slug("no-such-rule") is None


def test_every_rule_file_is_registered() -> None:
    found = set()
    for path in RULES.glob("*.py"):
        if path.stem == "__main__":
            continue
        module = importlib.import_module("rules" if path.stem == "__init__" else f"rules.{path.stem}")
        own = [v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__]
        found |= {cls for cls in own if issubclass(cls, Rule) and hasattr(cls, "slug")}
    assert found == set(ALL)


def test_readme_is_what_the_rules_generate() -> None:
    committed = (RULES / "README.md").read_text(encoding="utf-8")
    assert committed == catalogue(), "run `python -m rules`"


def test_page_shows_documentation_sources_precedents_and_examples() -> None:
    rule = by_slug("opaque-code")
    assert rule is not None
    text = page(rule)
    assert all(f"## {heading}" in text for heading in HEADINGS)
    assert all(source.url in text for source in rule.sources)
    assert text.count("```python") == len(rule.examples)


def test_precedents_are_complete_and_link_to_their_thread() -> None:
    found = precedents()
    assert len(found) == 153
    assert {p.label for p in found} == {"legal", "illegal", "disputed"}
    for precedent in found:
        assert re.fullmatch(r"[0-9a-f]{40}", precedent.head)
        assert precedent.source.startswith("https://github.com/openai/parameter-golf/")
        assert precedent.path in [path for path, _ in precedent.scripts] or len(precedent.scripts) > 1
        assert precedent.date == "" or datetime.date.fromisoformat(precedent.date).year == 2026
        assert len(precedent.ruling) > 10


def test_precedents_are_found_by_rule() -> None:
    assert {p.pr for p in precedents_of("train-data-at-eval")} == {569, 593, 615, 626, 1028}
