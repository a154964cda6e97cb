"""Off-policy estimates against plain sums, and against a world whose truth is known."""

import numpy as np
import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.off_policy import (
    Choices,
    Estimate,
    bernstein,
    evaluate_choices,
    evaluate_episodes,
    ratio_interval,
)
from learnloop.evaluate.off_policy_overlap import overlap

ACTIONS = np.array([0.2, 0.5, 0.8])  # what each is worth on average


def softmax(values: np.ndarray, temperature: float) -> np.ndarray:
    odds = np.exp((values - values.max(axis=-1, keepdims=True)) / temperature)
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))


def world(seed: int, learners: int = 120, each: int = 4, temperature: float = 0.5) -> dict[str, np.ndarray]:
    """A bandit: contexts shift what an action is worth; a learner's own level makes its rows dependent."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(learners), each)
    worth = ACTIONS + rng.uniform(-0.2, 0.2, (len(who), 3))
    level = rng.uniform(-0.15, 0.15, learners)[who]
    logged = softmax(worth + rng.normal(0, 0.1, worth.shape), temperature)
    action = (rng.random((len(who), 1)) < logged.cumsum(axis=1)).argmax(axis=1)
    right = np.clip(worth + level[:, None], 0, 1)
    reward = (rng.random(len(who)) < right[np.arange(len(who)), action]).astype(float)
    return {"who": who, "worth": worth, "right": right, "logged": logged, "action": action, "reward": reward}


def choices(one: dict[str, np.ndarray], target: np.ndarray, model: bool = True) -> Choices:
    """target: (n, 3). The reward model is a bad one: the estimate must not depend on it."""
    row, guess = np.arange(len(target)), np.tile([0.4, 0.5, 0.6], (len(target), 1))
    return Choices(
        learners=one["who"],
        logged=one["logged"][row, one["action"]],
        target=target[row, one["action"]],
        reward=one["reward"],
        second=(target**2 / one["logged"]).sum(axis=1),
        largest=(target / one["logged"]).max(axis=1),
        shown_value=guess[row, one["action"]] if model else None,
        target_value=(target * guess).sum(axis=1) if model else None,
    )


def greedy(one: dict[str, np.ndarray]) -> np.ndarray:
    return softmax(one["worth"], 0.15)


def test_the_values_are_the_sums_of_the_formulas() -> None:
    one = world(0)
    given = choices(one, greedy(one))
    found = evaluate_choices(given).estimates
    ips = snips_above = snips_below = dr = 0.0
    assert given.shown_value is not None
    assert given.target_value is not None
    for n in range(len(given.reward)):
        w = given.target[n] / given.logged[n]
        ips += w * given.reward[n]
        snips_above, snips_below = snips_above + w * given.reward[n], snips_below + w
        dr += given.target_value[n] + w * (given.reward[n] - given.shown_value[n])
    assert found["ips"].value == pytest.approx(ips / len(given.reward))
    assert found["snips"].value == pytest.approx(snips_above / snips_below)
    assert found["dr"].value == pytest.approx(dr / len(given.reward))


def test_intervals_cover_the_truth_at_their_rate() -> None:
    """200 worlds: 95% is within 3 standard errors of a rate of 200, for every estimator."""
    many = world(10**6, learners=60_000)
    truth = float((greedy(many) * many["right"]).sum(axis=1).mean())
    hits: dict[str, list[bool]] = {"ips": [], "snips": [], "dr": []}
    for seed in range(200):
        one = world(seed)
        found = evaluate_choices(choices(one, greedy(one)), n_bootstrap=300, seed=seed)
        assert found.overlap.trusted, found.overlap
        for name, estimate in found.estimates.items():
            hits[name].append(estimate.low <= truth <= estimate.high)
    for name, hit in hits.items():
        assert 0.90 <= np.mean(hit) <= 0.99, name


def test_the_interval_knows_that_a_learners_decisions_are_not_independent() -> None:
    """The same rows, each ten times over, say no more: an interval over rows would shrink by sqrt(10)."""
    one = world(3)
    given = choices(one, greedy(one), model=False)
    tenfold = Choices(*(None if p is None else np.tile(p, 10) for p in vars(given).values()))  # type: ignore[arg-type]
    a, b = (evaluate_choices(each).estimates["snips"] for each in (given, tenfold))
    assert b.se == pytest.approx(a.se)
    assert b.value == pytest.approx(a.value)


def test_the_logging_policy_itself_is_its_mean() -> None:
    one = world(1)
    given = choices(one, one["logged"])
    found = evaluate_choices(given)
    assert found.estimates["ips"].value == found.estimates["snips"].value == one["reward"].mean()
    assert found.overlap.effective == len(one["who"])
    assert found.overlap.effective_learners == found.overlap.expected_learners == 120


def test_poor_overlap_has_no_value_but_a_reason() -> None:
    """The target shows what the log hardly ever did. The weights that were drawn need not tell."""
    one = world(2, temperature=0.05)
    worst = softmax(-one["worth"], 0.05)
    found = evaluate_choices(choices(one, worst))
    assert not found.overlap.trusted
    assert all(np.isnan(estimate.value) for estimate in found.estimates.values())
    assert "hardly ever shown" in found.to_dict()["overlap"]["warnings"][0]
    assert found.to_dict()["estimates"]["snips"] == {"value": None, "low": None, "high": None, "se": None}


def test_what_is_never_shown_cannot_be_told() -> None:
    """A log without exploration: the target's other choices have no weight at all."""
    one = world(2)
    best = one["worth"].argmax(axis=1)
    given = choices(one, np.full((480, 3), 1 / 3), model=False)
    given = Choices(
        given.learners, np.ones(480), np.full(480, 1 / 3), (best == 2) * 1.0, uncovered=np.full(480, 2 / 3)
    )
    found = evaluate_choices(given)
    assert found.overlap.warnings == ("67% of the target's choices are never shown by the logging policy",)
    assert np.isnan(found.estimates["snips"].value)


