"""Reads a rule's documentation out of its module's docstring, and writes `rules/README.md` from it.

The docstring is the only place where a rule is described; `auditor explain`, SARIF metadata, HTML and the
generated README read it through here.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from rules.core.rule import Outcome, Policy, Rule

HEADINGS = ("What it checks", "Why it breaks the rules", "How to fix it", "Known limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedent:
    """A real ruling.

    Attributes:
        pr: number of the pull request.
        head: full id of the judged commit.
        path: the script.
        scripts: (path, blob id) of each submitted script.
        date: of the head commit (ISO), or "".
        who: who says so: maintainer, merged_record, author_retraction, community_consensus,
            same_pattern_as_ruled.
        label: "legal", "illegal" or "disputed".
        rules: slugs that it breaks.
        ruling: in our words.
        source: the thread.
        visible_in: where the fact can be seen.
    """

    pr: int
    head: str
    path: str
    scripts: tuple[tuple[str, str], ...]
    date: str
    who: str
    label: str
    rules: tuple[str, ...]
    ruling: str
    source: str
    visible_in: str


def documentation(rule: type[Rule]) -> dict[str, str]:
    """Sections of the rule's module docstring by heading, in order.

    Raises:
        ValueError: the docstring lacks one of `HEADINGS` or has them in another order.
    """
    text = inspect.cleandoc(sys.modules[rule.__module__].__doc__ or "")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    sections = {heading.strip(): body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}
    if tuple(sections) != HEADINGS:
        raise ValueError(
            f"{rule.__module__}: the docstring needs the headings {HEADINGS}, has {tuple(sections)}"
        )
    return sections


def precedents() -> tuple[Precedent, ...]:
    """All real rulings that come with the package, by pull request."""
    return tuple(_read_precedents())


def _read_precedents() -> Iterator[Precedent]:
    text = resources.files("rules").joinpath("precedents.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        row = json.loads(line)
        yield Precedent(
            pr=row["pr"],
            head=row["head"],
            path=row["path"],
            scripts=tuple((script["path"], script["blob"]) for script in row["scripts"]),
            date=row["date"],
            who=row["who"],
            label=row["label"],
            rules=tuple(row["rules"]),
            ruling=row["ruling"],
            source=row["source"],
            visible_in=row["visible_in"],
        )


def precedents_of(slug: str) -> tuple[Precedent, ...]:
    """The rulings that name the rule."""
    return tuple(precedent for precedent in precedents() if slug in precedent.rules)


def page(rule: type[Rule], *, with_precedents: bool = True) -> str:
    """The rule's page in Markdown: documentation, policies, sources, precedents, examples."""
    parts = [f"# {rule.slug}: {rule.title}", f"Condition: {rule.condition}. Kind: {rule.kind.value}."]
    parts += [f"## {heading}\n\n{text}" for heading, text in documentation(rule).items()]
    policies = "\n".join(f"- `{policy.value}`: {rule.policies[policy]}" for policy in Policy)
    parts.append(f"## Policies\n\n{policies}")
    sources = "\n".join(f"- {s.date}, {s.who}: {s.ruling} (<{s.url}>)" for s in rule.sources)
    parts.append(f"## Sources\n\n{sources}")
    if with_precedents and (found := precedents_of(rule.slug)):
        rows = "\n".join(
            f"- #{p.pr} ({p.date[:10] or 'undated'}, {p.label}, {p.who.replace('_', ' ')}): {p.ruling} "
            f"(<{p.source}>)"
            for p in found
        )
        parts.append(f"## Precedents\n\n{rows}")
    for example in rule.examples:
        word = "Good" if example.outcome is Outcome.PASS else f"Bad ({example.outcome.value})"
        policy = "" if example.policy is Policy.RULINGS else f", policy {example.policy.value}"
        parts.append(f"## {word}{policy}: {example.title}\n\n```python\n{example.script.rstrip()}\n```")
        parts += [f"`{name}`\n\n```\n{text.rstrip()}\n```" for name, text in sorted(example.files.items())]
    return "\n\n".join(parts) + "\n"
