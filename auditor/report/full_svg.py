"""The phases of each seed over what the machine did meanwhile, as one SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.replay.full.harness import FullResult
from auditor.report.figure import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from auditor.replay.full.seed_run import SeedRun
    from auditor.replay.full.telemetry import Sample

_COLOURS = {
    "start and warm-up": "#d1d5db",
    "training": "#0f766e",
    "quantisation and calibration": "#b45309",
    "before evaluation": "#e5e7eb",
    "evaluation": "#1d4ed8",
    "end": "#f3f4f6",
}


def render(result: FullResult) -> str:
    """Draw a result.

    Raises:
        AuditorError: matplotlib is not installed.
    """
    height = 1.9 * max(len(result.runs), 1) + 0.6
    return drawn(lambda figure: _fill(figure, result), width=9.0, height=height)


def _fill(figure: Figure, result: FullResult) -> None:
    from matplotlib.patches import Patch

    rows = figure.subplots(len(result.runs), 1, sharex=True, squeeze=False)
    for (axes,), run in zip(rows, result.runs, strict=True):
        _draw(axes, run, result.telemetry.get(run.seed, ()))
    rows[0][0].set_xlim(0, max([run.ended.trace.ended_s for run in result.runs] + [1.0]))
    rows[-1][0].set_xlabel("seconds since the launch")
    names = [name for name in _COLOURS if any(run.phases.named(name) for run in result.runs)]
    figure.legend(
        handles=[Patch(color=_COLOURS[name], label=name) for name in names],
        loc="outside upper center",
        ncols=max(len(names), 1),
        frameon=False,
        fontsize=7,
    )


def _draw(axes: Axes, run: SeedRun, samples: tuple[Sample, ...]) -> None:
    for phase in run.phases.all:
        axes.axvspan(phase.began_s, phase.ended_s, color=_COLOURS.get(phase.name, "#fff"), alpha=0.45, lw=0)
    if samples:
        at = [sample.seconds for sample in samples]
        axes.plot(at, [sample.cpu_percent for sample in samples], color="#111827", lw=1, label="processors")
        for number in range(len(samples[0].gpus)):
            busy = [sample.gpus[number].busy_percent or 0 for sample in samples]
            axes.plot(at, busy, lw=0.6, alpha=0.7, label="GPUs" if number == 0 else None)
    axes.set_ylim(0, 105)
    axes.set_ylabel(f"seed {run.seed}\n% busy")
    axes.spines[["top", "right"]].set_visible(False)
