"""`auditor explain RULE`: a rule's page from its own file."""

from __future__ import annotations

import click

from auditor.commands.options import output_options, write
from auditor.errors import InputError


@click.command("explain")
@click.argument("rule")
@output_options("text", "markdown", "json")
def command(rule: str, format_name: str, output: str | None, quiet: bool) -> int:
    """Show a rule: documentation, policies, sources, precedents and examples.

    RULE is a slug of `auditor rules`.
    """
    import difflib

    from rules import ALL, by_slug
    from rules.docs.documentation import documentation, page, precedents_of

    found = by_slug(rule)
    if found is None:
        close = difflib.get_close_matches(rule, [known.slug for known in ALL], n=1, cutoff=0.4)
        raise InputError(
            f"there is no rule {rule!r}",
            hint=f"did you mean {close[0]}?" if close else "auditor rules lists them",
        )
    if format_name == "json":
        import dataclasses
        import json

        shown = {
            "schema": 1,
            "rule": found.slug,
            "title": found.title,
            "documentation": documentation(found),
            "sources": [dataclasses.asdict(source) for source in found.sources],
            "precedents": [dataclasses.asdict(precedent) for precedent in precedents_of(found.slug)],
        }
        write(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", output)
    else:
        write(page(found), output)
    return 0
