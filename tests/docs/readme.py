"""The generated parts of README.md: help texts and the table of rules. `python -m tests.docs.readme`
rewrites them.

A part stands between `<!-- begin: WHAT -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from auditor.cli import group
from rules.docs.catalogue import table

README = Path(__file__).parents[2] / "README.md"

_PART = re.compile(r"(<!-- begin: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The text with every generated part up to date."""
    return _PART.sub(lambda part: f"{part[1]}{_generated(part['what'])}{part[3]}", text)


def _generated(what: str) -> str:
    if what == "rules":
        return re.sub(r"\(#([a-z-]+)\)", r"(rules/README.md#\1)", table()) + "\n"
    words = what.split()
    assert words[0] == "auditor", what
    result = CliRunner().invoke(
        group, words[1:], prog_name="auditor", terminal_width=100, max_content_width=100
    )
    assert result.exit_code == 0, result.output
    return f"```text\n$ {what}\n{result.output.rstrip()}\n```\n"


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
