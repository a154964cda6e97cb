"""The curves of a fine-tuning, in the style of `evaluate.plots`."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from learnloop.evaluate.plots import ACCENT, INK, QUIET, canvas


def losses(history: Sequence[Mapping[str, float]], best_step: int) -> Figure:
    """history: a row a validation: step, validation and, but for the first, training (finetune.State)."""
    figure, axes = canvas("Question adapter", "Step", "Cross-entropy per token of the question")
    trained = [row for row in history if "training" in row]
    axes.plot(
        [row["step"] for row in trained], [row["training"] for row in trained], color=QUIET, label="training"
    )
    axes.plot(
        [row["step"] for row in history],
        [row["validation"] for row in history],
        color=ACCENT,
        marker="o",
        markersize=4,
        label="validation",
    )
    axes.axvline(best_step, color=INK, linestyle="--", linewidth=1, label="kept")
    axes.legend(frameon=False, fontsize=9)
    return figure
