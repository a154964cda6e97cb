"""The pictures of the docs from the results that are kept.

    python benchmarks/plots.py

benchmarks/results/prepare_at_scale.json -> docs/images/scale.png    (docs/1-data.md)
benchmarks/results/policy.json           -> docs/images/policy.png   (docs/5-next-step.md)
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parents[1]
COLOURS = {"ours": "#1f6f8b", "duckdb": "#e0a030", "polars": "#8a6fb0", "pandas": "#9a9a9a"}
NAMES = {"ours": "Learnloop (pandas on Dask)", "duckdb": "DuckDB", "polars": "Polars", "pandas": "pandas"}


POLICIES = {
    "next step": ("#1f6f8b", "ours"),
    "oracle": ("#7fb3c4", "oracle"),
    "mastery order": ("#4a9a5a", "mastery order"),
    "fixed order": ("#e0a030", "fixed order"),
    "popularity": ("#8a6fb0", "popularity"),
    "random": ("#9a9a9a", "random"),
    "lowest mastery": ("#c05030", "lowest mastery first"),
}


def policy() -> None:
    families = json.loads((ROOT / "benchmarks/results/policy.json").read_text())["families"]
    figure, places = plt.subplots(1, len(families), figsize=(12, 2.9), layout="constrained", sharey=True)
    for axes, (family, found) in zip(places, families.items(), strict=True):
        for name, (colour, label) in POLICIES.items():
            curve = found["policies"][name]["curve"]
            width = 2.2 if name == "next step" else 1.2
            axes.plot(curve["steps"], curve["reached"], color=colour, linewidth=width, label=label)
        axes.set(title=family, xlabel="answers", xlim=(0, 400), ylim=(0, 1))
        axes.spines[["top", "right"]].set_visible(False)
    places[0].set_ylabel("learners who mastered all")
    places[0].legend(frameon=False, fontsize=7, loc="upper left")
    figure.savefig(ROOT / "docs/images/policy.png", dpi=100)


def scale() -> None:
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
    scale()
    policy()
