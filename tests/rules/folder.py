"""Makes a submission folder of an example and audits it through the whole line."""

from __future__ import annotations

from pathlib import Path

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult
from auditor.submission.load import load_submissions
from rules.core.rule import Example, Rule

TRACK = "records/track_10min_16mb/2026-01-01_Example"


def audit_example(rule: type[Rule], example: Example, root: Path) -> AuditResult:
    """Write the example below `root` as an entry of the record track and ask the one rule about it."""
    folder = (root / TRACK).with_name(f"{example.date}_Example")
    folder.mkdir(parents=True)
    (folder / "train_gpt.py").write_text(example.script, encoding="utf-8")
    for name, text in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    loaded = load_submissions(str(folder))
    scripts = {submission.script.name: submission for submission in loaded.submissions}
    return audit_submission(scripts["train_gpt.py"], policy=example.policy, rules=(rule,))


def expected_lines(rule: type[Rule], script: str) -> set[int]:
    """Lines of the script that end with `# expect: <slug>`."""
    return {
        number
        for number, line in enumerate(script.splitlines(), 1)
        if line.rstrip().endswith(f"# expect: {rule.slug}")
    }
