"""Logged decisions as arrays, what a target policy would have done with them, and what they earned later.

    decision_id 5b0c…  learner_id 9f86…  made_at 2026-03-02 10:00:00+00  item_id demo:loops
    score 0.71  first 0.42  position 1  probability 0.42

One row a candidate. A target shares the logged candidates and their scores and differs in its knobs: at
temperature 0 it is greedy, at infinity uniform. As in `recommend.exploration`, with v_i the score scaled to
[0, 1] within the open candidates:

    P(i at a place | earlier places) = exp(u_i / temperature) / sum over the left j of exp(u_j / temperature)
    u_i = (1 - d) v_i - d max over the earlier j of likeness_ij

The reward is what is seen later, never the answer to what was shown: the share of right answers on the
concepts of the shown item from `delay` to `horizon` after the decision.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from learnloop.errors import BadInput, NothingToDo

COLUMNS = ("decision_id", "learner_id", "made_at", "item_id", "score", "first", "position", "probability")
Likeness = Callable[[Sequence[str]], np.ndarray]  # item_ids -> (n, n) in [0, 1]
RIDGE = 10.0


@dataclass(frozen=True)
class Target:
    """temperature in the unit of the scaled scores; diversity in [0, 1]."""

    name: str
    temperature: float
    diversity: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """`greedy`, `uniform`, or knobs: `temperature=0.1`, `temperature=0.1/diversity=0.2`."""
        if text in ("greedy", "uniform"):
            return cls(text, 0.0 if text == "greedy" else np.inf)
        knobs = {"temperature": 0.0, "diversity": 0.0}
        for part in text.split("/"):
            name, _, value = part.partition("=")
            try:
                number = float(value)
            except ValueError:
                number = np.nan
            if name not in knobs or not 0 <= number <= (1 if name == "diversity" else np.inf):
                raise BadInput(
                    f"{text!r} is no target policy",
                    "learnloop evaluate off-policy --target greedy,uniform,temperature=0.1/diversity=0.2",
                    field="target",
                )
            knobs[name] = number
        return cls(text, knobs["temperature"], knobs["diversity"])


@dataclass(frozen=True)
class Logged:
    """n decisions of at most m open candidates and k open places, by made_at and decision_id.

    items: (n, m) item_ids, "" where there are fewer; scores: (n, m), NaN there; first: (n, m) the logged
    probability of the first open place; shown: (n, k) columns by place, -1 where there are fewer; chances:
    (n, k) of each given the places before. Pins take no part: no policy decides on them. `decided`: (n,)
    whether anything but pins was shown.
    """

    decisions: np.ndarray
    learners: np.ndarray
    made_at: pd.DatetimeIndex
    items: np.ndarray
    scores: np.ndarray
    first: np.ndarray
    shown: np.ndarray
    chances: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, places: int = 1) -> Self:
        """frame: COLUMNS, as `store.decisions.read` gives them. places: how many are looked at.

        Decisions without an open candidate that was shown are left out. Raises NothingToDo where none is
        left.
        """
        rows = frame.sort_values(["made_at", "decision_id"], kind="stable", ignore_index=True)
        rows = rows[~_pinned(rows)].reset_index(drop=True)
        told = rows.groupby("decision_id")["position"].transform("count") > 0
        rows = rows[told.to_numpy()].reset_index(drop=True)
        if rows.empty:
            raise NothingToDo("no decisions are logged in this time", "learnloop serve")
        codes, names = pd.factorize(rows["decision_id"])
        place_in = rows.groupby(codes).cumcount().to_numpy()
        n, m = len(names), int(place_in.max()) + 1
        items = np.full((n, m), "", dtype=object)
        scores, first = np.full((n, m), np.nan), np.zeros((n, m))
        items[codes, place_in] = rows["item_id"].to_numpy(object)
        scores[codes, place_in] = rows["score"].to_numpy(float)
        first[codes, place_in] = rows["first"].to_numpy(float)
        put = rows["position"].notna().to_numpy(bool)
        # pins are gone: the places that are left are counted anew
        rank = rows["position"].where(rows["position"].notna()).groupby(codes).rank().to_numpy(float)
        put = put & (np.nan_to_num(rank, nan=np.inf) <= places)
        shown, chances = np.full((n, places), -1), np.full((n, places), np.nan)
        at = rank[put].astype(int) - 1
        shown[codes[put], at] = place_in[put]
        chances[codes[put], at] = rows["probability"].to_numpy(float)[put]
        head = rows.drop_duplicates("decision_id")
        made_at = pd.DatetimeIndex(head["made_at"])
        learners = head["learner_id"].to_numpy(object)
        return cls(np.asarray(names), learners, made_at, items, scores, first, shown, chances)

    def keep(self, rows: np.ndarray) -> "Logged":
        return Logged(*(part[rows] for part in vars(self).values()))

    @property
    def shown_items(self) -> np.ndarray:
        """(n, k) item_ids, "" where nothing was shown."""
        found = np.take_along_axis(self.items, np.maximum(self.shown, 0), axis=1)
        return np.where(self.shown >= 0, found, "")


def _pinned(rows: pd.DataFrame) -> np.ndarray:
    """An instructor's pins, and what fills their prerequisites, have first = 1 beside others that add up
    to 1: a certain candidate is a pin unless it is the only certain one and the others add up to 0."""
    certain = rows["first"].to_numpy(float) >= 1.0
    by = rows["decision_id"]
    total = rows["first"].groupby(by).transform("sum").to_numpy(float)
    behind = pd.Series(certain).groupby(by.to_numpy()).transform("sum").to_numpy(float)
    # deterministic decisions log pins and the first open place as 1, in order: the last of them is open
    order = pd.Series(certain.astype(int)).groupby(by.to_numpy()).cumsum().to_numpy()
    only_certain = np.isclose(total, behind)
    return np.asarray(certain & ~(only_certain & (order == behind)))


def first_place(logged: Logged, target: Target) -> np.ndarray:
    """(n, m) the target's probability of each candidate at the first open place; rows add up to 1."""
    return _chances((1 - target.diversity) * _relevance(logged.scores), target.temperature)


