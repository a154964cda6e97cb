"""What the held-back part of a snapshot asks of a model, and how a model answers.

Shared by `evaluate` (how good is the candidate?) and by the gate (is it worse than the champion?), so
that both ask the very same questions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from learnloop.evaluate.ranking import ranking_metrics
from learnloop.prepare.answers import to_answers
from learnloop.recommend.ranking import recommend
from learnloop.recommend.signals import histories
from learnloop.schemas import Recommender, Tracer


def first_times(
    interactions: pd.DataFrame, split_at: pd.Timestamp, items: pd.DataFrame
) -> tuple[dict[str, list[str]], dict[str, set[str]], int]:
    """(histories, what each did for the first time at or after the split, learners without a past).

    Both of the learners who have a past and something new alone.
    """
    before = interactions["occurred_at"] < split_at
    done, doing = histories(interactions[before], items), histories(interactions[~before], items)
    relevant = {learner: set(doing[learner]) - set(done[learner]) for learner in doing if learner in done}
    relevant = {learner: wanted for learner, wanted in relevant.items() if wanted}
    return {learner: done[learner] for learner in relevant}, relevant, len(set(doing) - set(done))


@dataclass(frozen=True)
class Holdout:
    """Learners with a past and a future: what each had done by the split, and did for the first time after.

    answers: ANSWERS of everybody, past and future; `asked` marks those at or after the split.
    """

    histories: Mapping[str, list[str]]
    relevant: Mapping[str, set[str]]
    answers: pd.DataFrame
    asked: np.ndarray
    new_learners: int

    @classmethod
    def of(
        cls,
        interactions: pd.DataFrame,
        split_at: pd.Timestamp,
        items: pd.DataFrame,
        item_concepts: pd.DataFrame,
    ) -> "Holdout":
        done, relevant, new_learners = first_times(interactions, split_at, items)
        answers = to_answers(interactions, items, item_concepts)
        return cls(
            done,
            relevant,
            answers,
            (answers["occurred_at"] >= split_at).to_numpy(),
            new_learners,
        )

    def rank(
        self, model: Recommender, k: int, courses: Mapping[str, str] | None = None
    ) -> tuple[dict[str, list[str]], pd.DataFrame]:
        """(learner -> the k items recommended, per-learner metrics); the full catalogue is ranked.

        courses: item -> its course; then only items of courses the learner has begun are ranked. The
        plain baselines need it: without, a model that merely guesses the course looks wise.
        """
        learners = sorted(self.relevant)
        done = [self.histories[learner] for learner in learners]
        allowed = None if courses is None else _in_begun_courses(done, courses)
        ranked = recommend(model, done, k, allowed=allowed)
        recommended = {
            learner: [item_id for item_id, _ in row] for learner, row in zip(learners, ranked, strict=True)
        }
        return recommended, ranking_metrics(recommended, self.relevant, len(model.item_ids), k)

    def reachable_share(self, item_ids: np.ndarray) -> float:
        """The share of what learners went on to do that a model which knows `item_ids` could recommend."""
        known = set(item_ids.tolist())
        wanted = [len(items) for items in self.relevant.values()]
        return sum(len(items & known) for items in self.relevant.values()) / sum(wanted)

    def asked_answers(self) -> pd.DataFrame:
        return self.answers[self.asked]

    def trace(self, tracer: Tracer) -> np.ndarray:
        """P(correct) of each asked answer, predicted from what came before it, the past included."""
        return tracer.predict(self.answers)[self.asked]

    def rested(self, days: float = 1.0) -> np.ndarray:
        """(number of asked answers,) bool: their learner had practised a concept of theirs, last at least
        `days` before. There it shows how much is forgotten."""
        pairs = self.answers[["learner_id", "concept_ids", "occurred_at"]].reset_index(drop=True)
        pairs = pairs.explode("concept_ids").rename_axis("row").reset_index().dropna(subset=["concept_ids"])
        keys = ["learner_id", "concept_ids", "occurred_at"]
        practised = pairs[keys].drop_duplicates().sort_values(keys, ignore_index=True)
        # the latest moment strictly before: answers of one moment do not see each other
        practised["gap"] = practised.groupby(["learner_id", "concept_ids"])["occurred_at"].diff()
        gaps = pairs.merge(practised, on=keys, how="left").groupby("row")["gap"].min()
        found = gaps.reindex(np.arange(len(self.answers))) >= pd.Timedelta(days=days)
        return found.to_numpy(dtype=bool)[self.asked]


def _in_begun_courses(histories: Sequence[Sequence[str]], courses: Mapping[str, str]) -> list[set[str]]:
    members: dict[str, set[str]] = {}
    for item_id, course in courses.items():
        members.setdefault(course, set()).add(item_id)
    return [
        set().union(*(members[courses[item_id]] for item_id in set(history) if item_id in courses))
        for history in histories
    ]


def log_loss_by_learner(answers: pd.DataFrame, predicted: np.ndarray) -> pd.Series:
    """Mean log-loss of each learner's answers, index learner_id."""
    y, p = answers["correct"].to_numpy(float), np.clip(predicted, 1e-15, 1 - 1e-15)
    losses = pd.Series(-(y * np.log(p) + (1 - y) * np.log1p(-p)), index=answers["learner_id"])
    return losses.groupby(level=0).mean()
