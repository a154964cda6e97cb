"""evaluate off-policy: logged decisions and later answers in, what other knobs would have earned out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.evaluate import logged_decisions, off_policy
from learnloop.evaluate.logged_decisions import Likeness, Logged, Target
from learnloop.evaluate.off_policy import Choices
from learnloop.prepare.answers import item_concept_lookup, to_answers
from learnloop.recommend import diversity
from learnloop.recommend.policy import Catalogue
from learnloop.store import decisions, prerequisites, reading
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop


def evaluate_off_policy(
    loop: Loop,
    *,
    targets: Sequence[str] = ("greedy", "uniform"),
    delay_days: float = 1.0,
    horizon_days: float = 30.0,
    places: int = 1,
    steps: int = 1,
    clip: float | None = None,
    missing: str = "leave out",
    since: datetime | None = None,
    until: datetime | None = None,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The value of each target: the expected share of right answers on what is shown first, between
    `delay_days` and `horizon_days` later. With `places` or `steps` above 1: of the sum over the first places
    of a list, or the first decisions of a learner.

    Decisions younger than the horizon are left out and told. Raises NothingToDo without decisions or later
    answers, BadInput on a target that is none.
    """
    wanted = [Target.parse(text) for text in targets]
    off_policy.check_missing(missing)
    with step("read decisions and answers"):
        frame = decisions.read(loop.engine, since, until)
        if frame.empty:
            raise NothingToDo("no decisions are logged in this time", "learnloop serve")
        logged = Logged.of(frame, places)
        items, item_concepts = reading.items(loop.engine), reading.item_concepts(loop.engine)
        interactions = reading.interactions(loop.engine)
        answers = to_answers(interactions, items, item_concepts)
    horizon = pd.Timedelta(days=horizon_days)
    told_until = interactions["occurred_at"].max() if len(interactions) else pd.NaT
    old = np.asarray(logged.made_at + horizon <= told_until)
    if not old.any():
        raise NothingToDo(
            f"no decision is {horizon_days:g} days old yet",
            f"learnloop evaluate off-policy --horizon-days {max(horizon_days / 2, 0.1):g}",
        )
    young, logged = int((~old).sum()), logged.keep(old)
    catalogue = Catalogue.from_frames(items, item_concepts, prerequisites.gating(loop.engine))
    concepts_of = {**item_concept_lookup(items, item_concepts), **catalogue.concepts}
    reward = logged_decisions.later_answers(
        logged, answers, concepts_of, pd.Timedelta(days=delay_days), horizon
    )
    alike = diversity.Likeness(sorted(catalogue.reachable), catalogue.concepts, catalogue.course)
    options: dict[str, Any] = {
        "clip": np.inf if clip is None else clip,
        "n_bootstrap": n_bootstrap,
        "seed": seed,
    }
    with step(f"evaluated {len(wanted)} policies on {len(logged.decisions):,} decisions"):
        if places == steps == 1:
            found = {one.name: _of_choices(logged, reward[:, 0], one, missing, options) for one in wanted}
        else:
            found = {
                one.name: _of_episodes(logged, reward, one, steps, missing, alike.matrix, options)
                for one in wanted
            }
    return {
        "decisions": len(logged.decisions),
        "learners": len(set(logged.learners)),
        "too_recent": young,
        "without_later_answer": int(np.isnan(reward[:, 0]).sum()),
        "reward": f"share right on the shown item's concepts, {delay_days:g} to {horizon_days:g} days later",
        "logged": _logged(logged.learners, reward[:, 0], n_bootstrap, seed),
        "targets": found,
    }


def _logged(learners: np.ndarray, reward: np.ndarray, n_bootstrap: int, seed: int) -> dict[str, Any]:
    """What the logging policy itself earned at the first open place: no weights."""
    seen = ~np.isnan(reward)
    if not seen.any():
        raise NothingToDo(
            "nobody answered anything on what was shown, in that time after a decision",
            "learnloop evaluate off-policy --horizon-days 60",
        )
    _, codes = np.unique(learners[seen].astype(str), return_inverse=True)
    sums, sizes = np.bincount(codes, weights=reward[seen]), np.bincount(codes).astype(float)
    return off_policy.ratio_interval(sums, sizes, n_bootstrap, seed).told


def _of_choices(
    logged: Logged, reward: np.ndarray, target: Target, missing: str, options: dict[str, Any]
) -> dict[str, Any]:
    chances = logged_decisions.first_place(logged, target)
    second, largest, uncovered = logged_decisions.tails(logged.first, chances)
    expected = logged_decisions.reward_model(logged, reward, seed=options["seed"])
    row, shown = np.arange(len(reward)), logged.shown[:, 0]
    choices = Choices(
        learners=logged.learners.astype(str),
        logged=logged.chances[:, 0],
        target=chances[row, shown],
        reward=reward,
        second=second,
        largest=largest,
        uncovered=uncovered,
        shown_value=expected[row, shown],
        target_value=np.nansum(chances * expected, axis=1),
    )
    return off_policy.evaluate_choices(choices, missing=missing, **options).to_dict()


def _of_episodes(
    logged: Logged,
    reward: np.ndarray,
    target: Target,
    steps: int,
    missing: str,
    likeness: Likeness,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Lists, place by place; or, where steps is above 1, a learner's first decisions (their first places)."""
    learners, unknown = logged.learners.astype(str), np.isnan(reward) & (logged.shown >= 0)
    if missing == "least":
        reward = np.where(unknown, 0.0, reward)
    if steps == 1:
        ratios, second, largest = logged_decisions.place_ratios(logged, target, likeness)
        found, told = off_policy.evaluate_episodes(
            learners, ratios, reward, second=second, largest=largest, **options
        )
    else:
        first = logged_decisions.first_place(logged, target)
        ratio = first[np.arange(len(first)), logged.shown[:, 0]] / logged.chances[:, 0]
        second, largest, _ = logged_decisions.tails(logged.first, first)
        names, *parts = episodes(learners, steps, ratio, reward[:, 0], second, largest)
        parts[2:] = [np.where(np.isnan(part), 1.0, part) for part in parts[2:]]
        found, told = off_policy.evaluate_episodes(
            names, parts[0], parts[1], second=parts[2], largest=parts[3], **options
        )
    result = off_policy.Evaluation(found, told, int(unknown.sum()), missing, (np.nan, np.nan))
    return result.to_dict()


def episodes(learners: np.ndarray, steps: int, *columns: np.ndarray) -> list[np.ndarray]:
    """[names (n_learners,), then each column (n,) as (n_learners, steps)]: a learner's first decisions in the
    order of the rows; NaN where there were fewer."""
    names, codes = np.unique(learners, return_inverse=True)
    turn = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    kept = turn < steps
    found = [names]
    for column in columns:
        wide = np.full((len(names), steps), np.nan)
        wide[codes[kept], turn[kept]] = column[kept]
        found.append(wide)
    return found
