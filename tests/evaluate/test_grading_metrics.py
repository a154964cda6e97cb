"""F1 of both marks by hand, and what a perfect and a blind grader look like."""

import numpy as np
import pytest

from learnloop.evaluate.grading import f1_scores, grading_metrics


def test_f1_by_hand() -> None:
    y = np.array([True, True, True, False])
    right = np.array([True, True, False, False])
    found = f1_scores(right, y)
    assert found["f1_right"] == pytest.approx(2 * 2 / (2 + 3))
    assert found["f1_wrong"] == pytest.approx(2 * 1 / (2 + 1))
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert found["weighted_f1"] == pytest.approx((3 * 0.8 + 2 / 3) / 4)


def test_a_perfect_grader_and_one_that_is_sure_of_the_wrong_half() -> None:
    generator = np.random.default_rng(0)
    y = generator.random(400) < 0.5
    questions = np.repeat([f"q{one}" for one in range(20)], 20)
    perfect = grading_metrics(y, np.where(y, 0.99, 0.01), y, np.ones(400, dtype=bool), questions, 50)
    assert perfect["macro_f1"] == perfect["accuracy_where_sure"] == 1
    assert perfect["macro_f1_interval"] == [1, 1]
    # right on the first half of the questions with confidence, blind on the others
    known = np.arange(400) < 200
    probability = np.where(known, np.where(y, 0.95, 0.05), 0.5 + 0.01 * (generator.random(400) - 0.5))
    found = grading_metrics(y, probability, probability >= 0.5, known, questions, 50)
    assert found["sure"] == 0.5
    assert found["accuracy_where_sure"] == 1
    curve = {round(point["coverage"], 1): point["accuracy"] for point in found["abstention"]}
    assert curve[0.5] == 1
    assert curve[1.0] == pytest.approx(found["accuracy"])
    assert 0.65 < curve[1.0] < 0.85
    assert found["macro_f1_interval"][0] < found["macro_f1"] < found["macro_f1_interval"][1]
    assert found["majority"] == pytest.approx(1 / 3, abs=0.02)
