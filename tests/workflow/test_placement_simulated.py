"""evaluate placement on few learners: what it compares is comparable."""

import json

import numpy as np
from typer.testing import CliRunner

from learnloop.cli import app
from learnloop.workflow import placement
from learnloop.workflow.placement import Curves, compared, evaluate_placement


def test_the_result_is_whole_and_repeatable() -> None:
    placement_small = {"learners": 10, "most": 12, "n_concepts": 4, "n_bootstrap": 50}
    first = evaluate_placement(["bkt"], **placement_small)  # type: ignore[arg-type]
    again = evaluate_placement(["bkt"], **placement_small)  # type: ignore[arg-type]
    assert json.dumps(first) == json.dumps(again)
    found = first["families"]["bkt"]
    assert [row["precision"] for row in found["precisions"]] == list(placement.PRECISIONS)
    curves = found["curves"]
    assert curves["adaptive"]["brier"]["0"] == curves["fixed"]["brier"]["0"], (
        "before a question all are alike"
    )
    assert curves["adaptive"]["brier"]["10"] < curves["adaptive"]["brier"]["0"]
    assert 0 < found["mastered"] < 1


def test_a_test_that_is_twice_as_quick_has_the_ratio_half() -> None:
    rng = np.random.default_rng(0)
    mastered = rng.random((40, 5)) < 0.5
    questions = np.arange(151)[None, :, None]

    def curve(rate: float) -> Curves:
        off = 0.5 * np.exp(-rate * questions) * np.ones((40, 1, 5))
        return Curves(np.where(mastered[:, None], 1 - off, off), mastered)

    of = {"adaptive": curve(0.04), "fixed": curve(0.02), "fixed without graph": curve(0.01)}
    found = compared(of, 60, n_bootstrap=50)
    for row in found["precisions"]:
        assert abs(row["fixed: ratio at that brier"]["value"] - 0.5) < 0.02
        assert abs(row["fixed: ratio at that precision"]["value"] - 0.5) < 0.02
    for row in found["lengths"]:
        assert abs(row["fixed: ratio at that brier"]["value"] - 0.5) < 0.02


def test_a_family_there_is_not() -> None:
    found = CliRunner().invoke(app, ["evaluate", "placement", "--families", "geniuses"])
    assert found.exit_code == 1
    assert "there is no family" in found.stderr
