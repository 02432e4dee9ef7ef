"""A full run as one HTML file: findings, phases over telemetry, bytes and statistics; nothing is fetched or run."""

from __future__ import annotations

import re
from typing import Final

from auditor.exit_codes import ExitCode
from auditor.replay.full.harness import FullResult
from auditor.report.clean import clean_line
from auditor.report.full_text import HEADLINES, statistics_lines
from auditor.report.html import environment

_CSS: Final = {ExitCode.CLEAN: "compliant", ExitCode.REVIEW: "review"}
_WEIGHTS: Final = {"violation": "violation", "failed": "violation", "review": "review", "note": "note"}


def render(result: FullResult, picture: str = "") -> str:
    """The page.

    Args:
        picture: SVG of the phases (`full_svg`), made by this package alone; "" for none.

    Raises:
        AuditorError: jinja2 is not installed.
    """
    text: str = (
        environment()
        .get_template("full.html.j2")
        .render(
            result=result,
            word=HEADLINES[result.exit_code].capitalize(),
            css=_CSS.get(result.exit_code, "violation"),
            weight_css=_WEIGHTS,
            clean=clean_line,
            picture=re.sub(r"\A.*?(?=<svg)", "", picture, flags=re.DOTALL),
            statistics=list(statistics_lines(result.statistics)) if result.statistics is not None else [],
        )
    )
    return text
