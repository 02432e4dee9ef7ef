"""`auditor rules`: the list, by what the rules are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from auditor.commands.options import output_options, write

if TYPE_CHECKING:
    from rules.core.rule import Rule


@click.command("rules")
@output_options("text", "json", "markdown")
def command(format_name: str, output: str | None, quiet: bool) -> int:
    """List the rules."""
    from auditor.versions import stamped
    from rules import ALL
    from rules.core.rule import Kind, Policy
    from rules.docs.catalogue import table

    if format_name == "markdown":
        write(table() + "\n", output)
    elif format_name == "json":
        import json

        rows = [
            {
                "rule": rule.slug,
                "title": rule.title,
                "condition": rule.condition,
                "kind": rule.kind.value,
                "tracks": list(rule.tracks),
                "policies": {policy.value: rule.policies[policy] for policy in Policy},
            }
            for rule in ALL
        ]
        write(json.dumps(stamped({"schema": 1, "rules": rows}), indent=1, ensure_ascii=False) + "\n", output)
    else:
        from auditor.report.folding import hung

        lines = []
        about = {Kind.EVALUATION: "about code, data and number of the run", Kind.RECORD: "about the entry"}
        for kind, title in about.items():
            lines += [title]
            lines += [f"  {r.slug:<26}{r.title}{_about(r)}" for r in ALL if r.kind is kind]
            lines += [""]
        lines += ["auditor explain RULE shows one with its sources and precedents"]
        write("\n".join(hung(lines)) + "\n", output)
    return 0


def _about(rule: type[Rule]) -> str:
    """The conditions that it belongs to, where it does."""
    return f" ({rule.condition})" if rule.condition != "README" else ""
