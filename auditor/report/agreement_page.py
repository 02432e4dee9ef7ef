"""The agreement with rulings as a page beside the queue: by label, by rule, and every disagreement with its reason."""

from __future__ import annotations

from auditor.corpus.agreement import VERDICTS, Agreement, percent
from auditor.report.challenge import CHALLENGE
from auditor.report.clean import clean_line
from auditor.report.html import environment

TEMPLATE = "agreement.html.j2"


def render(agreement: Agreement, *, back: str = "index.html") -> str:
    """The page, without a script.

    Args:
        back: link to the queue.

    Raises:
        AuditorError: jinja2 is not installed.
    """
    text: str = (
        environment()
        .get_template(TEMPLATE)
        .render(
            agreement=agreement,
            rules={slug: rule for slug, rule in agreement.rules.items() if rule.outcomes or rule.extra},
            words=VERDICTS,
            visible=sum(agreement.visible.values()),
            percent=percent,
            challenge=CHALLENGE,
            clean=clean_line,
            back=back,
        )
    )
    return text
