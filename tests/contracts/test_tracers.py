"""What every tracer keeps, whatever is inside it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput, ModelUnavailable, NothingToDo
from learnloop.schemas import ANSWERS, Tracer, empty
from learnloop.simulate.planted import planted_answers
from learnloop.workflow.tracers import TRACERS

PLANTED = planted_answers(n_learners=40, n_items=15, n_concepts=5, answers_per_learner=20, seed=5)
GAPS = np.random.default_rng(9).choice([20.0, 60.0, 3_000.0, 90_000.0], len(PLANTED.answers))
BEGAN = pd.Timestamp("2026-01-05T08:00:00Z")
ANSWERED = PLANTED.answers.assign(  # at times that are no mere numbering
    occurred_at=BEGAN + pd.to_timedelta(pd.Series(GAPS).groupby(PLANTED.answers["learner_id"]).cumsum(), "s")
)
TRAIN = ANSWERED[ANSWERED["learner_id"] < "l00030"]
TEST = ANSWERED[ANSWERED["learner_id"] >= "l00030"]
CONCEPTS = [*PLANTED.concepts["concept_id"], "planted:unheard-of"]
ITEMS = [*PLANTED.items["item_id"], "planted:unseen"]
ITEM_CONCEPTS = [*PLANTED.items["concept_ids"], ("planted:unheard-of", "planted:c001")]
FITTED: dict[str, Tracer] = {name: kind().fit(TRAIN) for name, kind in TRACERS.items()}
KINDS = list(TRACERS.values())
# Those that a right answer never speaks against, whatever they were fitted on: irt's slopes are positive,
# bkt's p_slip + p_guess stays below 1, logistic's, memory's and pfa's slopes are held to their signs.
# attention learns what the answers say, and where learners get worse with practice it says so; blend holds
# attention.
MONOTONE = ["bkt", "irt", "logistic", "memory", "pfa", "rate"]
# Fitted by closed forms and Newton: the order of a sum is all that the rows' order can change.
SUMMED = {"rate", "pfa", "logistic"}


@pytest.fixture(params=sorted(FITTED))
def tracer(request: pytest.FixtureRequest) -> Tracer:
    return FITTED[request.param]


def history(outcomes: list[bool], item: int = 0) -> pd.DataFrame:
    """One learner's answers, a minute apart, on `item` and its followers in turn."""
    start = pd.Timestamp("2026-03-01T10:00:00Z")
    rows = [
        {
            "learner_id": "newcomer",
            "item_id": ITEMS[(item + k) % 15],
            "concept_ids": ITEM_CONCEPTS[(item + k) % 15],
            "correct": outcome,
            "occurred_at": start + pd.Timedelta(minutes=k),
        }
        for k, outcome in enumerate(outcomes)
    ]
    return pd.DataFrame(rows) if rows else empty(ANSWERS)


