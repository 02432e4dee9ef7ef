"""The ablation as a picture: a line per seed and the mean, as a stand-alone SVG with stable bytes."""

from __future__ import annotations

from pathlib import Path

from reference_impl.demo import ROW_NAMES, DemoResult


def draw_ablation(result: DemoResult, path: Path) -> None:
    """Write the demo's ablation to `path` as SVG."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "reference_impl"
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.2), layout="constrained")
    places = range(len(ROW_NAMES))
    for seed, row in result.bpb_by_seed.items():
        axes.plot(
            places, [row[name] for name in ROW_NAMES], "o-", lw=0.8, ms=3, alpha=0.6, label=f"seed {seed}"
        )
    means = [result.average(name) for name in ROW_NAMES]
    axes.plot(places, means, "k_", ms=26, mew=2, label="mean")
    for place, mean_bpb in zip(places, means, strict=True):
        axes.annotate(f"{mean_bpb:.4f}", (place, mean_bpb), (0, 14), textcoords="offset points", ha="center")
    axes.margins(x=0.12, y=0.2)
    axes.set_xticks(places, [title.replace(" (", "\n(") for title in ROW_NAMES.values()])
    axes.set_ylabel("bits per byte")
    axes.set_title("One model per seed, four ways to score it", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
