"""More changed than one new records folder.

## What it checks

Whether the pull request adds exactly one folder under a track of `records/` and touches nothing else.

## Why it breaks the rules

An entry is a folder. Changes to the root script, to other entries or to the tools would come in with the
merge unreviewed.

## How to fix it

Split the pull request, and take out what is not the folder (`git checkout main -- path`).

## Known limits

Changes of the base branch that the pull request merged in do not count; only the difference to its base
point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.record_rule import RecordRule
from rules.core.rule import Example, Outcome, Policy, Source
from rules.examples.record_folder import SCRIPT, toy_folder


class PrScope(RecordRule):
    """The pull request changes more than one new folder."""

    slug = "pr-scope"
    title = "The pull request changes more than one new folder"
    clean = "one new folder, nothing else touched"
    needs_pull_request = True
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails for paths outside the one new folder",
        Policy.STRICT: "the same",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="a submission is one pull request that adds one folder and changes nothing else",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/77",
            date="2026-03-19",
            who="maintainers",
            ruling="the change of the root script was taken out before the merge",
        ),
    )
    examples = (
        Example(
            title="a folder alone cannot tell",
            script=SCRIPT,
            files=toy_folder(),
            outcome=Outcome.NOT_APPLICABLE,
        ),
    )