def assert_probabilities(values: np.ndarray, n: int) -> None:
    assert values.shape == (n,)
    assert ((values > 0) & (values < 1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_answers_in_any_order_make_the_same_tracer(kind: type[Tracer]) -> None:
    shuffled = TRAIN.sample(frac=1, random_state=3)
    one, two = kind().fit(TRAIN), kind().fit(shuffled)
    np.testing.assert_array_equal(one.predict(TEST), kind().fit(TRAIN).predict(TEST))
    within = {"rtol": 1e-9} if kind.name in SUMMED else {"atol": 1e-6}
    np.testing.assert_allclose(two.predict(TEST), one.predict(TEST), **within)


@pytest.mark.parametrize("name", sorted(SUMMED))
def test_ties_in_any_order_make_the_same_tracer(name: str) -> None:
    tied = TRAIN.assign(occurred_at=TRAIN["occurred_at"].dt.floor("6h"))
    asked = TEST.assign(occurred_at=TEST["occurred_at"].dt.floor("6h"))
    one, two = (TRACERS[name]().fit(rows) for rows in (tied, tied.sample(frac=1, random_state=8)))
    shuffled = asked.sample(frac=1, random_state=9)
    expected = pd.Series(one.predict(asked), index=asked.index)
    np.testing.assert_allclose(two.predict(shuffled), expected[shuffled.index], rtol=1e-9)


def test_predictions_follow_the_rows(tracer: Tracer) -> None:
    order = np.random.default_rng(0).permutation(len(TEST))
    np.testing.assert_allclose(tracer.predict(TEST.iloc[order]), tracer.predict(TEST)[order], rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), row=st.integers(0, len(TEST) - 1))
def test_the_future_does_not_change_the_past(seed: int, row: int) -> None:
    rng = np.random.default_rng(seed)
    changed = TEST.reset_index(drop=True)
    # every answer from this row's moment on is drawn anew, the row's own and its moment's included
    later = (changed["occurred_at"] >= changed["occurred_at"].iloc[row]).to_numpy()
    changed.loc[later, "correct"] = rng.random(later.sum()) < 0.5
    changed.loc[later, "item_id"] = rng.choice(ITEMS, later.sum())
    changed["duration_s"] = pd.array(np.where(later, rng.random(len(later)) * 99, np.nan), dtype="Float64")
    same = (changed["occurred_at"] < changed["occurred_at"].iloc[row]).to_numpy()
    for model in FITTED.values():
        np.testing.assert_array_equal(model.predict(changed)[same], model.predict(TEST)[same])
        own = changed.copy()
        own.loc[row, "correct"] = not own.loc[row, "correct"]
        assert model.predict(own)[row] == model.predict(changed)[row]


def test_answers_of_one_moment_do_not_see_each_other(tracer: Tracer) -> None:
    together = history([True, False, True, True]).assign(occurred_at=pd.Timestamp("2026-03-01T10:00:00Z"))
    alone = [tracer.predict(together.iloc[[i]])[0] for i in range(4)]
    np.testing.assert_allclose(tracer.predict(together), alone, rtol=1e-9)


def test_one_learner_does_not_change_another(tracer: Tracer) -> None:
    first = TEST[TEST["learner_id"] == "l00030"]
    np.testing.assert_array_equal(tracer.predict(first), tracer.predict(TEST)[: len(first)])


def test_all_at_once_is_one_by_one(tracer: Tracer) -> None:
    learner = TEST[TEST["learner_id"] == "l00031"]
    learner = learner.assign(occurred_at=learner["occurred_at"].dt.floor("3min"))  # ties too
    expected = [
        tracer.predict_next(
            learner[learner["occurred_at"] < row.occurred_at],
            [row.item_id],
            [row.concept_ids],
            row.occurred_at,
        )
        for row in learner.itertuples()
    ]
    np.testing.assert_allclose(tracer.predict(learner), np.concatenate(expected), rtol=1e-9)


def test_saved_and_loaded_it_is_the_same(tracer: Tracer, tmp_path: Path) -> None:
    tracer.save(tmp_path)
    again = type(tracer).load(tmp_path)
    past = history([True, False, True])
    np.testing.assert_array_equal(again.predict(TEST), tracer.predict(TEST))
    np.testing.assert_array_equal(
        again.predict_next(past, ITEMS, ITEM_CONCEPTS), tracer.predict_next(past, ITEMS, ITEM_CONCEPTS)
    )
    pd.testing.assert_frame_equal(again.mastery(past, CONCEPTS), tracer.mastery(past, CONCEPTS))


@pytest.mark.parametrize("damage", ["missing", "cut", "not json", "no manifest", "other kind"])
def test_a_damaged_folder_is_refused(tracer: Tracer, tmp_path: Path, damage: str) -> None:
    tracer.save(tmp_path)
    weights, manifest = tmp_path / "tracer.safetensors", tmp_path / "tracer.json"
    if damage == "missing":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-8])
    elif damage == "not json":
        manifest.write_text("{")
    elif damage == "no manifest":
        manifest.write_text("[]")
    else:
        manifest.write_text(manifest.read_text().replace(f'"{tracer.name}"', '"another"'))
    with pytest.raises(ModelUnavailable, match="learnloop train"):
        type(tracer).load(tmp_path)


