"""Fading counts, features and abilities against plain references that look back row by row."""

import numpy as np
import pandas as pd
import pytest

from learnloop.trace import ability
from learnloop.trace.ability import abilities, ability_after
from learnloop.trace.fading import DAY, NEVER, Rates, State, after, before, ordered
from learnloop.trace.histories import encode
from learnloop.trace.practice_features import ITEM_RATES, Groups

RATES = Rates(seconds=(3600.0, DAY), steps=(0.5, 0.9))


def some_answers(seed: int, n: int = 120) -> pd.DataFrame:
    """Few distinct moments, so many ties; in no order; none, one or several concepts."""
    rng = np.random.default_rng(seed)
    pool = ["c:a", "c:b", "c:c", "c:d"]
    lists = [tuple(rng.choice(pool, rng.integers(0, 4), replace=False).tolist()) for _ in range(5)]
    items = rng.integers(0, 5, n)
    return pd.DataFrame(
        {
            "learner_id": rng.choice(["l1", "l2", "l3"], n),
            "item_id": [f"i:{k}" for k in items],
            "concept_ids": [lists[k] for k in items],
            "correct": rng.random(n) < 0.6,
            "duration_s": np.where(rng.random(n) < 0.3, np.nan, rng.exponential(20, n)),
            "occurred_at": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(rng.integers(0, 25, n) ** 2, "h"),
        }
    )


def plain_state(past: pd.DataFrame, values: np.ndarray, now: float, rates: Rates) -> np.ndarray:
    """past: one stream's answers before now. (v, R)"""
    at = past["at"].to_numpy()
    later = np.array([(at > moment).sum() for moment in at])
    columns = [np.exp(-(now - at) / tau) for tau in rates.seconds] + [np.ones(len(at))]
    columns += [rate**later for rate in rates.steps]
    return values.T @ np.stack(columns, axis=1)


@pytest.mark.parametrize("seed", [0])
def test_fading_counts_equal_looking_back(seed: int) -> None:
    answers = some_answers(seed)
    data = encode(answers)
    values = np.stack([data.correct, np.ones(len(data)), data.seconds % 7], axis=1)
    states, gaps = before(data.learners, data.moments, data.seconds, values, RATES)
    frame = pd.DataFrame({"learner": data.learners, "at": data.seconds})
    for row in range(len(frame)):
        now = frame["at"][row]
        earlier = ((frame["learner"] == frame["learner"][row]) & (frame["at"] < now)).to_numpy()
        expected = plain_state(frame[earlier], values[earlier], now, RATES)
        np.testing.assert_allclose(states[row], expected, rtol=1e-9, atol=1e-12)
        assert gaps[row] == (now - frame["at"][earlier].max() if earlier.any() else NEVER)


def test_the_sum_at_the_end_and_the_kept_up_state_are_the_same() -> None:
    rng = np.random.default_rng(4)
    streams, seconds = rng.integers(0, 3, 40), np.cumsum(rng.exponential(5000, 40))
    values, now = rng.random((40, 2)), 3e5
    states, gaps = after(streams, np.arange(40), seconds, values, RATES, now)
    kept = State((3,), 2, RATES)
    for row in range(40):
        kept.add((streams[[row]],), seconds[[row]], values[[row]])
    counts, since = kept.at((np.arange(3),), np.full(3, now))
    np.testing.assert_allclose(counts, states, rtol=1e-10)
    np.testing.assert_allclose(since, gaps)
    asked = before(
        np.append(streams, [0, 1, 2]), np.append(np.arange(40), [40] * 3), np.append(seconds, [now] * 3),
        np.vstack([values, np.zeros((3, 2))]), RATES,
    )  # fmt: skip
    np.testing.assert_allclose(asked[0][40:], states, rtol=1e-10)


def test_rows_are_put_in_order_however_large_their_codes() -> None:
    rng = np.random.default_rng(2)
    streams, moments = rng.integers(0, 5, 50), rng.integers(0, 6, 50)
    for factor in (1, 2**40):
        assert (ordered(streams * factor, moments * factor) == np.lexsort((moments, streams))).all()


