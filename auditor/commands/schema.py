"""`auditor schema NAME`: the JSON Schema of an output."""

from __future__ import annotations

import json

import click

from auditor.commands.options import write
from auditor.errors import InputError


@click.command("schema")
@click.argument("name", required=False)
@click.option("-o", "--output", metavar="FILE", help="Write there instead of stdout.")
def command(name: str | None, output: str | None) -> int:
    """Show the JSON Schema of an output.

    NAME is that of the command that prints it; without it, all names are listed.
    """
    from auditor.report.schemas import SCHEMAS, schema

    if name is None:
        write("".join(f"{known:<10} {title}\n" for known, (title, _) in SCHEMAS.items()), output)
        return 0
    if name not in SCHEMAS:
        raise InputError(f"there is no schema {name!r}", hint=f"there are {', '.join(SCHEMAS)}")
    write(json.dumps(schema(name), indent=1) + "\n", output)
    return 0
