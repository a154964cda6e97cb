"""Answers drawn from the logistic tracer's own model, so that a fit can be held against known weights."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

EPOCH = pd.Timestamp("2026-01-05T08:00:00Z")
SLOPES = (0.8, -0.5, 0.7, -0.4, 0.5, -0.2)  # wins and tries: overall, on the concepts, on the item


@dataclass(frozen=True)
class Planted:
    """answers: an ANSWERS frame. P(correct) = sigmoid(intercept + item + mean(concepts) + slopes · x).

    x = log(1 + count) of right answers and of answers before: overall, concepts (mean), item.
    """

    answers: pd.DataFrame
    probabilities: np.ndarray  # (n,) of each row
    items: pd.DataFrame  # item_id, concept_ids, easiness (logits, its own), difficulty (minus total)
    concepts: pd.DataFrame  # concept_id, easiness (logits)
    intercept: float
    slopes: tuple[float, ...]


def planted_answers(
    *,
    n_learners: int = 300,
    n_items: int = 60,
    n_concepts: int = 12,
    answers_per_learner: int = 80,
    seed: int,
    intercept: float = 0.2,
    slopes: tuple[float, ...] = SLOPES,
) -> Planted:
    """Every learner answers items drawn at random, one a minute; each third item has two concepts."""
    rng = np.random.default_rng(seed)
    concept_easiness = rng.normal(0.0, 0.5, n_concepts)
    item_easiness = rng.normal(0.0, 0.8, n_items)
    share = np.zeros((n_items, n_concepts))
    for i in range(n_items):
        chosen = rng.choice(n_concepts, size=2 if i % 3 == 0 and n_concepts > 1 else 1, replace=False)
        share[i, chosen] = 1.0 / len(chosen)
    total = item_easiness + share @ concept_easiness

    everyone = np.arange(n_learners)
    overall = np.zeros((2, n_learners))
    by_concept = np.zeros((2, n_learners, n_concepts))
    by_item = np.zeros((2, n_learners, n_items))
    asked = rng.integers(0, n_items, (n_learners, answers_per_learner))
    p = np.zeros(asked.shape)
    correct = np.zeros(asked.shape, dtype=bool)
    for t in range(answers_per_learner):
        item = asked[:, t]
        concepts = share[item]  # (n_learners, n_concepts), rows sum to 1
        means = (np.log1p(by_concept) * concepts).sum(axis=2)
        x = np.stack([*np.log1p(overall), *means, *np.log1p(by_item[:, everyone, item])])
        p[:, t] = 1.0 / (1.0 + np.exp(-(intercept + total[item] + np.asarray(slopes) @ x)))
        correct[:, t] = rng.random(n_learners) < p[:, t]
        counted = np.stack([correct[:, t].astype(float), np.ones(n_learners)])
        overall += counted
        by_concept += counted[:, :, None] * (concepts > 0)
        by_item[:, everyone, item] += counted

    concept_ids = [f"planted:c{c:03d}" for c in range(n_concepts)]
    tuples = [tuple(concept_ids[c] for c in np.flatnonzero(row)) for row in share]
    item_ids = [f"planted:i{i:04d}" for i in range(n_items)]
    answers = pd.DataFrame(
        {
            "learner_id": np.repeat([f"l{i:05d}" for i in everyone], answers_per_learner),
            "item_id": [item_ids[i] for i in asked.ravel()],
            "concept_ids": [tuples[i] for i in asked.ravel()],
            "correct": correct.ravel(),
            "occurred_at": EPOCH
            + pd.to_timedelta(np.tile(np.arange(answers_per_learner), n_learners), unit="min"),
        }
    )
    items = pd.DataFrame(
        {"item_id": item_ids, "concept_ids": tuples, "easiness": item_easiness, "difficulty": -total}
    )
    concepts_frame = pd.DataFrame({"concept_id": concept_ids, "easiness": concept_easiness})
    return Planted(answers, p.ravel(), items, concepts_frame, intercept, tuple(slopes))
