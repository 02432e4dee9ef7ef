"""`auditor rules`: the list, one line a rule."""

from __future__ import annotations

import click

from auditor.commands.options import output_options, write


@click.command("rules")
@output_options("text", "json", "markdown")
def command(format_name: str, output: str | None, quiet: bool) -> int:
    """List the rules."""
    from auditor.versions import stamped
    from rules import ALL
    from rules.core.rule import Policy
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
        lines = [f"{rule.slug:<26} {rule.kind.value:<11} {rule.condition:<8} {rule.title}" for rule in ALL]
        write("\n".join(lines) + "\n", output)
    return 0
