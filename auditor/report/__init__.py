"""The report formats, one a file; `FORMATS` says where each stands. All read `auditor.judgement.result` and nothing
else.

Each module has `render(results, notes) -> str`: `results` are the submissions of one target in order,
`notes` what could not be read of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.judgement.result import AuditResult

    Renderer = Callable[[Sequence[AuditResult], Sequence[str]], str]

FORMATS = ("text", "json", "sarif", "markdown", "html", "svg", "annotations", "codequality")


def renderer(name: str) -> Renderer:
    """The `render` function of a format; its libraries are loaded only now."""
    module = importlib.import_module(f"auditor.report.{name}")
    render: Renderer = module.render
    return render