def test_the_unseen_gets_a_middling_probability(tracer: Tracer) -> None:
    strange = history([True, False]).assign(
        item_id="planted:unseen", concept_ids=[("planted:unheard-of",), ()]
    )
    assert_probabilities(tracer.predict(strange), 2)
    nothing = empty(ANSWERS)
    seen = tracer.predict_next(nothing, ITEMS[:-1], ITEM_CONCEPTS[:-1])
    unseen = tracer.predict_next(nothing, ["planted:unseen"] * 2, [("planted:unheard-of",), ()])
    assert_probabilities(unseen, 2)
    assert seen.min() < unseen.min()
    assert unseen.max() < seen.max()


@pytest.mark.parametrize("outcomes", [[], [True], [False], [True] * 200, [False] * 200])
def test_any_history_is_answered(tracer: Tracer, outcomes: list[bool]) -> None:
    past = history(outcomes)
    assert_probabilities(tracer.predict(past), len(outcomes))
    assert_probabilities(tracer.predict_next(past, ITEMS, ITEM_CONCEPTS), len(ITEMS))
    mastery = tracer.mastery(past, CONCEPTS)
    assert mastery.columns.tolist() == ["concept_id", "mastery", "sd", "attempts"]
    assert mastery["concept_id"].tolist() == CONCEPTS
    assert_probabilities(mastery["mastery"].to_numpy(), len(CONCEPTS))
    assert ((mastery["sd"] > 0) & (mastery["sd"] <= 0.5)).all()
    tried = sum(concept == CONCEPTS[0] for concepts in past["concept_ids"] for concept in concepts)
    assert mastery["attempts"].iloc[0] == tried


def test_nothing_asked_nothing_answered(tracer: Tracer) -> None:
    assert tracer.predict(empty(ANSWERS)).shape == (0,)
    assert tracer.predict_next(history([True]), [], []).shape == (0,)
    assert len(tracer.mastery(history([True]), [])) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcome", [True, False])
def test_one_sided_training_stays_inside(kind: type[Tracer], outcome: bool) -> None:
    for n in (1, 30):
        p = kind().fit(history([outcome] * n)).predict(history([outcome] * n))
        assert_probabilities(p, n)
        assert ((p > 0.5) == outcome).all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_answers_to_learn_from_is_said(kind: type[Tracer]) -> None:
    with pytest.raises(NothingToDo, match="no answers"):
        kind().fit(empty(ANSWERS))


def test_bad_input_is_named(tracer: Tracer) -> None:
    with pytest.raises(BadInput, match="concept_ids"):
        tracer.predict(history([True]).assign(concept_ids="planted:c001"))
    with pytest.raises(BadInput, match="correct"):
        tracer.predict(history([True]).drop(columns="correct"))
    two = pd.concat([history([True]), history([True]).assign(learner_id="another")])
    with pytest.raises(BadInput, match="several learners"):
        tracer.mastery(two, CONCEPTS)


def test_several_concepts_stay_one_answer(tracer: Tracer) -> None:
    several = history([True, False, True]).assign(concept_ids=[tuple(CONCEPTS[:3])] * 3)
    doubled = several.assign(concept_ids=[(*CONCEPTS[:3], CONCEPTS[0])] * 3)
    assert_probabilities(tracer.predict(several), 3)
    np.testing.assert_allclose(tracer.predict(doubled), tracer.predict(several), rtol=1e-9)
    assert tracer.mastery(doubled, CONCEPTS[:1])["attempts"].tolist() == [3]


