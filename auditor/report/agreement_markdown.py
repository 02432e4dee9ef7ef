"""The agreement with rulings as Markdown, for a README or a comment."""

from __future__ import annotations

from auditor.corpus.agreement import VERDICTS, Agreement, Disagreement, percent
from auditor.report.markdown import cell

MAX_REASON = 160
"""Characters of a reason in the table; the JSON holds all of it."""


def as_markdown(agreement: Agreement) -> str:
    """Verdicts by label, rules with precision and recall, and every disagreement with its reason."""
    lines = ["| label | " + " | ".join(VERDICTS) + " |", "|---" * (len(VERDICTS) + 1) + "|"]
    for label, counts in agreement.verdicts.items():
        lines.append(f"| {label} | " + " | ".join(str(counts[verdict]) for verdict in VERDICTS) + " |")
    total = sum(agreement.visible.values())
    if total:
        right = agreement.visible["right rule"]
        lines += [
            "",
            f"Of {total} illegal ones that can be seen in code, configuration or logs, {right} "
            f"({percent(right / total)}) fail a rule that the ruling names.",
        ]
    lines += [
        "",
        "| rule | rulings | fail | review | unknown | silent | precision | recall |",
        "|---" * 8 + "|",
    ]
    for slug, rule in agreement.rules.items():
        out = rule.outcomes
        if out or rule.extra:
            lines.append(
                f"| `{slug}` | {sum(out.values())} | {out['fail']} | {out['review']} | {out['unknown']} "
                f"| {out['silent'] + out['error']} | {percent(rule.precision)} | {percent(rule.recall)} |"
            )
    if agreement.disagreements:
        lines += ["", "| pull request | ruling | here | why |", "|---" * 4 + "|"]
        lines += [_row(disagreement) for disagreement in agreement.disagreements]
    return "\n".join(lines) + "\n"


def _row(d: Disagreement) -> str:
    wanted = f"{d.label}: {', '.join(d.rules)}" if d.rules else d.label
    said = f"{d.verdict}: {', '.join(d.found)}" if d.found else d.verdict
    reason = d.reason if len(d.reason) <= MAX_REASON else d.reason[: MAX_REASON - 1] + "…"
    return f"| #{d.pr} | {cell(wanted)} ({d.visible_in or '?'}) | {cell(said)} | {cell(reason)} |"
