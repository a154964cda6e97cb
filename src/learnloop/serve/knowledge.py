"""What a learner knows, concept by concept, and how sure that is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from learnloop.serve import beliefs
from learnloop.serve.histories import History
from learnloop.serve.state import Serving

COLUMNS = ["concept_id", "title", "mastery", "sd", "low", "high", "attempts", "recall", "due_at"]
CERTAIN = 1e-9


def mastery(
    serving: Serving, history: History, at: pd.Timestamp, concepts: Sequence[str] | None = None
) -> pd.DataFrame:
    """COLUMNS of every concept, or of these alone, at `at`, the most practised first.

    low, high: central 95% interval of the Beta distribution with that mean and standard deviation, which
    stays within [0, 1]. recall and due_at (datetime): of what was practised, None elsewhere and where the
    release has no memory. Empty where the release has no tracer.
    """
    tracer = serving.released.tracer
    titles = serving.content.concept_titles
    if tracer is None:
        return pd.DataFrame(columns=COLUMNS)
    found = tracer.mastery(
        beliefs.answers(serving, history), sorted(titles if concepts is None else concepts), at
    )
    low, high = interval(found["mastery"].to_numpy(float), found["sd"].to_numpy(float))
    remembered = beliefs.recall(serving, history, at)
    kept = [remembered.get(concept) for concept in found["concept_id"]]
    found = found.assign(
        title=[titles[concept] for concept in found["concept_id"]],
        low=low,
        high=high,
        recall=pd.Series([one and one.recall for one in kept], dtype=object),
        due_at=pd.Series([one and one.due_at for one in kept], dtype=object),
    )
    found = found.sort_values(
        ["attempts", "title"], ascending=[False, True], kind="stable", ignore_index=True
    )
    return found[COLUMNS]


def interval(mean: np.ndarray, sd: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) of Beta(a, b) with a + b = mean (1 - mean) / sd^2 - 1, by the method of moments.

    A standard deviation too large for any Beta gives the widest one, a + b close to 0; a mean of 0 or 1, to
    which a probability may be rounded, is taken for the number next to it.
    """
    from scipy.special import betaincinv

    mean = np.clip(mean, CERTAIN, 1 - CERTAIN)
    strength = np.maximum(mean * (1 - mean) / np.maximum(sd, 1e-6) ** 2 - 1, 1e-3)
    a, b = mean * strength, (1 - mean) * strength
    tail = (1 - level) / 2
    return betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