def test_probabilities_that_cannot_be_right_are_found_out() -> None:
    one = world(4)
    given = choices(one, greedy(one), model=False)
    wrong = Choices(given.learners, np.minimum(given.logged * 1.6, 1.0), given.target, given.reward)
    assert evaluate_choices(given).overlap.trusted
    assert "cannot be right" in evaluate_choices(wrong).overlap.warnings[0]


def test_a_cut_weight_is_told_with_what_it_lost() -> None:
    one = world(5)
    plain, cut = (evaluate_choices(choices(one, greedy(one)), clip=clip) for clip in (np.inf, 1.5))
    assert plain.overlap.clipped == plain.overlap.lost == 0
    weights = choices(one, greedy(one)).target / choices(one, greedy(one)).logged
    assert cut.overlap.clipped == pytest.approx((weights > 1.5).mean())
    assert cut.overlap.lost == pytest.approx(1 - np.minimum(weights, 1.5).sum() / weights.sum())
    assert cut.estimates["ips"].value < plain.estimates["ips"].value
    assert cut.overlap.max_weight == weights.max(), "the weight before it was cut"


def test_decisions_without_a_reward_are_told_and_bound_the_value() -> None:
    one = world(6)
    lost = np.random.default_rng(0).random(480) < 0.3
    one["reward"] = np.where(lost, np.nan, one["reward"])
    given = choices(one, greedy(one), model=False)
    out, least = evaluate_choices(given), evaluate_choices(given, missing="least")
    assert out.missing == least.missing == lost.sum()
    assert out.overlap.decisions == 480 - lost.sum()
    assert least.overlap.decisions == 480
    assert out.bounds[0] == pytest.approx(least.estimates["snips"].value)
    assert out.bounds[0] < out.estimates["snips"].value < out.bounds[1]
    whole = world(6)
    truth = evaluate_choices(choices(whole, greedy(whole), model=False)).estimates["snips"].value
    assert out.bounds[0] <= truth <= out.bounds[1]


