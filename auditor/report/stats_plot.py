"""Seeds as points with their confidence intervals, old against new, as SVG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from auditor.report.figure import drawn
from auditor.stats.compare import Comparison, Sample
from auditor.stats.t_tests import sample_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OLD, _NEW, _BAR = "#6b7280", "#0f766e", "#b45309"


def comparison_svg(comparison: Comparison) -> str:
    """Draw a comparison.

    Raises:
        AuditorError: matplotlib is not installed.
    """
    return drawn(lambda figure: _fill(figure, comparison), width=7.0, height=2.6)


def _fill(figure: Figure, comparison: Comparison) -> None:
    axes = figure.add_subplot()
    for height, sample, colour in ((1.0, comparison.old, _OLD), (0.0, comparison.new, _NEW)):
        _draw(axes, height, sample, colour)
    if comparison.margin_bpb is not None:
        bar = comparison.old.mean - comparison.margin_bpb
        axes.axvline(bar, color=_BAR, linestyle="--", linewidth=1.0, label="old mean − 0.005 nats per token")
        axes.legend(loc="best", frameon=False)
    axes.set_yticks([1.0, 0.0], [_short(comparison.old.name), _short(comparison.new.name)])
    axes.set_ylim(-0.6, 1.6)
    axes.set_xlabel("bits per byte (lower is better); bars: 95 % interval of the mean")
    axes.spines[["top", "right"]].set_visible(False)


def _draw(axes: object, height: float, sample: Sample, colour: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    count = len(sample.values)
    spread = [height + 0.12 * (index - (count - 1) / 2.0) / max(count, 1) for index in range(count)]
    axes.plot(sample.values, spread, "o", color=colour, alpha=0.8, markersize=5, zorder=3)
    axes.plot([sample.mean], [height - 0.22], "|", color=colour, markersize=12, markeredgewidth=2)
    interval = sample_interval(sample.values)
    if interval is not None:
        axes.plot([interval.low, interval.high], [height - 0.22] * 2, "-", color=colour, linewidth=2)


def _short(name: str) -> str:
    """The end of a path says more than its start; signs that matplotlib reads as markup are dropped."""
    pull = re.search(r"(?:pull|pr)/(\d+)(?:/head)?$", name)
    end = f"#{pull.group(1)}" if pull is not None else name.rstrip("/").rsplit("/", 1)[-1]
    plain = "".join(c for c in end.replace("$", "") if c.isprintable())
    return plain if len(plain) <= 34 else plain[:33] + "…"
