"""Fairness and lead time on planted differences."""

import numpy as np
import pandas as pd
import pytest

from learnloop.evaluate import at_risk as judged


@pytest.fixture(scope="module")
def planted() -> tuple[pd.DataFrame, np.ndarray]:
    """Both sexes are at risk alike; the estimate is fair by sex and 20 points too high for those of `age`
    old."""
    rng = np.random.default_rng(0)
    n = 4_000
    truth = rng.beta(2, 3, n)
    rows = pd.DataFrame(
        {
            "learner_id": np.arange(n).astype(str),
            "at_risk": rng.random(n) < truth,
            "sex": np.where(rng.random(n) < 0.5, "f", "m"),
            "age": np.where(rng.random(n) < 0.3, "old", "young"),
        }
    )
    return rows, np.clip(truth + 0.2 * (rows["age"] == "old"), 0, 1)


def test_what_differs_is_found_and_nothing_else(planted: tuple[pd.DataFrame, np.ndarray]) -> None:
    rows, predicted = planted
    groups = judged.fairness(rows, predicted, ["sex", "age"], 200, 0)
    found = {(one["column"], one["group"]): one for one in groups}
    for sex in ("f", "m"):
        assert set(found["sex", sex]["differs"]) <= {"bias"}, (
            "of both, the whole estimate is 6 points too high"
        )
    old = found["age", "old"]
    assert set(old["differs"]) == {"selection", "tpr", "fpr", "bias"}
    assert old["bias"]["low"] < 0.2 < old["bias"]["high"]
    assert "bias" not in found["age", "young"]["differs"]
    assert old["n"] + found["age", "young"]["n"] == len(rows)


def test_rates_are_those_of_counting(planted: tuple[pd.DataFrame, np.ndarray]) -> None:
    rows, predicted = planted
    flagged = judged.flags(predicted)
    assert flagged.sum() == 800
    assert predicted[flagged].min() >= predicted[~flagged].max()
    inside = (rows["age"] == "old").to_numpy()
    y = rows["at_risk"].to_numpy()
    (one,) = [x for x in judged.fairness(rows, predicted, ["age"], 50, 0) if x["group"] == "old"]
    assert one["selection"]["value"] == pytest.approx(flagged[inside].mean())
    assert one["tpr"]["value"] == pytest.approx(flagged[inside & y].mean())
    assert one["fpr"]["value"] == pytest.approx(flagged[inside & ~y].mean())
    told = judged.decisions(y, flagged, rows["learner_id"].to_numpy(), 50, 0)
    assert told["precision"]["value"] == pytest.approx(y[flagged].mean())
    assert told["recall"]["value"] == pytest.approx(flagged[y].mean())
    nobody = judged.decisions(y, np.zeros(len(y), dtype=bool), rows["learner_id"].to_numpy(), 50, 0)
    assert np.isnan(nobody["precision"]["value"])
    assert nobody["recall"]["value"] == 0


def test_a_small_group_gets_no_verdict() -> None:
    rows = pd.DataFrame(
        {"learner_id": list("abcdefghij"), "at_risk": [True] * 5 + [False] * 5, "g": list("xxxxxyyyyy")}
    )
    found = judged.fairness(rows, np.linspace(1, 0, 10), ["g"], 50, 0)
    assert [one["differs"] for one in found] == [[], []]


def test_one_learner_twice_widens_the_interval() -> None:
    rng = np.random.default_rng(1)
    y, p = rng.random(200) < 0.5, rng.random(200)
    flagged = judged.flags(p)
    own = judged.decisions(y, flagged, np.arange(400).astype(str)[:200], 400, 0)["precision"]
    y2, f2 = np.repeat(y, 4), np.repeat(flagged, 4)
    of = judged.decisions(y2, f2, np.repeat(np.arange(200), 4).astype(str), 400, 0)["precision"]
    alone = judged.decisions(y2, f2, np.arange(800).astype(str), 400, 0)["precision"]
    assert of["high"] - of["low"] == pytest.approx(own["high"] - own["low"], rel=0.3)
    assert alone["high"] - alone["low"] < 0.7 * (of["high"] - of["low"])


def test_lead_time() -> None:
    ends = pd.Series([100.0, 60.0, 40.0, 50.0])
    found = judged.lead_time(ends, np.array([14.0, 28.0, np.nan, 28.0]), [14, 28])
    assert (found["n"], found["flagged"], found["share"]) == (4, 3, 0.75)
    assert found["median"] == 32
    assert found["first_flag"] == {"14": 1, "28": 2}
    assert judged.lead_time(ends, np.full(4, np.nan), [14])["median"] is None


def test_the_difference_of_two_estimates_is_that_of_their_scores() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(600)
    y = rng.random(600) < truth
    one, other = truth, np.clip(truth + rng.normal(0, 0.3, 600), 0, 1)
    found = judged.difference(y, one, other, np.arange(600).astype(str), 200, 0)

    def auc(p: np.ndarray) -> float:
        return float(np.mean(p[y][:, None] > p[~y][None, :]))

    middle = (other > 0) & (other < 1)  # the clipped ones tie: compare where nothing does
    part = judged.difference(
        y[middle], one[middle], other[middle], np.arange(middle.sum()).astype(str), 50, 0
    )
    y, one, other = y[middle], one[middle], other[middle]
    assert part["auc"]["value"] == pytest.approx(auc(one) - auc(other))
    assert part["brier"]["value"] == pytest.approx(np.mean((one - y) ** 2 - (other - y) ** 2))
    assert found["auc"]["low"] > 0 > found["brier"]["high"], "the truth is better, and not by chance"