def seconds(moments: pd.Series) -> np.ndarray:
    return ((moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta("1s")).to_numpy(dtype=float)


def followed(name: str) -> Any:
    """A tracer to follow; some are made so that more is at work than in the fitted ones."""
    if name == "attention, a short window":  # of eight answers, which the longest history leaves behind
        return TRACERS["attention"](length=4, blocks=2, members=2, epochs=2).fit(TRAIN)
    if name == "blend of three":  # with too few learners to weigh them, each counts
        bases = {"rate": {}, "bkt": {"per_item": False}, "attention": {"members": 1, "epochs": 2}}
        blend = TRACERS["blend"](bases).fit(TRAIN[TRAIN["learner_id"] < "l00015"])
        assert len(blend.models) == 3
        return blend
    return FITTED[name]


@pytest.mark.parametrize("name", [*sorted(FITTED), "attention, a short window", "blend of three"])
def test_following_is_what_the_whole_histories_say(name: str) -> None:
    """Several learners at once, some with fewer answers than others; asked later than the last answer."""
    tracer = followed(name)
    learners = ["l00030", "l00031", "l00032"]
    histories = [TEST[TEST["learner_id"] == learner].iloc[: 20 - 7 * k] for k, learner in enumerate(learners)]
    items, concepts_of = [*ITEMS, "planted:no-concepts"], [*ITEM_CONCEPTS, ()]
    following = tracer.follow(items, concepts_of, CONCEPTS, 4)  # the fourth has answered nothing
    place = {item_id: k for k, item_id in enumerate(items)}
    for step in range(20):
        who = np.array([k for k, past in enumerate(histories) if step < len(past)])
        rows = pd.concat([histories[k].iloc[[step]] for k in who])
        codes = rows["item_id"].map(place).to_numpy()
        following.observe(who, codes, rows["correct"].to_numpy(dtype=bool), seconds(rows["occurred_at"]))
    now = TEST["occurred_at"].max() + pd.Timedelta(days=3)
    everyone, at = np.array([3, 0, 1, 2]), np.full(4, now.timestamp())
    p = following.p_correct(everyone, at)
    mastery, sd = following.mastery(everyone, at)
    for row, k in enumerate(everyone):
        past = histories[k] if k < 3 else empty(ANSWERS)
        np.testing.assert_allclose(p[row], tracer.predict_next(past, items, concepts_of, now), rtol=1e-9)
        expected = tracer.mastery(past, CONCEPTS, now)
        np.testing.assert_allclose(mastery[row], expected["mastery"], rtol=1e-9)
        np.testing.assert_allclose(sd[row], expected["sd"], rtol=1e-9)


def numbered(answers: pd.DataFrame, step_s: float) -> pd.DataFrame:
    """Without times of their own: each learner's answers one step apart, as `import` numbers them."""
    rank = answers.groupby("learner_id").cumcount()
    return answers.assign(occurred_at=BEGAN + pd.to_timedelta(rank * step_s, "s"))


@pytest.mark.parametrize("kind", KINDS)
def test_answers_without_times_of_their_own(kind: type[Tracer]) -> None:
    """To number them is the way: what is learnt from wants the column. A history may do without."""
    with pytest.raises(BadInput, match="occurred_at"):
        kind().fit(TRAIN.drop(columns="occurred_at"))
    tracer = kind().fit(numbered(TRAIN, 1.0))
    asked = numbered(TEST, 1.0)
    assert_probabilities(tracer.predict(asked), len(asked))
    past = asked[asked["learner_id"] == "l00033"]
    assert_untimed_is_a_second_apart(tracer, past, None)


@pytest.mark.parametrize("now", [None, BEGAN + pd.Timedelta(days=40)])
def test_a_history_without_times_is_in_the_order_of_its_rows(
    tracer: Tracer, now: pd.Timestamp | None
) -> None:
    """Fitted to real times; the last answer is at `now`, so that nothing is forgotten by mere ignorance."""
    past = TEST[TEST["learner_id"] == "l00033"]
    back = np.arange(len(past))[::-1]
    end = now if now is not None else BEGAN
    assert_untimed_is_a_second_apart(tracer, past.assign(occurred_at=end - pd.to_timedelta(back, "s")), now)
    nothing = empty(ANSWERS).drop(columns="occurred_at")
    new = tracer.predict_next(empty(ANSWERS), ITEMS, ITEM_CONCEPTS, now)
    np.testing.assert_array_equal(tracer.predict_next(nothing, ITEMS, ITEM_CONCEPTS, now), new)


def assert_untimed_is_a_second_apart(tracer: Tracer, past: pd.DataFrame, now: pd.Timestamp | None) -> None:
    """past: answers a second apart."""
    p, mastery = tracer.predict_next(past, ITEMS, ITEM_CONCEPTS, now), tracer.mastery(past, CONCEPTS, now)
    assert_probabilities(p, len(ITEMS))
    partly = past.assign(occurred_at=past["occurred_at"].where(np.arange(len(past)) != 4))
    for untimed in (past.drop(columns="occurred_at"), past.assign(occurred_at=pd.NaT), partly):
        # seconds since 1970 are rounded where there are many of them
        np.testing.assert_allclose(tracer.predict_next(untimed, ITEMS, ITEM_CONCEPTS, now), p, rtol=1e-7)
        again = tracer.mastery(untimed, CONCEPTS, now)
        pd.testing.assert_frame_equal(again, mastery, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_all_at_one_moment_everybody_is_a_newcomer(kind: type[Tracer]) -> None:
    """Nothing is before anything, so nothing is known of anybody: fitted and asked, as documented."""
    tracer = kind().fit(TRAIN.assign(occurred_at=BEGAN))
    asked = TEST.assign(occurred_at=BEGAN)
    new = [
        tracer.predict_next(empty(ANSWERS), [row.item_id], [row.concept_ids], BEGAN)[0]
        for row in asked.iloc[:20].itertuples()
    ]
    np.testing.assert_allclose(tracer.predict(asked)[:20], new, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_durations_tell_only_what_is_past(kind: type[Tracer]) -> None:
    """Known in training: those of a row and after it change nothing before, and none need be known."""
    rng = np.random.default_rng(2)

    def timed(answers: pd.DataFrame) -> pd.DataFrame:
        took = rng.exponential(np.where(answers["correct"], 10.0, 60.0))
        return answers.assign(duration_s=pd.array(took, dtype="Float64"))

    tracer = kind().fit(timed(TRAIN))
    one = timed(TEST[TEST["learner_id"] == "l00034"]).reset_index(drop=True)
    told = tracer.predict(one)
    for row in (0, 7, 19):
        changed = one.copy()
        changed.loc[row:, "duration_s"] = 9999.0
        np.testing.assert_array_equal(tracer.predict(changed)[: row + 1], told[: row + 1])
    for unknown in (one.drop(columns="duration_s"), one.assign(duration_s=pd.NA)):
        assert_probabilities(tracer.predict(unknown), len(one))
        found = tracer.predict_next(unknown, ITEMS, ITEM_CONCEPTS)
        assert_probabilities(found, len(ITEMS))
    without = tracer.predict_next(one.drop(columns="duration_s"), ITEMS, ITEM_CONCEPTS)
    np.testing.assert_array_equal(found, without)


@pytest.mark.parametrize("world", ["planted", "getting worse"])
def test_a_right_answer_never_speaks_against_its_concept(world: str) -> None:
    """At the moment of the answer: right leaves mastery no lower than wrong, and no lower than it was."""
    rng = np.random.default_rng(4)
    models = {name: FITTED[name] for name in MONOTONE}
    if world == "getting worse":
        worse = rng.random(len(TRAIN)) < np.where(TRAIN.groupby("learner_id").cumcount() < 8, 0.9, 0.2)
        models = {name: TRACERS[name]().fit(TRAIN.assign(correct=worse)) for name in MONOTONE}
    for _ in range(12):
        past = history((rng.random(rng.integers(0, 20)) < rng.random()).tolist(), int(rng.integers(0, 15)))
        item, now = int(rng.integers(0, 15)), BEGAN + pd.Timedelta(days=float(rng.choice([60, 90])))
        one = history([True], item).assign(occurred_at=now)
        right, wrong = (pd.concat([past, one.assign(correct=outcome)]) for outcome in (True, False))
        on, asked = list(ITEM_CONCEPTS[item]), ([ITEMS[item]], [ITEM_CONCEPTS[item]])
        for model in models.values():
            before, after, failed = (model.mastery(h, on, now)["mastery"] for h in (past, right, wrong))
            assert (after >= failed - 1e-12).all()
            assert (after >= before - 1e-12).all()
            p, p_failed = (model.predict_next(h, *asked, now) for h in (right, wrong))
            assert (p >= p_failed - 1e-12).all()
