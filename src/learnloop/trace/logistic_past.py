"""One learner's answers, read once, in; whatever the logistic tracer is then asked of that moment, out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from learnloop.trace.histories import distinct
from learnloop.trace.logits import squashed
from learnloop.trace.practice_features import Profile

if TYPE_CHECKING:
    from learnloop.trace.logistic import LogisticTracer


@dataclass(frozen=True)
class LogisticPast:
    """What LogisticTracer says of one history at one moment, asked as often as one likes."""

    tracer: "LogisticTracer"
    profile: Profile  # what the learner has behind them
    belief: np.ndarray  # (b + 1,) of the ability

    def predict_next(self, item_ids: Sequence[str], concept_ids: Sequence[Sequence[str]]) -> np.ndarray:
        """(len(item_ids),) P(correct); concept_ids: the concepts of each item."""
        tracer, profile = self.tracer, self.profile
        of_learner, of_concept, of_item, of_ability = np.split(
            tracer.slopes / tracer.scale, np.cumsum(tracer.groups.widths)
        )
        items, _ = tracer.codes_of(item_ids, [])
        base = tracer.intercept + profile.learner @ of_learner + self.belief @ of_ability
        tried = profile.items @ of_item
        logits = base + tracer.item_weights[items] + tried[[profile.item_codes.get(i, -1) for i in item_ids]]
        lists = [distinct(concepts) for concepts in concept_ids]
        flat = [c for concepts in lists for c in concepts]
        of_pair = (profile.concepts @ of_concept)[[profile.concept_codes.get(c, -1) for c in flat]]
        of_pair += tracer.concept_weights[[tracer.concepts.get(c, -1) for c in flat]]
        sizes = np.array([len(concepts) for concepts in lists], dtype=np.int64)
        rows = np.repeat(np.arange(len(lists)), sizes)
        return squashed(logits + np.bincount(rows, of_pair / sizes[rows], len(lists)))

    def mastery(self, concept_ids: Sequence[str]) -> pd.DataFrame:
        """concept_id, mastery, sd, attempts: P(correct) on an average item of each concept."""
        profile, n = self.profile, len(concept_ids)
        _, codes = self.tracer.codes_of([], concept_ids)
        there = [profile.concept_codes.get(c, -1) for c in concept_ids]
        x = np.hstack([
            np.tile(profile.learner, (n, 1)), profile.concepts[there], np.tile(profile.items[-1], (n, 1)),
            np.tile(self.belief, (n, 1)),
        ])  # fmt: skip
        attempts = np.round(profile.attempts[there]).astype(np.int64)
        p, sd = self.tracer.mastery_of(x, codes, attempts)
        ids = pd.array(list(concept_ids), dtype="str")
        return pd.DataFrame({"concept_id": ids, "mastery": p, "sd": sd, "attempts": attempts})
