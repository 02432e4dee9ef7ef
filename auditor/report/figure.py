"""One plot as SVG with the same bytes every time; matplotlib is imported when it is drawn and not before."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from auditor.errors import AuditorError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def drawn(draw: Callable[[Figure], None], *, width: float, height: float) -> str:
    """Draw on a figure of that size, in inches.

    Raises:
        AuditorError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AuditorError(
            "plots need matplotlib", hint="pip install 'parameter-golf-auditor[html]'"
        ) from error
    with matplotlib.rc_context(
        {"svg.hashsalt": "auditor", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9}
    ):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": "auditor"})
    return stream.getvalue()
