"""The generated parts of README.md and SECURITY.md: help texts, the table of rules, the caps, a timeline.
`python -m tests.docs.readme` rewrites them.

A part stands between `<!-- begin: WHAT -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from auditor.cli import group
from rules.docs.catalogue import table
from tests.docs import benchmarks, caps

README = Path(__file__).parents[2] / "README.md"
GENERATED = (README, caps.SECURITY)

_PART = re.compile(r"(<!-- begin: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


TIMELINE = re.compile(r"(<!-- timeline: (?P<script>\S+) -->\n```text\n)(?P<shown>.*?)(\n```)", re.DOTALL)


def timeline(script: str) -> str:
    """What the auditor shows of a script of the repository."""
    from auditor.audit.targets import audit_target
    from auditor.trace.render import render

    results, _ = audit_target(str(README.parent / script))
    trace = results[0].trace
    assert trace is not None
    return render(trace, home=str(Path(script).parent))


def filled(text: str) -> str:
    """The text with every generated part up to date."""
    text = TIMELINE.sub(lambda part: f"{part[1]}{timeline(part['script'])}{part[4]}", text)
    return _PART.sub(lambda part: f"{part[1]}{_generated(part['what'])}{part[3]}", text)


def _generated(what: str) -> str:
    if what == "rules":
        return re.sub(r"\(#([a-z-]+)\)", r"(rules/README.md#\1)", table()) + "\n"
    if what == "caps":
        return caps.table()
    words = what.split()
    assert words[0] == "auditor", what
    result = CliRunner().invoke(
        group, words[1:], prog_name="auditor", terminal_width=100, max_content_width=100
    )
    assert result.exit_code == 0, result.output
    return f"```text\n$ {what}\n{result.output.rstrip()}\n```\n"


def picture(script: str) -> str:
    """The drawing of a script that comes with the auditor, as `docs/` holds it."""
    from auditor.audit.targets import audit_target
    from auditor.report.svg import render

    return render(audit_target(str(README.parent / script))[0])


PICTURES = {
    README.parent / "docs" / f"{name}.svg": f"auditor/specimens/{name}.py"
    for name in ("legal_lora_ttt", "train_before_score")
}


if __name__ == "__main__":
    for document in GENERATED:
        document.write_text(filled(document.read_text(encoding="utf-8")), encoding="utf-8")
    benchmarks.write()
    for file, script in PICTURES.items():
        file.write_text(picture(script), encoding="utf-8")
