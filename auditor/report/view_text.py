"""Small pieces of text that several formats show alike."""

from __future__ import annotations

import re

from auditor.report.clean import clean_line


def short_label(label: str) -> str:
    """What a printed line calls its number: the text before the first value, without the metric's name."""
    head = re.split(r"\s*\bval[_ ]?(?:loss|bpb)\b|[ :\[=]*\{", label)[0]
    return clean_line(head.strip(" :[=|-")) or clean_line(label.replace("{}", "…").strip())
