"""Figures show the numbers they were given, under axes that say what they are, and can be drawn."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from learnloop.evaluate.plots import metric_by_model, reliability_curve, score_by_history_length

SUMMARIES = {
    "ials": {"ndcg": {"value": 0.30, "low": 0.25, "high": 0.36}},
    "popularity": {"ndcg": {"value": 0.12, "low": 0.10, "high": 0.15}},
}
BINS = pd.DataFrame({"predicted": [0.2, 0.5, 0.8], "observed": [0.1, 0.5, 0.9], "n": [10, 200, 40]})


def scores() -> dict[str, pd.DataFrame]:
    learners = pd.Index([f"l{number}" for number in range(6)], name="learner_id")
    return {"ials": pd.DataFrame({"ndcg": [0.0, 0.2, 0.4, 0.4, 0.6, 0.9]}, index=learners)}


def png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


@pytest.mark.parametrize(
    "figure",
    [
        metric_by_model(SUMMARIES, "ndcg"),
        metric_by_model({"ials": SUMMARIES["ials"]}, "ndcg"),
        reliability_curve(BINS),
        reliability_curve(BINS.iloc[:0]),
        score_by_history_length(scores(), {"l0": 0, "l1": 4, "l2": 4, "l3": 100}),
    ],
)
def test_every_figure_can_be_drawn_and_names_its_axes(figure: Figure) -> None:
    assert png(figure).startswith(b"\x89PNG")
    (axes,) = figure.axes
    assert axes.get_xlabel()
    assert axes.get_title(loc="left")


def test_models_stand_in_order_with_their_values() -> None:
    (axes,) = metric_by_model(SUMMARIES, "ndcg").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["popularity", "ials"]
    assert [text.get_text() for text in axes.texts] == ["0.120", "0.300"]
    assert [line.get_xdata().tolist() for line in axes.lines if len(line.get_xdata()) == 2] == [
        [0.10, 0.15],
        [0.25, 0.36],
    ]


def test_the_reliability_curve_is_the_bins() -> None:
    (axes,) = reliability_curve(BINS).axes
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), BINS[["predicted", "observed"]].to_numpy())


def test_learners_are_in_the_band_of_their_history() -> None:
    lengths = {"l0": 0, "l1": 1, "l2": 2, "l3": 20, "l4": 21, "l5": 500}
    (axes,) = score_by_history_length(scores(), lengths).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "0",
        "1-2",
        "3-5",
        "6-10",
        "11-20",
        "21+",
    ]
    means = {round(x): y for x, y in axes.lines[0].get_xydata()}
    assert means == pytest.approx({0: 0.0, 1: 0.3, 4: 0.4, 5: 0.75})