@pytest.mark.parametrize("groups", [Groups(True, True), Groups(False, False)])
def test_features_equal_looking_back_row_by_row(groups: Groups) -> None:
    answers = some_answers(5, 60).reset_index(drop=True)
    data = encode(answers)
    table = groups.table(data)
    assert table.shape == (60, len(groups.names)) == (60, sum(groups.widths))
    answers["at"] = data.seconds

    def stream(past: pd.DataFrame, now: float, rates: Rates) -> list[float]:
        values = np.ones((len(past), 2))
        values[:, 0] = past["correct"].to_numpy(dtype=float)
        wins, tries = plain_state(past, values, now, rates)
        fails = tries - wins
        minutes = (now - past["at"].max()) / 60 if len(past) else np.inf
        fresh = max(np.log1p(365 * 24 * 60) - np.log1p(minutes), 0.0)
        success = (wins + 0.65 * 1.5) / (tries + 1.5) - 0.65
        upto = rates.plain + 1
        found = [*np.log1p(wins[:upto]), *np.log1p(fails[:upto]), *success[rates.plain :]]
        found.append(float(not len(past)))
        return [*found, fresh] if groups.timed else found

    for row in answers.itertuples():
        past = answers[(answers["learner_id"] == row.learner_id) & (answers["at"] < row.at)]
        expected = stream(past, row.at, groups.rates)
        if groups.lasting:
            known = past.dropna(subset="duration_s")
            for outcome in (True, False):
                took = known.loc[known["correct"] == outcome, "duration_s"]
                expected.append(np.log1p((1 / (1 + np.log1p(took))).sum()))
        of_concepts = []
        for concept in row.concept_ids:
            on = past[np.array([concept in have for have in past["concept_ids"]], dtype=bool)]
            # answers of the last moment on it, and later, but for one
            since = (past["at"] >= on["at"].max()).sum() - 1 if len(on) else np.inf
            of_concepts.append(
                [*stream(on, row.at, groups.rates), max(np.log1p(1000) - np.log1p(since), 0.0)]
            )
        expected += np.mean(of_concepts, axis=0).tolist() if of_concepts else [0.0] * groups.widths[1]
        expected += stream(past[past["item_id"] == row.item_id], row.at, ITEM_RATES)
        np.testing.assert_allclose(table[row.Index], expected, rtol=1e-9, atol=1e-9)


def test_times_a_step_apart_are_a_numbering() -> None:
    answers = some_answers(6)
    learners = answers.groupby("learner_id").cumcount()
    steps = answers.assign(occurred_at=pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(learners, "s"))
    assert not Groups.of(encode(steps)).timed
    assert Groups.of(encode(answers)) == Groups(timed=True, lasting=True)
    assert not Groups.of(encode(answers.drop(columns="duration_s"))).lasting


@pytest.mark.parametrize("few", [0, 1, 30])
@pytest.mark.parametrize("drift", [0.0, 0.02])
def test_abilities_equal_a_plain_filter(drift: float, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are followed one by one."""
    monkeypatch.setattr(ability, "FEW", few)
    answers = some_answers(7, 150)
    answers = answers[(answers["learner_id"] != "l3") | (answers.index < 40)]
    data = encode(answers)
    rng = np.random.default_rng(1)
    easiness = rng.normal(size=len(data))
    found = abilities(data.learners, data.moments, easiness, data.correct, 1.5, drift)
    for learner in range(3):
        own = np.flatnonzero(data.learners == learner)
        mean, variance = 0.0, 1.5
        for moment in np.unique(data.moments[own]):
            rows = own[data.moments[own] == moment]
            np.testing.assert_allclose(found[rows], [[mean, variance]] * len(rows), rtol=1e-9, atol=1e-12)
            p = 1 / (1 + np.exp(-(easiness[rows] + mean)))
            posterior = 1 / (1 / variance + (p * (1 - p)).sum())
            mean, variance = mean + posterior * (data.correct[rows] - p).sum(), posterior + drift
        last = ability_after(data.moments[own], easiness[own], data.correct[own], 1.5, drift)
        np.testing.assert_allclose(last, (mean, variance), rtol=1e-9)


def test_an_ability_is_found() -> None:
    """200 learners of known ability, 60 answers each: the belief is as close as it says."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=200)
    learners, moments = np.repeat(np.arange(200), 60), np.tile(np.arange(60), 200)
    easiness = rng.normal(size=len(learners))
    correct = (rng.random(len(learners)) < 1 / (1 + np.exp(-easiness - theta[learners]))).astype(float)
    last = abilities(learners, moments, easiness, correct, 1.0, 0.0)[59::60]
    assert np.corrcoef(last[:, 0], theta)[0, 1] > 0.93
    assert 0.8 < np.mean((last[:, 0] - theta) ** 2 / last[:, 1]) < 1.25