def test_episodes_are_weighed_step_by_step() -> None:
    rng = np.random.default_rng(0)
    ratios = rng.uniform(0.5, 1.6, (40, 3))
    reward = rng.random((40, 3))
    ratios[:5, 2] = reward[:5, 2] = np.nan  # shorter episodes
    found, told = evaluate_episodes(np.arange(40), ratios, reward, gamma=0.9)
    total, above, below = 0.0, np.zeros(3), np.zeros(3)
    for episode in range(40):
        weight = 1.0
        for t in range(3):
            if not np.isnan(ratios[episode, t]):
                weight *= ratios[episode, t]
                total += 0.9**t * weight * reward[episode, t]
                above[t] += weight * reward[episode, t]
            below[t] += weight
    assert found["pdis"].value == pytest.approx(total / 40)
    assert found["snpdis"].value == pytest.approx((0.9 ** np.arange(3) * above / below).sum())
    assert told.decisions == 40


def test_sequences_cover_the_truth() -> None:
    """Two steps where the second is worth more after a good first: no single-step estimate can see that."""

    def play(seed: int, n: int, policy: float) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        first = rng.random(n) < policy
        second = rng.random(n) < policy
        reward = np.column_stack([rng.random(n) < 0.3, rng.random(n) < 0.3 + 0.5 * (first & second)])
        return np.column_stack([first, second]), reward.astype(float)

    truth = 0.6 + 0.5 * 0.8**2
    hits = []
    for seed in range(150):
        chosen, reward = play(seed, 150, 0.5)
        ratios = np.where(chosen, 0.8, 0.2) / 0.5
        found, told = evaluate_episodes(np.arange(150), ratios, reward, n_bootstrap=300, seed=seed)
        assert told.trusted
        hits.append([one.low <= truth <= one.high for one in found.values()])
    assert (np.mean(hits, axis=0) >= 0.90).all()


def test_bernstein_holds_where_almost_nothing_was_seen() -> None:
    """Weights of 0 but for one in a hundred: with 50 rows a bootstrap of zeros says 'surely 0'."""
    values = np.zeros(50)
    low, high = bernstein(values, most=100.0)
    assert low == 0
    assert high > 1, "the mean of such a policy is 1"
    assert ratio_interval(values, np.ones(50)) == Estimate(0.0, 0.0, 0.0, 0.0)
    rng = np.random.default_rng(0)
    for _ in range(100):
        low, high = bernstein(rng.binomial(1, 0.3, 200).astype(float), 1.0)
        assert low <= 0.3 <= high


def test_what_cannot_be_evaluated_says_so() -> None:
    one = world(0)
    given = choices(one, greedy(one), model=False)
    nothing = Choices(given.learners, given.logged, given.target, np.full(480, np.nan))
    with pytest.raises(NothingToDo, match="no logged decision has a reward"):
        evaluate_choices(nothing)
    with pytest.raises(BadInput, match="could not be"):
        evaluate_choices(Choices(given.learners, given.logged * 0, given.target, given.reward))
    with pytest.raises(BadInput, match="leave out"):
        evaluate_choices(given, missing="guess")
    with pytest.raises(BadInput, match="above 0"):
        evaluate_choices(given, clip=0)
    assert overlap(np.arange(5), np.ones(5)).warnings == ("only 5 learners: no interval holds below 20",)


def test_an_interval_leans_to_the_side_of_the_tail() -> None:
    """Against a plain studentised bootstrap of a skewed mean: the long arm is where the large values are."""
    rng = np.random.default_rng(3)
    values = rng.exponential(size=40) ** 2
    found = ratio_interval(values, np.ones(40), n_bootstrap=4000, seed=1)
    t = []
    for _ in range(4000):
        one = rng.choice(values, 40)
        t.append((one.mean() - values.mean()) / (one.std(ddof=1) / np.sqrt(40)))
    low, high = np.quantile(t, [0.025, 0.975])
    se = values.std(ddof=1) / np.sqrt(40)
    expected = (values.mean() - high * se, values.mean() - low * se)
    assert (found.low, found.high) == pytest.approx(expected, rel=0.1)
    assert found.high - found.value > 1.5 * (found.value - found.low)
