"""The tracer of a release is the one that is best inside the training data, and the report says so."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from learnloop.errors import BadInput
from learnloop.schemas import ANSWERS, empty
from learnloop.simulate.planted import planted_answers
from learnloop.trace.bkt import BKT
from learnloop.trace.rate import RateTracer
from learnloop.workflow.choose_tracer import COMPETING, choose_tracer, compared, made

START = pd.Timestamp("2026-01-01", tz="UTC")


def knowing(learners: int = 120, concepts: int = 8, tries: int = 10, seed: int = 0) -> pd.DataFrame:
    """ANSWERS of a hidden state: known from one try to the next with chance .2, then right with .95, else
    with .1. Concepts by turns, an answer an hour."""
    rng = np.random.default_rng(seed)
    known = rng.random((learners, concepts)) < 0.2
    rows = []
    for hour in range(concepts * tries):
        concept = hour % concepts
        right = rng.random(learners) < np.where(known[:, concept], 0.95, 0.1)
        known[:, concept] |= rng.random(learners) < 0.2
        for learner, correct in enumerate(right.tolist()):
            when = START + pd.Timedelta(hours=hour, minutes=learner)
            item = f"s:{concept}-{rng.integers(2)}"
            rows.append((f"l{learner:03d}", item, (f"s:{concept}",), correct, when))
    return pd.DataFrame(rows, columns=["learner_id", "item_id", "concept_ids", "correct", "occurred_at"])


def by_counts() -> pd.DataFrame:
    """ANSWERS of the logistic tracer's own model, which a count by concept alone cannot follow."""
    return planted_answers(n_learners=150, n_items=40, n_concepts=8, answers_per_learner=60, seed=3).answers


def test_the_plain_one_wins_where_it_is_the_truth() -> None:
    found = choose_tracer(knowing(), made("auto"))
    assert found.name == "bkt"
    assert found.validation["logistic"]["behind"] > 2 * found.validation["logistic"]["se"]
    assert found.validation["bkt"]["behind"] == 0.0
    assert "least log-loss" in found.why


def test_the_plain_one_loses_where_it_is_not() -> None:
    found = choose_tracer(by_counts(), made("auto"))
    assert found.name == "logistic"
    assert set(found.validation) == set(COMPETING)
    assert found.validation["pfa"]["behind"] > 2 * found.validation["pfa"]["se"]
    assert found.validation["logistic"]["auc"] > found.validation["pfa"]["auc"]
    assert (found.learners, found.answers) == (150, 1800)


def test_what_comes_later_changes_nothing() -> None:
    answers = by_counts()
    later = answers.assign(
        occurred_at=answers["occurred_at"] + pd.Timedelta(days=900), correct=~answers["correct"]
    )
    together = pd.concat([answers, later], ignore_index=True)
    known = together[together["occurred_at"] < later["occurred_at"].min()]
    make = made("pfa")
    assert choose_tracer(known, make).validation == choose_tracer(answers, make).validation


def test_none_is_fitted_on_what_it_is_asked() -> None:
    """The validation part turned over changes what is measured, never what is fitted."""
    answers = knowing(learners=30)
    cut = answers["occurred_at"].quantile(0.8)
    turned = answers.assign(correct=answers["correct"] ^ (answers["occurred_at"] >= cut))
    seen: list[int] = []

    class Counted(RateTracer):
        def fit(self, answers: pd.DataFrame) -> "Counted":
            seen.append(int(answers["correct"].sum()) * 10_000 + len(answers))
            return super().fit(answers)

    for one in (answers, turned):
        choose_tracer(one, {"rate": Counted})
    assert seen[0] == seen[1]
    assert seen[0] % 10_000 == int((answers["occurred_at"] < cut).sum()) < len(answers)


def test_the_logistic_one_stays_where_another_is_better_by_chance_alone() -> None:
    class Blurred(RateTracer):
        """The item's rate, give or take what no answer says."""

        def __init__(self, seed: int) -> None:
            super().__init__()
            self.seed = seed

        def predict(self, answers: pd.DataFrame) -> np.ndarray:
            return super().predict(answers) + np.random.default_rng(self.seed).normal(0, 0.03, len(answers))

    answers, make = knowing(learners=30), {"0": partial(Blurred, 0), "1": partial(Blurred, 1)}
    both = choose_tracer(answers, make)
    better, worse = sorted(both.validation, key=lambda name: both.validation[name]["log_loss"])
    assert both.name == better
    assert both.validation[worse]["behind"] <= both.validation[worse]["se"], "else this asks nothing"
    found = choose_tracer(answers, {"alike": make[better], "logistic": make[worse]})
    assert found.name == "logistic"
    assert found.why.startswith("alike has the least log-loss on the validation part, by no more than one")
    sure = choose_tracer(answers, {"alike": partial(BKT), "logistic": make[worse]})
    assert sure.name == "alike"


def test_differences_and_their_errors_are_those_of_the_plain_formula() -> None:
    rng = np.random.default_rng(1)
    who = rng.integers(0, 9, 200)
    correct, p, q = rng.random(200) < 0.6, rng.uniform(0.05, 0.95, 200), rng.uniform(0.3, 0.8, 200)
    found = compared(correct.astype(float), {"p": p, "q": q}, who.astype(str))
    loss_p, loss_q = (-np.log(np.where(correct, x, 1 - x)) for x in (p, q))
    assert found["p"]["log_loss"] == pytest.approx(loss_p.mean())
    worse, difference = ("p", loss_p - loss_q) if loss_p.mean() > loss_q.mean() else ("q", loss_q - loss_p)
    assert found[worse]["behind"] == pytest.approx(difference.mean())
    groups = [difference[who == one] - difference.mean() for one in np.unique(who)]
    variance = len(groups) / (len(groups) - 1) * sum(group.sum() ** 2 for group in groups) / 200**2
    assert found[worse]["se"] == pytest.approx(np.sqrt(variance))


def test_a_tracer_that_cannot_be_fitted_is_left_out_and_named() -> None:
    class Refuses(RateTracer):
        def fit(self, answers: pd.DataFrame) -> "Refuses":
            raise BadInput("too many answers for its memory")

    found = choose_tracer(knowing(learners=10), {"refuses": Refuses, "rate": RateTracer})
    assert (found.name, dict(found.left_out)) == ("rate", {"refuses": "too many answers for its memory"})
    none = choose_tracer(knowing(learners=10), {"refuses": Refuses})
    assert (none.name, none.validation) == ("logistic", {})


@pytest.mark.parametrize("case", ["nobody", "one instant", "one learner"])
def test_without_anybody_to_validate_on_it_is_the_logistic_one_and_says_so(case: str) -> None:
    answers = knowing(learners=2)
    if case == "nobody":
        answers = empty(ANSWERS)
    elif case == "one instant":
        answers = answers.assign(occurred_at=START)
    else:
        answers = answers[answers["learner_id"] == "l000"]
    found = choose_tracer(answers, made("auto"))
    assert found.name == "logistic"
    assert "nothing to validate on" in found.why


def test_where_all_are_right_there_is_a_log_loss_and_no_auc() -> None:
    found = choose_tracer(knowing(learners=6).assign(correct=True), {"rate": RateTracer})
    assert set(found.validation["rate"]) == {"log_loss", "behind", "se"}


def test_a_name_nobody_knows_is_refused() -> None:
    with pytest.raises(BadInput, match="no tracer 'best'; there are auto, attention"):
        made("best")
    assert made("attention", seed=5)["attention"].keywords == {"seed": 5}
    assert made("bkt", seed=5)["bkt"].keywords == {}