def place_ratios(
    logged: Logged, target: Target, likeness: Likeness | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ratios, second, largest), (n, k) each: target / logged of what was shown at each place given the
    places before, NaN where nothing was; and its `tails`, 1 there.

    The tails take the logged chances of a later place for those of the first among what is left
    (Plackett & Luce), which they are unless the log had a diversity of its own. Raises BadInput where
    diversity is asked for at a second place without a likeness.
    """
    n, places = logged.shown.shape
    d, worth = target.diversity, _relevance(logged.scores)
    nearest, left = np.zeros_like(worth), ~np.isnan(worth)
    if d > 0 and places > 1 and likeness is None:
        raise BadInput("diversity over several places needs a likeness of items", field="likeness")
    ratios, second, largest = np.full((n, places), np.nan), np.ones((n, places)), np.ones((n, places))
    for place in range(places):
        rows = np.flatnonzero(logged.shown[:, place] >= 0)
        if not len(rows):
            break
        columns, one = logged.shown[rows, place], np.arange(len(rows))
        values = np.where(left, (1 - d) * worth - d * nearest, np.nan)[rows]
        chances = _chances(values, target.temperature)
        ratios[rows, place] = chances[one, columns] / logged.chances[rows, place]
        before = np.where(left[rows], logged.first[rows], 0.0)
        before /= np.maximum(before.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        second[rows, place], largest[rows, place], _ = tails(before, chances)
        left[rows, columns] = False
        if d > 0 and likeness is not None and place + 1 < places:
            for row, column in zip(rows, columns, strict=True):
                names = [name for name in logged.items[row] if name]
                alike = np.asarray(likeness(names))[column]
                nearest[row, : len(names)] = np.maximum(nearest[row, : len(names)], alike)
    return ratios, second, largest


def tails(logged: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(second, largest, uncovered), (n,) each, of `off_policy.Choices`; logged, target: (n, m)."""
    there = logged > 0
    ratio = np.where(there, target / np.where(there, logged, 1.0), 0.0)
    uncovered = np.where(there, 0.0, target).sum(axis=1)
    return (ratio * target).sum(axis=1), ratio.max(axis=1), uncovered


def _relevance(scores: np.ndarray) -> np.ndarray:
    """(n, m), NaN kept: scaled to [0, 1] by row, 1 for all where all are equal."""
    low, high = np.nanmin(scores, axis=1, keepdims=True), np.nanmax(scores, axis=1, keepdims=True)
    wide = np.where(high > low, high - low, 1.0)
    return np.where(np.isnan(scores), np.nan, np.where(high > low, (scores - low) / wide, 1.0))


