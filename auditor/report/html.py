"""The audit as one HTML file: style inline, no script, nothing fetched, everything escaped by the template
engine.

Needs the `html` extra (jinja2); without it the caller is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from auditor.errors import AuditorError
from auditor.judgement.result import AuditResult
from auditor.report.clean import clean_line
from auditor.report.view import level_word, shown_label, view
from auditor.trace.render import aligned, shown_place
from rules import by_slug
from rules.docs.documentation import documentation, precedents_of

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "audit.html.j2"


def render(results: Sequence[AuditResult], notes: Sequence[str] = (), *, back: str = "") -> str:
    """One document for all submissions of a target.

    Args:
        back: link to the page that lists this one, or "".

    Raises:
        AuditorError: jinja2 is not installed.
    """
    template = environment().get_template(TEMPLATE)
    text: str = template.render(
        views=[view(result) for result in results],
        notes=[clean_line(note) for note in notes],
        back=back,
        aligned=aligned,
        clean=clean_line,
        label=shown_label,
        where=shown_place,
        level_word=level_word,
        documentation=_documentation,
        precedents_of=precedents_of,
    )
    return text


def corpus_page(result: AuditResult) -> str:
    """The report of one submission of a corpus, with the way back to the list."""
    return render([result], back="../index.html")


def environment() -> Environment:
    """The template environment: autoescaping, undefined names are errors.

    Raises:
        AuditorError: jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise AuditorError(
            "HTML reports need jinja2", hint="pip install 'parameter-golf-auditor[html]'"
        ) from error
    return Environment(
        loader=PackageLoader("auditor.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _documentation(slug: str) -> dict[str, str]:
    rule = by_slug(slug)
    return {} if rule is None else documentation(rule)
