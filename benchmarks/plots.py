"""The picture of docs/1-data.md from the result that is kept.

python benchmarks/plots.py        benchmarks/results/prepare_at_scale.json -> docs/images/scale.png
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
COLOURS = {"ours": "#1f6f8b", "duckdb": "#e0a030", "polars": "#8a6fb0", "pandas": "#9a9a9a"}
NAMES = {"ours": "Learnloop (pandas on Dask)", "duckdb": "DuckDB", "polars": "Polars", "pandas": "pandas"}


def main() -> None:
    results = json.loads((ROOT / "benchmarks/results/prepare_at_scale.json").read_text())["results"]
    figure, (speed, memory) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for engine, colour in COLOURS.items():
        own = [one for one in results if one["engine"] == engine]
        done = [one for one in own if "failed" not in one and one.get("seconds")]
        style = {"color": colour, "marker": "o", "label": NAMES[engine]}
        speed.plot(
            [one["rows"] for one in done], [one["rows"] / one["seconds"] / 1e3 for one in done], **style
        )
        memory.plot([one["rows"] for one in done], [one["peak_bytes"] / 1e9 for one in done], **style)
        ended = [one for one in own if "failed" in one]
        memory.scatter(
            [one["rows"] for one in ended],
            [one["peak_bytes"] / 1e9 for one in ended],
            color=colour,
            marker="x",
            s=60,
            zorder=3,
        )
    memory.axhline(4, color="#c05030", linewidth=0.8, linestyle="--")
    memory.annotate("4 GB", (1e6, 4.1), color="#c05030", fontsize=8)
    speed.set_ylabel("thousand rows a second")
    memory.set_ylabel("peak memory, GB (x: it gave up)")
    for axes in (speed, memory):
        axes.set(xscale="log", xlabel="interactions", ylim=0)
        axes.spines[["top", "right"]].set_visible(False)
    speed.legend(frameon=False, fontsize=8)
    figure.savefig(ROOT / "docs/images/scale.png", dpi=110)


if __name__ == "__main__":
    main()
