"""The ablation as a picture: one dot per seed, a bar for the mean, as a stand-alone SVG with stable bytes."""

from __future__ import annotations

from pathlib import Path

from reference_impl.demo import ROW_NAMES, DemoResult


def draw_ablation(result: DemoResult, path: Path) -> None:
    """Write the demo's ablation to `path` as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "reference_impl"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    means = [result.average(name) for name in ROW_NAMES]
    axes.bar(range(len(means)), means, width=0.6, color="#9ecae1")
    for place, (name, mean_bpb) in enumerate(zip(ROW_NAMES, means, strict=True)):
        seeds = [row[name] for row in result.bpb_by_seed.values()]
        axes.scatter([place] * len(seeds), seeds, s=14, color="#08519c", zorder=3)
        axes.annotate(f"{mean_bpb:.4f}", (place, max(seeds)), (0, 5), textcoords="offset points", ha="center")
    values = [value for row in result.bpb_by_seed.values() for value in row.values()]
    spread = max(values) - min(values)
    axes.set_ylim(min(values) - 0.3 * spread, max(values) + 0.3 * spread)
    axes.set_xticks(range(len(means)), [title.replace(" (", "\n(") for title in ROW_NAMES.values()])
    axes.set_ylabel("bits per byte (axis cut)")
    axes.set_title(f"One model, four ways to score it ({len(result.bpb_by_seed)} seeds)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
