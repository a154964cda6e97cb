"""choose: which recommender a release carries, by its value on a validation part inside the training data.

The training part is cut once more at one instant; every model is fitted on what lies before and ranks the
whole catalogue for what each learner did for the first time after. What `evaluate` measures on is not
touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from learnloop.errors import LearnloopError, NothingToDo
from learnloop.evaluate.split import time_split
from learnloop.recommend.signals import signals
from learnloop.schemas import ItemFeatures, Recommender
from learnloop.workflow.holdout import Holdout, first_times

FAST = ("popularity", "neighbours", "ease", "ials")  # fitted in seconds; a tie goes to the plainer one
COMPETING = (*FAST, "blend")  # it fits all of them: the best of most sets, and the slowest of these
FALLBACK = "ials"
VALIDATION_SHARE = 0.2
K = 10

Make = Callable[[], Recommender]


@dataclass(frozen=True)
class Choice:
    """`validation`: model -> NDCG@10, mean over `learners`; `left_out`: model -> why it was not fitted."""

    name: str
    why: str
    validation: Mapping[str, float] = field(default_factory=dict)
    learners: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)


def choose(
    known: pd.DataFrame, items: pd.DataFrame, make: Mapping[str, Make], features: ItemFeatures | None = None
) -> Choice:
    """known: INTERACTIONS of the training part. make: the models that compete, the plainest first.

    Where no learner was active on both sides of the inner split, it is iALS, and `why` says so.
    """
    try:
        past, _, split_at = time_split(known, VALIDATION_SHARE)
        histories, relevant, new = first_times(known, split_at, items)
        done = signals(past, items)
    except NothingToDo as error:
        return Choice(FALLBACK, f"nothing to validate on: {error.problem}")
    if not relevant or done.empty:
        return Choice(FALLBACK, "nothing to validate on: no learner was active on both sides of the split")
    asked = Holdout(histories, relevant, pd.DataFrame(), np.zeros(0, dtype=bool), new)
    validation: dict[str, float] = {}
    left_out: dict[str, str] = {}
    for name, kind in make.items():
        try:
            validation[name] = float(asked.rank(kind().fit(done, features), K)[1]["ndcg"].mean())
        except LearnloopError as error:  # a model that says it cannot: too many items for its memory
            left_out[name] = error.problem
    if not validation:
        return Choice(FALLBACK, "no model could be fitted on the inner training part", left_out=left_out)
    best = max(validation, key=lambda name: validation[name])
    why = f"best NDCG@{K} on the validation part of the training data"
    return Choice(best, why, validation, len(relevant), left_out)
