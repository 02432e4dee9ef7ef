"""The audit as one HTML file: style and script inline, nothing fetched, everything escaped by the template engine.

The page is whole without its script, which only moves the focus, opens what a link leads into, and tells of the cell
that is pointed at. The content security policy allows that script alone, by its hash. Needs the `html` extra
(jinja2); without it the caller is told so.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from auditor.errors import AuditorError
from auditor.judgement.result import AuditResult
from auditor.report.clean import clean_line
from auditor.report.page import Numbered, Page
from auditor.report.picture.palette import style
from auditor.report.view import level_word, shown_label
from auditor.trace.lines import aligned, shown_place
from rules import by_slug
from rules.core.rule import Finding
from rules.docs.documentation import documentation, precedents_of

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATE = "audit.html.j2"


def render(results: Sequence[AuditResult], notes: Sequence[str] = (), *, back: str = "") -> str:
    """One document for all submissions of a target.

    Args:
        back: link to the page that lists this one, or "".

    Raises:
        AuditorError: jinja2 is not installed.
    """
    template = environment().get_template(TEMPLATE)
    script = packaged_script("page.js")
    text: str = template.render(
        pages=[Page(result, f"s{number}") for number, result in enumerate(results, 1)],
        notes=[clean_line(note) for note in notes],
        back=back,
        aligned=aligned,
        clean=clean_line,
        label=shown_label,
        where=shown_place,
        level_word=level_word,
        word_of=_word_of,
        worst=_worst,
        ticked=ticked,
        documentation=_documentation,
        precedents_of=precedents_of,
        picture_style=style(),
        script=script,
        script_hash=content_hash(script),
    )
    return text


def ticked(text: str) -> Markup:
    """Text with what stands between backticks as code; everything is escaped."""
    from markupsafe import Markup

    parts = clean_line(text).split("`")
    if len(parts) % 2 == 0:  # one without its partner stands for itself
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


def _word_of(finding: Finding) -> str:
    """The word before a finding, which is its class too."""
    return level_word(finding.level, finding.outcome)


def _worst(group: Sequence[Numbered]) -> str:
    """The word of the gravest of some findings."""
    order = ("fail", "error", "review", "unknown", "warning", "note")
    return min((_word_of(one.item.finding) for one in group), key=order.index)


def packaged_script(name: str) -> str:
    """A script of ours as it is shipped; it holds nothing of a submission."""
    return resources.files("auditor.report").joinpath("templates", name).read_text(encoding="utf-8")


def content_hash(script: str) -> str:
    """What a content security policy names an inline script by."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


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
