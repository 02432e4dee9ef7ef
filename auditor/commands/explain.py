"""`auditor explain NAME`: a rule's page from its own file, or what a finding code of the records validator says."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from auditor.commands.options import output_options, width_of, write
from auditor.errors import InputError

if TYPE_CHECKING:
    from rules.core.rule import Rule


MAX_NEAR = 5
"""Names that are offered for one that is not there."""


@click.command("explain")
@click.argument("name", metavar="RULE")
@output_options("text", "markdown", "json")
def command(name: str, format_name: str, output: str | None, quiet: bool) -> int:
    """Show a rule or a finding code: documentation, policies, sources, precedents and examples.

    RULE is a slug of `auditor rules`, or a finding code of `auditor records`, such as train_over_600s.
    """
    from auditor.records.findings import CODES
    from rules import by_slug

    wanted = name.strip()
    if wanted.replace("-", "_") in CODES and by_slug(wanted) is None:
        _explain_code(wanted.replace("-", "_"), format_name, output)
        return 0
    found = by_slug(wanted.replace("_", "-"))
    if found is None:
        near = _near(wanted.lower())
        raise InputError(
            f"there is no rule and no finding {name!r}",
            hint=f"did you mean {near}?" if near else "auditor rules lists them",
        )
    _explain_rule(found, format_name, output)
    return 0


def _near(wanted: str) -> str:
    """The names that were perhaps meant: of a condition all its rules, of words what they stand in, else the likest."""
    import difflib

    from auditor.records.findings import CODES
    from rules import ALL

    asked = [rule.slug for rule in ALL if wanted in rule.condition.lower().split()]
    texts = {**{rule.slug: f"{rule.slug} {rule.title}" for rule in ALL}, **{code: code for code in CODES}}
    words = re.split(r"[\s_-]+", wanted)
    named = [name for name, text in texts.items() if all(word in text.lower() for word in words)]
    found = asked or named[:MAX_NEAR] or difflib.get_close_matches(wanted, [*texts], n=2, cutoff=0.5)
    return " or ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))


def _explain_rule(rule: type[Rule], format_name: str, output: str | None) -> None:
    from auditor.records.findings import CODES
    from auditor.versions import stamped
    from rules.docs.documentation import documentation, page, precedents_of

    codes = [code for code, (_, slug) in CODES.items() if slug == rule.slug]
    if format_name == "json":
        import dataclasses

        shown = {
            "schema": 1,
            "rule": rule.slug,
            "title": rule.title,
            "documentation": documentation(rule),
            "sources": [dataclasses.asdict(source) for source in rule.sources],
            "precedents": [dataclasses.asdict(precedent) for precedent in precedents_of(rule.slug)],
            "codes": codes,
        }
        write(json.dumps(stamped(shown), indent=1, ensure_ascii=False) + "\n", output)
        return
    text = page(rule)
    if codes:
        text += f"\n## Finding codes of `auditor records`\n\n{', '.join(f'`{code}`' for code in codes)}\n"
    write(_fitting(text, format_name, output), output)


def _fitting(text: str, format_name: str, output: str | None) -> str:
    """Markdown as it is; as text its prose in lines that fit, code as it is written."""
    from auditor.report.folding import hung

    if format_name != "text":
        return text
    parts = text.split("\n```")  # every other part is a block of code
    width = width_of(output)
    # a line that follows another is the same paragraph, but for what begins an item, a title or a table's row
    parts[::2] = [re.sub(r"(?<=[^\n])\n(?=[^\n#|-])", " ", part) for part in parts[::2]]
    parts[::2] = ["\n".join(hung(part.split("\n"), width, hang=0)) for part in parts[::2]]
    return "\n```".join(parts)


def _explain_code(code: str, format_name: str, output: str | None) -> None:
    from auditor.records.code_documentation import CODE_DOCUMENTATION
    from auditor.records.findings import CODES
    from auditor.versions import stamped

    severity, slug = CODES[code]
    says, to_do = CODE_DOCUMENTATION[code]
    if format_name == "json":
        shown = {
            "schema": 1,
            "code": code,
            "severity": severity.value,
            "rule": slug,
            "documentation": {"What it says": says, "What to do": to_do},
        }
        write(json.dumps(stamped(shown), indent=1, ensure_ascii=False) + "\n", output)
        return
    belongs = (
        f"It belongs to the rule `{slug}`: `auditor explain {slug}`." if slug else "It belongs to no rule."
    )
    page = (
        f"# {code}: a finding of `auditor records`\n\n{says}\n\n"
        f"Severity: {severity.value} (`fail` makes the entry fail; the circumstances may lower it). {belongs}\n\n"
        f"## What to do\n\n{to_do}\n"
    )
    write(_fitting(page, format_name, output), output)