def _chances(values: np.ndarray, temperature: float) -> np.ndarray:
    """(n, m) by row, 0 for NaN; ties at temperature 0 go to the earlier candidate."""
    open_to = np.where(np.isnan(values), -np.inf, values)
    if temperature == 0:
        return np.asarray(np.arange(values.shape[1]) == open_to.argmax(axis=1)[:, None], dtype=float)
    apart = open_to - open_to.max(axis=1, keepdims=True)
    chances = np.where(
        np.isfinite(apart), np.exp(np.where(np.isfinite(apart), apart, 0.0) / temperature), 0.0
    )
    return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def later_answers(
    logged: Logged,
    answers: pd.DataFrame,
    concepts_of: Mapping[str, Sequence[str]],
    delay: pd.Timedelta,
    horizon: pd.Timedelta,
) -> np.ndarray:
    """(n, k) the share of the learner's right answers on the concepts of each shown item, in
    [made_at + delay, made_at + horizon); NaN without any.

    answers: ANSWERS. An answer counts once, however many concepts it shares with the item. Raises BadInput
    where the horizon is not beyond the delay or the delay is not positive: the answer to what was shown is
    no evidence that it taught.
    """
    if not pd.Timedelta(0) < delay < horizon:
        raise BadInput("the delay must be above 0 and below the horizon", field="delay")
    told = answers.reset_index(drop=True).rename_axis("answer").reset_index()
    told = told[["answer", "learner_id", "concept_ids", "correct", "occurred_at"]].explode("concept_ids")
    n, places = logged.shown.shape
    items = logged.shown_items.ravel()
    asked = pd.DataFrame(
        {
            "cell": np.arange(n * places),
            "learner_id": np.repeat(logged.learners, places),
            "made_at": logged.made_at.repeat(places),
            "concept_ids": [list(concepts_of.get(item, ())) for item in items],
        }
    ).explode("concept_ids")
    asked = asked.dropna(subset=["concept_ids"])
    pairs = asked.merge(told.dropna(subset=["concept_ids"]), on=["learner_id", "concept_ids"])
    age = pairs["occurred_at"] - pairs["made_at"]
    pairs = pairs[(age >= delay) & (age < horizon)].drop_duplicates(["cell", "answer"])
    reward = np.full(n * places, np.nan)
    means = pairs.groupby("cell")["correct"].mean()
    reward[means.index.to_numpy(int)] = means.to_numpy(float)
    return reward.reshape(n, places)


def reward_model(logged: Logged, reward: np.ndarray, folds: int = 5, seed: int = 0) -> np.ndarray:
    """(n, m) q(x, b): the reward that a candidate may be expected to earn, NaN where there is none.

    Ridge regression of reward (n,) on the item shown and its score scaled within the decision, fitted without
    the learner it is asked of (cross-fitting: else `dr` would trust what it has learnt by heart).
    """
    there = ~np.isnan(logged.scores)
    scaled = _relevance(logged.scores)
    codes = np.full(logged.items.shape, -1)
    codes[there], names = pd.factorize(logged.items[there], sort=True)
    _, learner = np.unique(logged.learners.astype(str), return_inverse=True)
    fold = np.random.default_rng(seed).permutation(learner.max() + 1)[learner] % folds
    shown = np.maximum(logged.shown[:, 0], 0)
    row = np.arange(len(shown))
    one, score = codes[row, shown], scaled[row, shown]
    known = ~np.isnan(reward) & (logged.shown[:, 0] >= 0)
    values = np.full(there.shape, np.nan)
    for part in range(folds):
        fit, ask = known & (fold != part), fold == part
        mean = float(reward[fit].mean()) if fit.any() else 0.0
        slope, effects = _ridge(one[fit], score[fit], reward[fit] - mean, len(names))
        guess = mean + effects[codes[ask]] + slope * (scaled[ask] - 0.5)
        values[ask] = np.where(there[ask], guess, np.nan)
    return values


def _ridge(codes: np.ndarray, score: np.ndarray, rest: np.ndarray, n: int) -> tuple[float, np.ndarray]:
    """(slope, (n + 1,) item effects, the last one 0 for no item), alternating to their joint optimum."""
    slope, effects = 0.0, np.zeros(n + 1)
    counts, centred = np.bincount(codes, minlength=n), score - 0.5
    for _ in range(20):
        effects[:n] = np.bincount(codes, weights=rest - slope * centred, minlength=n) / (counts + RIDGE)
        slope = float(centred @ (rest - effects[codes])) / (float(centred @ centred) + RIDGE)
    return slope, effects
